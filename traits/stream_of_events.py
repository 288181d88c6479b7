"""Does each event of a stream arrive as it is written, or do all arrive at the end?

The program writes five events with pauses, and into each the time of its writing.
"""

import time

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
EVENTS = 5
PAUSE = 0.12  # seconds


def app(environ, start_response):
    """Write five events."""
    start_response("200 OK", [("Content-Type", "text/event-stream")])
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
