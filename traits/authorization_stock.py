"""Do Authorization and an unchecked REMOTE_USER arrive with the web servers' stock files?"""

from gateway_zoo.traits.telling import tell

AXIS = "Request"
QUESTION = "Does Authorization arrive with stock files?"
WHY = """
nginx's fastcgi_params sends REMOTE_USER, the name in the header Authorization, also where nginx has not checked the
password. A program that believes REMOTE_USER then believes the client. Apache sets REMOTE_USER only after a check.
"""
SOURCE = "RFC 3875, section 4.1.11; nginx, ngx_http_core_module, $remote_user"
SCOPE = "front"
RUNS = 1
NAMES = ("HTTP_AUTHORIZATION", "REMOTE_USER", "AUTH_TYPE")


def app(environ, start_response):
    """Tell what the program knows of the user."""
    return tell(start_response, {name: environ.get(name) for name in NAMES})


def words(cell, facts):
    """Name what arrives."""
    arrives = "arrives" if facts["HTTP_AUTHORIZATION"] else "kept back"
    return arrives + (", REMOTE_USER set" if facts["REMOTE_USER"] else "")


def probe(cells):
    """Send a name and a password that no server knows, through a front with stock files."""
    from gateway_zoo.traits.stock_front import ask_all

    return ask_all(cells, "/", [("Authorization", "Basic dmlzaXRvcjpub25l")], words)
