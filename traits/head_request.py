"""What happens to the body of an answer to HEAD?"""

AXIS = "Request"
QUESTION = "What do program and client see of HEAD?"
WHY = """
An answer to HEAD has the headers of GET and no body. The program may write one: some server on the way must drop it
and keep the Content-Length. Every gateway tells the program HEAD, so a program may also save the work. waitress and
uWSGI write the body all the same, and the front drops it. But Apache keeps its connection to waitress, and now and then
takes the body for its next answer: then the client gets an answer that no program wrote.
"""
SOURCE = "RFC 9110, section 9.3.2; RFC 3875, section 4.3.3"


def app(environ, start_response):
    """Answer with a body, whatever the method is, and tell the method in a header."""
    start_response(
        "200 OK", [("Content-Type", "text/plain"), ("Content-Length", "9"), ("X-Method", environ["REQUEST_METHOD"])]
    )
    return [b"a body...\n"[:9]]


def probe(cell):
    """Ask with HEAD."""
    seen = cell.ask(method="HEAD")
    if seen.refusal:
        return seen.refusal
    answer = seen.answer
    if not answer.header("X-Method"):
        return "an answer of no program"
    length = "length kept" if answer.header("Content-Length") == "9" else "no length"
    return f"{answer.header('X-Method')}; {'a body' if answer.body + answer.rest else length}"
