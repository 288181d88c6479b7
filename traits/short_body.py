"""What happens if the client declares a longer body than it sends?

The client sends half of the body and ends its side of the connection; it still reads.
"""

import socket

AXIS = "Request"
QUESTION = "What if a body is shorter than declared?"
WHY = """
Half of a body must not be taken for the whole. A front that reads everything first sees the end, and asks no gateway.
Apache's modules for SCGI and uwsgi, and mod_wsgi, have begun the program by then: its read gives fewer bytes than
CONTENT_LENGTH says, or an error. A program that does not compare would believe it.
"""
SOURCE = "RFC 9112, section 8; PEP 3333, Input and Error Streams"
RUNS = 1
BODY = b"all of it"


def app(environ, start_response):
    """Tell the probe by a datagram the result of the read."""
    try:
        result = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    except (OSError, RuntimeError, ValueError, LookupError) as error:
        result = type(error).__name__.encode()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth:
        mouth.sendto(result, ("127.0.0.1", int(environ["QUERY_STRING"])))
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"done\n"]


def probe(cell):
    """Send half, end our side, and read."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear, cell.connect() as connection:
        ear.bind(("127.0.0.1", 0))
        ear.settimeout(0.3)
        request = cell.request(f"/?{ear.getsockname()[1]}", "POST", body=BODY)
        connection.sendall(request[:-4])
        connection.shutdown(socket.SHUT_WR)
        seen = cell.send(on=connection)
        try:
            read = ear.recv(100)
        except TimeoutError:
            read = None
    cell.note("request", request[:-4].decode())
    cell.note("program", "did not run" if read is None else f"read {read!r}")
    answer = str(seen.status or "no answer")
    if read is None:
        return f"{answer}, not run"
    if read == BODY[:-4]:
        return f"{answer}, half is read"
    return f"{answer}, {read.decode() or 'nothing is read'}"
