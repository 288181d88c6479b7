"""Does `X-Accel-Buffering: no` make the events of a stream arrive as they are written?

As stream_of_events.py, with this one header more.
"""

from gateway_zoo.traits.events import ask_events, write_events

AXIS = "Response"
QUESTION = "Do events arrive so with X-Accel-Buffering: no?"
WHY = """
The program asks nginx, in a header of its answer, not to collect this answer. So one stream needs no change of the
front's configuration. The header is nginx's invention: nginx obeys and removes it; Apache knows no such header, and
passes it on to the client.
"""
SOURCE = "nginx, proxy_buffering and X-Accel-Buffering"
RUNS = 1
UNIT = "ms"


def app(environ, start_response):
    """Write five events, and ask nginx not to collect them."""
    start_response("200 OK", [("Content-Type", "text/event-stream"), ("X-Accel-Buffering", "no")])
    return write_events()


def probe(cell):
    """Did the first event come before the last one was written?"""
    return ask_events(cell)
