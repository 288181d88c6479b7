"""Does a slow upload hold a worker of the gateway?

As many clients as the gateway has workers send half of a body, and wait. Then a further client asks ping.
"""

import socket
import time

AXIS = "Request"
QUESTION = "Does a slow upload hold a worker?"
WHY = """
A front that reads the whole body first spends a socket and some memory on a slow client. A front that opens its gateway
first spends a worker: four slow clients stop a gateway with four workers. nginx reads first for every protocol. Apache
does so for FastCGI, HTTP and mod_fcgid, as the zoo sets it; its modules for SCGI, uwsgi and AJP, mod_cgid and mod_wsgi
open the gateway first.
"""
SOURCE = "nginx, proxy_request_buffering; Apache, mod_buffer and mod_reqtimeout"
RUNS = 1
UPLOADS = 4  # more than that only shows how many there are: every gateway of the zoo with fixed workers has four
BODY = b"half and the other half"
HALF = 4


def app(environ, start_response):
    """Tell the probe by a datagram that the program has begun; then read the body."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth:
        mouth.sendto(b"begun", ("127.0.0.1", int(environ["QUERY_STRING"])))
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def probe(cell):
    """Wait until the programs have begun, or had time enough to begin; then ask ping."""
    began = time.monotonic()
    cell.answers()
    usual = time.monotonic() - began
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(("127.0.0.1", 0))
        uploads = [_half_an_upload(cell, ear.getsockname()[1]) for _ in range(UPLOADS)]
        with cell.connect() as other:
            begun = _begun(ear, usual)
            ping = cell.send(cell.request(f"/{cell.exhibit.id}/ping", absolute=True), on=other, seconds=1 + 10 * usual)
            for upload in uploads:
                upload.sendall(BODY[HALF:])
            after = cell.send(on=other) if not ping.status else ping
        ends = [cell.send(on=upload, quiet=True).status for upload in uploads]
        for upload in uploads:
            upload.close()
    cell.note("uploads", f"programs begun while {UPLOADS} uploads waited: {begun}; their answers at the end: {ends}")
    if not ping.status:
        return "yes, and others wait" if after.status == 200 else f"yes; then {after.status or after.ended}"
    return "yes, others go on" if begun else "no"


def _half_an_upload(cell, port):
    connection = cell.connect()
    connection.sendall(cell.request(f"/?{port}", "POST", body=BODY)[: HALF - len(BODY)])
    return connection


def _begun(ear, usual):
    """Count the programs that begin."""
    begun = 0
    ear.settimeout(0.4 + 5 * usual)
    try:
        while begun < UPLOADS:
            ear.recv(16)
            begun += 1
    except TimeoutError:
        pass
    return begun
