"""What becomes of a body that the program writes by mistake with 204 or 304?

The connection stays open: a client reads the bytes behind the head as the next answer.
"""

AXIS = "Response"
QUESTION = "What becomes of a body with 204 or 304?"
WHY = """
204 and 304 end with their headers. A body behind them would be taken for the next answer on the connection, so the
server or the front must drop it. Some servers also remove the length, some refuse the program's answer.
"""
SOURCE = "RFC 9112, section 6.3; RFC 9110, sections 15.3.5 and 15.4.5"
RUNS = 1
CODES = {"204": "204 No Content", "304": "304 Not Modified"}


def app(environ, start_response):
    """Write a body where none may be."""
    start_response(CODES[environ["QUERY_STRING"]], [("X-Animal", "okapi")])
    return [b"mistake\n"]


def probe(cell):
    """Ask for each, and for an answer behind it on the same connection."""
    fates = {code: _fate(cell, code) for code in CODES}
    if fates["204"] == fates["304"]:
        return fates["204"]
    return ", ".join(f"{code} {fate}" for code, fate in fates.items())


def _fate(cell, code):
    ping = cell.request(f"/{cell.exhibit.id}/ping", absolute=True)
    seen = cell.send(cell.request(f"/?{code}", close=False) + ping)
    answer = seen.answer
    if str(answer.status) != code:
        return f"becomes {answer.status or seen.ended}"
    if b"mistake" in answer.rest:
        return "sent"
    if not answer.rest:
        cell.note("connection", "the front closed it, though the client had not asked for that")
    return "dropped"
