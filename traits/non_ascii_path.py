"""How does the program get a letter outside ASCII, sent as %C3%A9?"""

from gateway_zoo.traits.telling import tell

AXIS = "Request"
QUESTION = "What becomes of %C3%A9 (é) in a path?"
WHY = """
A path is bytes, and Python's text is not. PEP 3333 puts each byte into one character (latin-1), so the program gets
two characters for the letter é, makes bytes of them, and reads those as UTF-8. Every framework does that by itself.
Apache's modules for SCGI and AJP send the path encoded, and flup does not decode it.
"""
SOURCE = "PEP 3333, Unicode Issues; RFC 3987, section 3.1"
FORMS = {"/\xc3\xa9": "its two bytes", "/\xe9": "one character", "/%C3%A9": "as written", "/\udcc3\udca9": "surrogates"}


def app(environ, start_response):
    """Tell the path."""
    return tell(start_response, {"PATH_INFO": environ.get("PATH_INFO")})


def probe(cell):
    """Ask for the letter é in UTF-8."""
    seen = cell.ask("/%C3%A9")
    if seen.refusal:
        return seen.refusal
    return FORMS.get(cell.facts(seen)["PATH_INFO"].rpartition("non_ascii_path")[2], "other")
