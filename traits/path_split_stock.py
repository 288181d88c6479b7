"""How do SCRIPT_NAME and PATH_INFO divide the path with the web servers' stock files?"""

from gateway_zoo.traits.telling import split_words, tell

AXIS = "Request"
QUESTION = "How is the path split with the servers' stock files?"
WHY = """
nginx has a stock file of variables for each protocol, and the files disagree: fastcgi_params puts the whole path into
SCRIPT_NAME, uwsgi_params into PATH_INFO, scgi_params into neither. Then flup takes REQUEST_URI, and aioscgi closes the
connection. Apache's modules for FastCGI and SCGI put the whole path into SCRIPT_NAME; its module for uwsgi cuts right.
A program that reads an empty PATH_INFO is a program with one page.
"""
SOURCE = "RFC 3875, sections 4.1.5 and 4.1.13; nginx's fastcgi_params, scgi_params, uwsgi_params; Apache mod_proxy_fcgi"
SCOPE = "front"
RUNS = 1


def app(environ, start_response):
    """Tell the two parts of the path."""
    return tell(start_response, {name: environ.get(name) for name in ("SCRIPT_NAME", "PATH_INFO")})


def probe(cells):
    """Ask each gateway through a front with stock files. The header X-Trait finds the program on any path."""
    from gateway_zoo.traits.stock_front import ask_all

    target = {cell: f"{cell.path}/a/b" for cell in cells}
    return ask_all(cells, "/a/b", [], lambda cell, facts: split_words(target[cell], facts))
