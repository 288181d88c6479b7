"""The route of one request through nginx's configuration: the directives that apply, in the order of nginx's phases.

    connection, head     listen, server_name, limits
    server rewrite       if, rewrite, return of the server: the guards
    location             `=`, else the longest prefix, then the regular expressions; again after each rewrite
    location rewrite     the same directives of the location
    access               internal, allow, deny
    content              a gateway: alias, the variables, the *_pass, time limits. Or a file: alias, index, types
    answer, log          add_header, access_log

(nginx, Development guide, "HTTP phases".) A directive that stands in no block of the request's own is taken from the
nearest block around it that has it; *_pass, rewrite, return and if are never inherited.

An index file, try_files and a status with an error_page lead to another address, and nginx begins again at the server.
Whether a file exists is not looked up.
"""

import re
from collections.abc import Iterable

from gateway_zoo.follow.lines import Line, Request
from gateway_zoo.follow.nginx_files import Statement
from gateway_zoo.follow.nginx_values import Values, matched

MOST_TURNS = 10  # nginx itself ends a cycle of internal redirects here
#: The directive that names a gateway -> the directive that makes the gateway's variables.
PASSES = {
    "fastcgi_pass": "fastcgi_param",
    "scgi_pass": "scgi_param",
    "uwsgi_pass": "uwsgi_param",
    "proxy_pass": "proxy_set_header",
}
TLS = ("http2", "ssl_certificate", "ssl_certificate_key", "ssl_protocols", "ssl_session_cache")
HEAD = ("client_header_timeout", "underscores_in_headers", "ignore_invalid_headers", "server_name")
ACCESS = ("internal", "allow", "deny")
BODY = ("client_max_body_size", "client_body_timeout")
FILES = ("root", "alias", "disable_symlinks", "if_modified_since", "etag", "index", "try_files", "ssi", "ssi_types")
TYPES = ("default_type", "charset", "charset_types")
ANSWER = ("add_header", "server_tokens", "send_timeout", "keepalive_timeout")


class Route:
    """`lines`: in order, each once. `levels`: the blocks around the answer, from http to the location. `target`: the
    *_pass, or None where nginx answers itself. `returned`: the last `return`."""

    def __init__(self, tree: Iterable[Statement], request: Request, port: int, peer: str | None) -> None:
        self._request = request
        self.http = next(each for each in tree if each.name == "http")
        self.values = Values(self.http.block, request, peer)
        self.server, self.listen = _server(self.http, port, tls=request.tls)
        self.levels = [self.http, self.server]
        self.target: Statement | None = None
        self.returned: Statement | None = None
        self._uri = self.values.get("uri") or "/"
        self._is_internal = False  # nginx itself has changed the address
        self._has_error_page = False
        self._lines: dict[tuple[str, int], Line] = {}
        self._connection()
        turns = 0
        while self._from_server() and turns < MOST_TURNS:
            turns += 1
            self._is_internal = True
        self._quote_nearest(*ANSWER)
        self._log()

    @property
    def lines(self) -> list[Line]:
        return list(self._lines.values())

    def nearest(self, *names: str) -> list[Statement]:
        """The directives with these names that hold: those of the nearest level that has any, for each name."""
        rows: list[Statement] = []
        for name in names:
            levels = ([each for each in level.block if each.name == name] for level in reversed(self.levels))
            rows += next((level for level in levels if level), [])
        return rows

    def params(self) -> list[Statement]:
        """The directives that make variables or headers of the gateway."""
        return self.nearest(PASSES[self.target.name]) if self.target else []

    # --- phases -------------------------------------------------------------------------------------------------------

    def _connection(self) -> None:
        self._quote(self.listen)
        if self._request.tls:
            self._quote_nearest(*TLS)
        self._quote_nearest(*HEAD)

    def _from_server(self) -> bool:
        """Go from the server's rewrite phase to an answer. Tells whether nginx begins again with another address."""
        self.levels = [self.http, self.server]
        if self._rewrite(self.server) == "return":
            return self._return()
        for _ in range(MOST_TURNS):
            locations = _locations(self.server, self._uri)
            self.levels = [self.http, self.server, *locations]
            for location in locations:
                self._quote(location)
            if self.nearest("internal") and not self._is_internal:
                self._quote_nearest("internal")
                return self._error_page("404")
            before = self._uri
            end = self._rewrite(self.levels[-1]) if locations else ""
            if end == "return":
                return self._return()
            if end == "break" or self._uri == before:
                return self._content()
        return False

    def _rewrite(self, block: Statement) -> str:
        """Run the rewrite directives of a block. Returns the word that ended them: last, break, return, or none."""
        for each in block.block:
            end = ""
            if each.name in {"if", "rewrite", "return", "set"}:
                self._quote(each)
            if each.name == "if" and self.values.holds(each.args):
                end = self._rewrite(each)
            elif each.name == "rewrite":
                end = self._rewritten(*each.args)
            elif each.name == "set":
                self.values.set(each.args[0].removeprefix("$"), self.values.expand(each.args[1]))
            elif each.name == "return":
                self.returned, end = each, "return"
            elif each.name == "break":
                end = "break"
            if end:
                return end
        return ""

    def _rewritten(self, pattern: str, to: str, flag: str = "") -> str:
        match = matched(pattern, self._uri)
        if match is None:
            return ""
        self._uri = (self.values.expand(to, match) or self._uri).partition("?")[0]
        self._is_internal = True
        return "return" if flag in {"redirect", "permanent"} else flag

    def _return(self) -> bool:
        """Answer with a status. Only one without a text may have an error_page."""
        return self.returned is not None and len(self.returned.args) == 1 and self._error_page(self.returned.args[0])

    def _error_page(self, status: str) -> bool:
        """Go where an error_page leads, once. Tells whether nginx begins again there."""
        page = next((each for each in self.nearest("error_page") if status in each.args[:-1]), None)
        if page is None or self._has_error_page:
            return False
        self._has_error_page = True
        self._quote(page)
        name = page.args[-1]
        if not name.startswith("@"):
            self._uri = name
            return True
        named = next(each for each in self.server.block if each.args == (name,))
        self.levels = [self.http, self.server, named]
        self._quote(named)
        self._rewrite(named)
        return False

    def _content(self) -> bool:
        """Ask the gateway, or send a file. Tells whether nginx begins again, with the index file of a folder."""
        self._quote_nearest(*ACCESS)
        self.target = next((each for each in self.levels[-1].block if each.name in PASSES), None)
        if self.target:
            self._gateway(self.target)
            return False
        if self._request.method not in {"GET", "HEAD"}:  # nginx only reads files
            return self._error_page("405")
        self._quote_nearest(*FILES, *TYPES)
        suffix = self._uri.rpartition(".")[2]
        for types in self.nearest("types"):
            for row in types.block:
                if suffix in row.args:
                    self._quote(row)
        index = self.nearest("index")
        if not self._uri.endswith("/") or not index:
            return False
        self._uri += index[0].args[0]
        return True

    def _gateway(self, target: Statement) -> None:
        names = {name.lower() for name, _ in self._request.headers}
        if self._request.method not in {"GET", "HEAD"} or names & {"content-length", "transfer-encoding"}:
            self._quote_nearest(*BODY)
        self._quote_nearest("alias")
        for each in self.params():
            self._quote(each)
        self._quote(target)
        place = re.sub(r"^\w+://", "", target.args[0]).partition("/")[0]
        for each in self.http.block:
            if each.name == "upstream" and each.args == (place,):
                self._quote(each)
        family = target.name.removesuffix("pass")
        others = {each.name for level in self.levels for each in level.block if each.name.startswith(family)}
        self._quote_nearest(*sorted(name for name in others - {*PASSES, *PASSES.values()} if "temp" not in name))

    def _log(self) -> None:
        for log in self.nearest("access_log"):
            self._quote(log)
            for each in self.http.block:
                if each.name == "log_format" and each.args[:1] == log.args[1:2]:
                    self._quote(each)

    # --- quotations ---------------------------------------------------------------------------------------------------

    def _quote_nearest(self, *names: str) -> None:
        for each in self.nearest(*names):
            self._quote(each)

    def _quote(self, statement: Statement) -> None:
        """Add the line, then the maps whose variables it uses."""
        for line in (statement.line, *self.values.lines(" ".join(statement.args))):
            self._lines.setdefault((line.file, line.number), line)


def _server(http: Statement, port: int, *, tls: bool) -> tuple[Statement, Statement]:
    """The server that listens on this port, and its `listen`: the first of several servers, as nginx takes it."""
    servers = [each for each in http.block if each.name == "server"]
    pairs = [(server, each) for server in servers for each in server.block if each.name == "listen"]
    fitting = [pair for pair in pairs if ("ssl" in pair[1].args) == tls]
    exact = [pair for pair in fitting if pair[1].args[0].rpartition(":")[2] == str(port)]
    return [*exact, *fitting, *pairs][0]


def _locations(server: Statement, uri: str) -> list[Statement]:
    return _choose(server, uri)[0]


def _choose(block: Statement, uri: str) -> tuple[list[Statement], bool]:
    """The location for a path, behind the locations around it, and whether no regular expression may replace it."""
    locations = [each for each in block.block if each.name == "location"]
    for each in locations:
        if each.args == ("=", uri):
            return [each], True
    chain: list[Statement] = []
    final = False
    prefixes = [each for each in locations if each.args[0][:1] == "/" or each.args[0] == "^~"]
    if near := max((p for p in prefixes if uri.startswith(p.args[-1])), key=lambda p: len(p.args[-1]), default=None):
        inner, final = _choose(near, uri)
        chain = [near, *inner]
        final = final or near.args[0] == "^~"
    for each in locations if not final else ():
        if each.args[0] in {"~", "~*"} and matched(each.args[1], uri, fold=each.args[0] == "~*"):
            return [each], True
    return chain, final
