"""Which lines of nginx's configuration applied to a request, and which line made each name on the wire.

nginx_files.py reads the files, nginx_values.py decides maps, nginx_route.py finds the lines in the order of nginx's
phases. This module answers the questions of lines.Reader with them.

A variable of FastCGI, SCGI or uwsgi is on the wire because of a *_param line, or because the client sent a header:
nginx sends X-Name as HTTP_X_NAME, except where a line has that name. An HTTP gateway gets the client's headers, except
where a proxy_set_header line has that name. The rest is nginx's own.
"""

import functools
import re
from collections.abc import Iterator, Mapping, Sequence

from gateway_zoo.follow import nginx_files
from gateway_zoo.follow.lines import Line, Origin, Request
from gateway_zoo.follow.nginx_files import Statement
from gateway_zoo.follow.nginx_route import Route
from gateway_zoo.follow.nginx_values import variables
from gateway_zoo.settings import Settings

#: Variable of nginx -> the directive that decides its value, beside maps.
SHAPED = {"server_name": "server_name", "request_filename": "alias", "document_root": "alias"}
LISTENED = {"server_port", "https", "scheme"}
REQUEST_LINE = "request line"
#: (protocol, name in lower case) -> why nginx sends it without a line.
OWN = {
    (
        "SCGI",
        "content_length",
    ): "nginx's SCGI module counts the body, and sends the length first: the protocol demands it",
    ("HTTP", "content-length"): "nginx has read the whole body, and sends its length",
    ("HTTP", "transfer-encoding"): "nginx's proxy module sends a body of unknown length in chunks",
    ("HTTP", "connection"): "nginx's proxy module sends `close` where no proxy_set_header line changes it",
    ("HTTP", "host"): "nginx's proxy module sends the name in proxy_pass where no proxy_set_header line changes it",
    ("HTTP", "version"): "nginx's proxy module speaks HTTP/1.0 where no proxy_http_version line changes it",
}
REST = "nginx's {} module writes the fields of the protocol; no line sets this one"


class Reader:
    """See lines.Reader. The path decides, not the exhibit. The files are read once, at the first question."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def applied(self, exhibit: str, request: Request) -> list[Line]:
        return self._route(request).lines

    def origins(self, exhibit: str, protocol: str, request: Request, names: Sequence[str]) -> list[Origin]:
        route = self._route(request)
        return [_origin(route, protocol, request, name) for name in names]

    def silent(self, exhibit: str, protocol: str, request: Request, names: Sequence[str]) -> list[Line]:
        heard = {origin.line for origin in self.origins(exhibit, protocol, request, names)}
        return [each.line for each in self._route(request).params() if each.line not in heard]

    def answer_lines(self, exhibit: str, request: Request) -> Mapping[str, Line]:
        route = self._route(request)
        lines = {each.args[0].lower(): each.line for each in route.nearest("add_header") if each.args[1]}
        for tokens in route.nearest("server_tokens"):
            lines["server"] = tokens.line
        if route.returned and route.returned.args[0].startswith("3"):
            lines["location"] = route.returned.line
        return lines

    @functools.cached_property
    def _tree(self) -> tuple[Statement, ...]:
        return nginx_files.read(self._settings)

    def _route(self, request: Request) -> Route:
        settings = self._settings
        port = settings.nginx_tls_port if request.tls else settings.nginx_port
        peer = None if settings.compose else "127.0.0.1"  # in compose, a client has an address of its own
        return Route(self._tree, request, port, peer)


def _origin(route: Route, protocol: str, request: Request, name: str) -> Origin:
    is_http = protocol == "HTTP"
    if is_http and name in {"request-line", "method", "target", "version"}:
        return _of_request_line(route, name)
    if line := _param(route, name, fold=is_http):
        return Origin(name, "line", line=line.line, shaped_by=tuple(dict.fromkeys(_shapes(route, line))))
    if why := OWN.get((protocol, name.lower())):
        return Origin(name, "server", why=why)
    if is_http or name.startswith("HTTP_"):
        return Origin(name, "client", header=_header(request, name if is_http else name.removeprefix("HTTP_")))
    return Origin(name, "server", why=REST.format(protocol))


def _of_request_line(route: Route, name: str) -> Origin:
    """The origin of a part of an HTTP request line. The path in proxy_pass replaces the location's prefix."""
    target = route.target
    if name == "version":
        version = next(iter(route.nearest("proxy_http_version")), None)
        return Origin(name, "line", line=version.line) if version else Origin(name, "server", why=OWN["HTTP", name])
    if name == "method" or target is None or re.fullmatch(r"\w+://(unix:[^:]*:?|[^/]*)", target.args[0]):
        return Origin(name, "client", header=REQUEST_LINE, why="nginx sends it on as the client wrote it")
    return Origin(name, "line", line=target.line, shaped_by=(route.levels[-1].line,))


def _param(route: Route, name: str, *, fold: bool) -> Statement | None:
    """The line that sends this name. Of several lines the last with a value."""
    rows = [each for each in route.params() if each.args[0] == name or (fold and each.args[0].lower() == name.lower())]
    return next((each for each in reversed(rows) if each.args[1]), None)


def _shapes(route: Route, param: Statement) -> Iterator[Line]:
    """The lines that shape the value of a variable: maps, and what the variables of nginx depend on."""
    yield from route.values.lines(param.args[1])
    for name in variables(param.args[1]):
        if name in LISTENED:
            yield route.listen.line
        directive = SHAPED.get(name)
        for level in reversed(route.levels):
            if rows := [each for each in level.block if each.name == directive]:
                if directive == "alias":  # it replaces the prefix of this location
                    yield level.line
                yield from (each.line for each in rows)
                break


def _header(request: Request, name: str) -> str:
    """The client's header behind this name, as the client wrote it."""
    plain = name.replace("_", "-").lower()
    return next((header for header, _ in request.headers if header.lower() == plain), plain.title())
