"""What does the client get for `Location` with the code 200?

Once with a path, once with a whole URL.
"""

AXIS = "Response"
QUESTION = "What does the client get for 200 with Location?"
WHY = """
For a CGI program Location is a command. With a path the web server fetches that path itself and sends its content: a
local redirect. With a URL it sends 302. Apache's mod_cgid and mod_fcgid obey both, even beside a status of 200;
mod_proxy_scgi and mod_wsgi's daemons obey the path. All others take Location for a plain header.
"""
SOURCE = "RFC 3875, section 6.2; RFC 9110, section 10.2.2"
RUNS = 1


def app(environ, start_response):
    """Answer `here` with Location; answer `there` below it."""
    there = environ["PATH_INFO"].endswith("/there")
    target = environ["QUERY_STRING"]
    headers = [] if there else [("Location", target)]
    body = b"there" if there else b"here\n"
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5"), *headers])
    return [body]


def probe(cell):
    """Ask for both forms."""
    path = _fate(cell, f"{cell.path}/there")
    url = _fate(cell, f"http://localhost:{cell.port}{cell.path}/there")
    return path if path == url else f"path: {path}, URL: {url}"


def _fate(cell, target):
    seen = cell.ask(f"/?{target}")
    if seen.status == 200 and seen.body == b"there":
        return "fetched"
    if seen.status == 200:
        return "200" if seen.answer.header("location") == target else "200, changed"
    return str(seen.status or seen.ended)
