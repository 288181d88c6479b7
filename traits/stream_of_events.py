"""Does each event of a stream arrive as it is written, or do all arrive at the end?

The program writes five events with pauses, and into each the time of its writing.
"""

from gateway_zoo.traits.events import ask_events, write_events

AXIS = "Response"
QUESTION = "Do five events arrive as they are written?"
WHY = """
PEP 3333 makes the server send each piece before it asks the program for the next. The front decides what becomes of it.
Apache passes on what it has. nginx waits until a buffer is full or the answer ends. But in HTTP's chunks nginx knows
how many bytes to wait for, so a chunk goes on at once, proxy_buffering or not. The figure: the first event's arrival.
"""
SOURCE = "PEP 3333, Buffering and Streaming; nginx, proxy_buffering; Apache, ProxyPass flushpackets"
RUNS = 1
UNIT = "ms"


def app(environ, start_response):
    """Write five events."""
    start_response("200 OK", [("Content-Type", "text/event-stream")])
    return write_events()


def probe(cell):
    """Did the first event come before the last one was written?"""
    return ask_events(cell)
