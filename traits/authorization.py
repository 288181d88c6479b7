"""Does the header Authorization reach the program?"""

from gateway_zoo.traits.telling import tell

AXIS = "Request"
QUESTION = "Does Authorization reach the program?"
WHY = """
CGI lets a server keep Authorization to itself, because other users of a machine may read the variables of a process.
Apache keeps it from CGI, FastCGI and SCGI programs and from mod_wsgi, unless CGIPassAuth or WSGIPassAuthorization says
otherwise; its modules for uwsgi, HTTP and AJP pass it on. nginx passes it on like any header. REMOTE_USER and
AUTH_TYPE tell the user that a front has checked; here no front checks.
"""
SOURCE = "RFC 3875, sections 4.1.1, 4.1.11 and 4.1.18; Apache, CGIPassAuth"
NAMES = ("HTTP_AUTHORIZATION", "REMOTE_USER", "AUTH_TYPE")


def app(environ, start_response):
    """Tell what the program knows of the user."""
    return tell(start_response, {name: environ.get(name) for name in NAMES})


def probe(cell):
    """Send a name and a password that no server knows."""
    facts = cell.ask_facts(headers=[("Authorization", "Basic dmlzaXRvcjpub25l")])
    arrives = "arrives" if facts["HTTP_AUTHORIZATION"] else "kept back"
    return arrives + (", REMOTE_USER set" if facts["REMOTE_USER"] else "")
