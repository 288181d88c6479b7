"""When does `100 Continue` come, and has the program begun by then?"""

import time

from gateway_zoo.traits.telling import tell

AXIS = "Request"
QUESTION = "When does 100 Continue come?"
WHY = """
A client with a large body may ask first (Expect: 100-continue), so that a refusal costs no upload. That helps only if
the program decides. A front that reads the whole body first says 100 by itself, before any gateway knows of the
request. Apache opens some gateways first; then the program may already run, but the front still says 100 by itself.
Only in embedded mod_wsgi does the program's first read bring the 100.
"""
SOURCE = "RFC 9110, section 10.1.1; Apache, Proxy100Continue"
SCOPE = "family"
RUNS = 1
BODY = b"12345"
READS_AFTER_S = 0.8  # the program waits so long before it reads
BODY_AFTER_S = 2.0  # the client waits so long between 100 and the body


def app(environ, start_response):
    """Tell when the program began. All processes of a machine read the same monotonic clock."""
    began = time.monotonic()
    time.sleep(READS_AFTER_S)
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    return tell(start_response, {"began": began, "length": len(body), "expect": environ.get("HTTP_EXPECT")})


def probe(cells):
    """Ask all cells of the family at the same time: the probe only waits."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(len(cells)) as pool:
        return dict(zip(cells, pool.map(one, cells), strict=True))


def one(cell):
    """Send the head, wait for 100, wait more, send the body."""
    import json

    from gateway_zoo.traits.cell import text
    from gateway_zoo.traits.exchange import read_answers

    head = cell.request(method="POST", headers=[("Expect", "100-continue"), ("Content-Length", str(len(BODY)))])
    with cell.connect() as connection:
        connection.sendall(head)
        received = connection.recv(65536)
        continued = time.monotonic()
        time.sleep(BODY_AFTER_S)
        body_sent = time.monotonic()
        connection.sendall(BODY)
        while piece := connection.recv(65536):
            received += piece
    cell.note("request", text(head + BODY))
    cell.note("response", text(received))
    answers = read_answers(received)
    if answers[0].status != 100 or answers[-1].status != 200:
        return f"{answers[0].status}, then {answers[-1].status}"
    facts = json.loads(answers[-1].body)
    cell.note("order", f"program began {facts['began'] - continued:.3f} s after 100; it was told {facts['expect']}")
    if facts["began"] > body_sent:
        return "before the program"
    return "when the program reads" if continued > facts["began"] + READS_AFTER_S else "while the program waits"
