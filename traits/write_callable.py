"""Does the callable that start_response returns still write?"""

AXIS = "Response"
QUESTION = "Does start_response's write() work?"
WHY = """
PEP 333 gave old programs a way to write instead of returning pieces, and PEP 3333 keeps it: every server must return
it. Few programs use it, so few notice where it fails.
"""
SOURCE = "PEP 3333, The write() Callable"
RUNS = 1


def app(environ, start_response):
    """Write the first half, return the second."""
    write = start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "11")])
    write(b"hello")
    return [b" world"]


def probe(cell):
    """Compare the body."""
    seen = cell.ask(seconds=4)
    if seen.status != 200:
        return str(seen.status or seen.ended)
    return {b"hello world": "yes", b" world": "the written half is lost", b"hello": "the returned half is lost"}.get(
        seen.body, "changed"
    )
