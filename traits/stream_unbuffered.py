"""Does `X-Accel-Buffering: no` make the events of a stream arrive as they are written?

As stream_of_events.py, with this one header more.
"""

import time

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
EVENTS = 5
PAUSE = 0.12  # seconds


def app(environ, start_response):
    """Write five events."""
    start_response("200 OK", [("Content-Type", "text/event-stream"), ("X-Accel-Buffering", "no")])
    for number in range(EVENTS):
        if number:
            time.sleep(PAUSE)
        yield b"data: %d %.4f\n\n" % (number, time.monotonic())  # this clock is the same in every process


def probe(cell):
    """Did the first event come before the last one was written?"""
    from gateway_zoo.traits.outcome import Outcome, Unknown

    seen = cell.ask()
    began = time.monotonic() - seen.ms / 1000
    if seen.body.count(b"data:") != EVENTS:
        raise Unknown(f"not all events came: {seen.status or seen.ended}")
    written = float(seen.body.split()[-1])
    first = next(piece.ms for piece in seen.pieces if b"data: " in piece.data)
    pieces = sum(b"data: " in piece.data for piece in seen.pieces)
    cell.note("events", f"{EVENTS} events came in {pieces} pieces")
    return Outcome("as written" if began + first / 1000 < written else "at the end", round(first))
