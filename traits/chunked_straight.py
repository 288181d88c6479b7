"""Does a chunked upload reach the program, without a front before the gateway?

Only gateways that speak HTTP can be asked.
"""

from gateway_zoo.traits.upload import CHUNKS, arrival, tell_body

AXIS = "Request"
QUESTION = "Does a chunked upload arrive without a front?"
WHY = """
Behind the zoo's fronts no gateway ever meets a body without a length; here each does. waitress keeps the body and
counts it. gunicorn ends the stream itself and says so (wsgi.input_terminated): the program may read without a length.
uvicorn decodes chunks, but a2wsgi does not say it to the WSGI program; uWSGI has a call of its own for chunks. There a
program that obeys PEP 3333 finds no body, and no error.
"""
SOURCE = "RFC 9112, section 7.1; PEP 3333, environ Variables; uWSGI, Chunked input API"
RUNS = 1


def app(environ, start_response):
    """Read the body as PEP 3333 allows, and tell it."""
    return tell_body(environ, start_response)


def probe(cell):
    """Send two chunks at once."""
    headers = [("Transfer-Encoding", "chunked"), ("Connection", "close")]
    head = cell.request(cell.path_at_gateway + "/", "POST", headers, absolute=True, close=False)
    with cell.connect_to_gateway() as connection:
        seen = cell.send(head + CHUNKS[0] + CHUNKS[1], on=connection, until_whole=True, seconds=4)
    return arrival(cell, seen)
