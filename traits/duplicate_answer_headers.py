"""Do two headers of the same name both reach the client?"""

AXIS = "Response"
QUESTION = "Are two Set-Cookie and two X-Animal kept?"
WHY = """
A list of pairs can have a name twice; a mapping cannot. Where a server or front keeps headers in a mapping, one is lost
or they are joined by a comma. Joining is allowed for all names but Set-Cookie, because a cookie's date has a comma.
"""
SOURCE = "RFC 9110, section 5.3; RFC 6265, section 3"
RUNS = 1


def app(environ, start_response):
    """Send each name twice."""
    headers = [("Set-Cookie", "a=1"), ("X-Animal", "okapi"), ("Set-Cookie", "b=2"), ("X-Animal", "tapir")]
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3"), *headers])
    return [b"ok\n"]


def probe(cell):
    """Compare the two names."""
    answer = cell.ask().answer
    cookies = _fate(answer.all("Set-Cookie"), ["a=1", "b=2"])
    animals = _fate(answer.all("X-Animal"), ["okapi", "tapir"])
    fates = {"Set-Cookie": cookies, "X-Animal": animals}
    return ", ".join(f"{name} {fate}" for name, fate in fates.items() if fate != "both") or "both of each"


def _fate(values, sent):
    if values == sent:
        return "both"
    if len(values) == 1 and "," in values[0]:
        return "joined"
    return {"": "none", sent[0]: "first only", sent[1]: "last only"}.get(",".join(values), "changed")
