"""Does the program know whether the client came over TLS?"""

from gateway_zoo.traits.telling import tell

AXIS = "Request"
QUESTION = "Which scheme does the program see, without and with TLS?"
WHY = """
TLS ends at the front. The program needs the scheme for its links and for Secure cookies, and must be told: HTTPS=on as
a variable, or X-Forwarded-Proto over HTTP, if the server believes it.
"""
SOURCE = "PEP 3333, environ Variables (wsgi.url_scheme)"


def app(environ, start_response):
    """Tell the scheme."""
    return tell(start_response, {"scheme": environ["wsgi.url_scheme"], "HTTPS": environ.get("HTTPS")})


def over_tls(cell, request):
    """Send a request over TLS, and read the answer."""
    import socket
    import ssl

    from gateway_zoo.traits.cell import text
    from gateway_zoo.traits.exchange import read_answers

    context = ssl.create_default_context(cafile=str(cell.zoo.settings.tls / "ca.pem"))
    address = (cell.host, cell.zoo.settings.tls_port(cell.front))
    received = b""
    with context.wrap_socket(socket.create_connection(address, timeout=20), server_hostname="localhost") as connection:
        connection.sendall(request)
        while piece := connection.recv(65536):
            received += piece
    cell.note("request over TLS", text(request))
    cell.note("response over TLS", text(received))
    return read_answers(received)[-1]


def probe(cell):
    """Ask without TLS and with it."""
    import json

    plain = cell.ask_facts()["scheme"]
    return f"{plain}, {json.loads(over_tls(cell, cell.request()).body)['scheme']}"
