"""What does a WebSocket's handshake get?"""

AXIS = "Request"
QUESTION = "What does a WebSocket's handshake get?"
WHY = """
101 turns the connection into a two-way stream. WSGI cannot say it: a program returns one answer to one request, so the
zoo's app answers 501. ASGI can, if the front passes the handshake on and then copies bytes both ways; the zoo's fronts
do so at /asgi/news/socket alone. The app of the zoo answers here, not one of the traits.
"""
SOURCE = "RFC 6455, section 4.2; ASGI 3.0, WebSocket"
RUNS = 1
KEY = "dHJhaXRzIG9mIGEgem9vIQ=="
HANDSHAKE = [
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", KEY),
]
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
CLOSE = b"\x88\x82\0\0\0\0\x03\xe8"  # a close frame, masked with 0, code 1000


def probe(cell):
    """Send the handshake; close an open WebSocket."""
    import base64
    import hashlib

    request = cell.request(f"/{cell.exhibit.id}/news/socket", headers=HANDSHAKE, absolute=True, close=False)
    seen = cell.send(request, 1.0, CLOSE, until_whole=True)
    if seen.status != 101:
        return str(seen.status or seen.ended)
    accept = base64.b64encode(hashlib.sha1(f"{KEY}{GUID}".encode(), usedforsecurity=False).digest()).decode()
    return "101, it opens" if seen.answer.header("Sec-WebSocket-Accept") == accept else "101, wrong key"
