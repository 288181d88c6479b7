"""How do SCRIPT_NAME and PATH_INFO divide the path? (The zoo's configuration.)"""

from gateway_zoo.traits.telling import split_words, tell

AXIS = "Request"
QUESTION = "How do SCRIPT_NAME + PATH_INFO split the path?"
WHY = """
The path of a program has two parts: the prefix at which the program is mounted (SCRIPT_NAME), and the rest
(PATH_INFO). A router reads the rest, and makes links with the prefix. Front and gateway must agree on the place of the
cut; no protocol decides it for them. The zoo's fragments make the cut the same everywhere. Compare the stock files.
"""
SOURCE = "RFC 3875, sections 4.1.5 and 4.1.13; PEP 3333, environ Variables"


def app(environ, start_response):
    """Tell the two parts of the path."""
    return tell(start_response, {name: environ.get(name) for name in ("SCRIPT_NAME", "PATH_INFO")})


def probe(cell):
    """Ask for a path of several segments."""
    return split_words(f"{cell.path}/a/b", cell.ask_facts("/a/b"))
