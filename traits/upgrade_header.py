"""Do Upgrade and Connection reach the program?"""

from gateway_zoo.traits.telling import tell

AXIS = "Request"
QUESTION = "Do Upgrade and Connection reach the program?"
WHY = """
Both headers hold for one hop only, so a front takes them away before HTTP servers, unless its configuration sends them
again. A gateway with variables may get them as HTTP_UPGRADE and HTTP_CONNECTION, and can do nothing with them: its
protocol has no second way. mod_fcgid removes one, and sets the other to close.
"""
SOURCE = "RFC 9110, sections 7.6.1 and 7.8; RFC 6455, section 4.1"
HANDSHAKE = [
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dHJhaXRzIG9mIGEgem9vIQ=="),
]


def app(environ, start_response):
    """Tell the two headers."""
    return tell(start_response, {name: environ.get(f"HTTP_{name}") for name in ("UPGRADE", "CONNECTION")})


def probe(cell):
    """Send a WebSocket's handshake to a program that speaks none."""
    seen = cell.send(cell.request(headers=HANDSHAKE, close=False), until_whole=True)
    if seen.refusal:
        return seen.refusal
    facts = cell.facts(seen)
    upgrade, connection = facts["UPGRADE"] == "websocket", (facts["CONNECTION"] or "").lower() == "upgrade"
    return {(True, True): "both", (True, False): "Upgrade only", (False, True): "Connection only"}.get(
        (upgrade, connection), "neither"
    )
