"""The Reader for our Apache: which lines applied to a request, and why each name is on the wire.

apache_config.py reads the lines, and apache_walk.py takes a request through them. Here a name on the wire gets its
origin: a header comes from a line or from the client; a variable comes from a line, or from the ProxyPass or alias that
cuts it out of the path; all else comes from one of Apache's modules, and REASONS has the sentences for it. FastCGI,
SCGI, uwsgi, CGI and WSGI get all variables of the request, also those that only Apache needs. HTTP and AJP get headers
and no variables.

A line that a macro wrote is quoted where it stands in the macro. `applied` and `silent` show the `Use` line, too.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from gateway_zoo.errors import fail
from gateway_zoo.follow import apache_config
from gateway_zoo.follow.apache_config import Directive
from gateway_zoo.follow.apache_walk import Walk, words_of_header
from gateway_zoo.follow.lines import Line, Origin, Request
from gateway_zoo.settings import Settings

#: Protocols that carry headers instead of variables.
WITH_HEADERS = ("HTTP", "AJP")
#: Names whose values a ProxyPass or an alias cuts out of the path.
CUT = ("SCRIPT_NAME", "PATH_INFO", "SCRIPT_FILENAME", "req_uri", "target")
CUT_BY_ALIAS = ("CONTEXT_PREFIX", "CONTEXT_DOCUMENT_ROOT")
#: Headers that a module makes itself, whatever the client sent: (module, header) -> why.
OWN_HEADERS = {
    ("mod_proxy_http", "connection"): "mod_proxy_http decides how long its connection to the gateway lasts.",
    ("mod_proxy_http", "content-length"): "mod_proxy_http counts the bytes of the body.",
    ("mod_proxy_http", "upgrade"): "mod_proxy_http passes the client's wish to change the protocol on.",
    ("mod_fcgid", "connection"): "mod_fcgid sends the same word to all its programs.",
}
#: Why a module sends a name -> the names: of variables, and of the places of AJP and HTTP.
REASONS = {
    "{module} copies it from the client's request line (ap_add_cgi_vars).": (
        *("REQUEST_METHOD", "REQUEST_URI", "QUERY_STRING", "SERVER_PROTOCOL"),
    ),
    "{module} names its version of CGI (ap_add_cgi_vars).": ("GATEWAY_INTERFACE",),
    "{module} puts PATH_INFO behind the document root (ap_add_cgi_vars).": ("PATH_TRANSLATED",),
    "{module} takes it from the connection to the client (ap_add_common_vars).": (
        *("REMOTE_ADDR", "REMOTE_PORT", "SERVER_ADDR", "REQUEST_SCHEME"),
    ),
    "{module} takes it from the client's header Host, or else from the connection (ap_add_common_vars).": (
        *("SERVER_NAME", "SERVER_PORT"),
    ),
    "{module} describes this Apache (ap_add_common_vars).": ("SERVER_SOFTWARE", "SERVER_SIGNATURE", "SERVER_ADMIN"),
    "{module} names the document root; no line sets another than the usual one (ap_add_common_vars).": (
        *("DOCUMENT_ROOT", "CONTEXT_DOCUMENT_ROOT"),
    ),
    "{module} sends it empty, because no Alias took this path (ap_add_common_vars).": ("CONTEXT_PREFIX",),
    "{module} passes Apache's own search path on (ap_add_common_vars).": ("PATH",),
    "mod_rewrite keeps the address that the client asked for.": ("SCRIPT_URL", "SCRIPT_URI"),
    "mod_unique_id makes an id for every request.": ("UNIQUE_ID",),
    "mod_ssl takes it from the first message of the client's TLS.": ("SSL_TLS_SNI",),
    "{module} counts the bytes of the body; the protocol demands the number.": ("CONTENT_LENGTH",),
    "mod_proxy_scgi names the protocol: SCGI demands a 1 here.": ("SCGI",),
    "{module} copies it from the client's request line.": ("method", "protocol", "query_string"),
    "{module} takes it from the connection to the client.": ("remote_addr", "AJP_REMOTE_PORT", "AJP_LOCAL_ADDR"),
    "{module} takes it from the client's header Host, or else from the connection.": ("server_name", "server_port"),
    "{module} asks mod_ssl about the client's TLS.": (
        *("is_ssl", "ssl_cipher", "ssl_session", "ssl_key_size", "AJP_SSL_PROTOCOL"),
    ),
    "{module} speaks this version to every gateway.": ("version",),
}
REASON_OF = {name: reason for reason, names in REASONS.items() for name in names}
OF_WSGI = ("wsgi.", "mod_wsgi.", "apache.")  # how names of mod_wsgi's own begin


class Reader:
    """The Reader of lines.py for Apache: of the configuration that the front has now. Raises Stop."""

    def __init__(self, settings: Settings, front: str = "apache") -> None:
        self._front = front
        self._ports = {False: settings.port(front), True: settings.tls_port(front)}
        self._directives = apache_config.read(settings, front)

    def applied(self, exhibit: str, request: Request) -> list[Line]:
        """See lines.Reader. A line that removes headers applied if the client sent one of them."""
        lines: list[Line] = []
        uses: tuple[Line, ...] = ()
        for directive in self._walk(request).applied:
            lines += [*(directive.uses if directive.uses != uses else ()), directive.line]
            uses = directive.uses
        return lines

    def origins(self, exhibit: str, protocol: str, request: Request, names: Sequence[str]) -> list[Origin]:
        """See lines.Reader. Programs inside Apache have the protocols CGI and WSGI, and the names that they got."""
        finder = _Finder(self._walk(request), protocol)
        return [finder.origin(name) for name in names]

    def silent(self, exhibit: str, protocol: str, request: Request, names: Sequence[str]) -> list[Line]:
        """See lines.Reader. A line that removed a header of the client is in `applied`, too; the others did nothing."""
        sent = {line for origin in self.origins(exhibit, protocol, request, names) for line in _cited(origin)}
        lines = self._walk(request).named("requestheader")
        return list(dict.fromkeys((*each.uses, each.line)[0] for each in lines if each.line not in sent))

    def answer_lines(self, exhibit: str, request: Request) -> Mapping[str, Line]:
        """See lines.Reader. Also lines that would remove or translate a header: the answer is not known here."""
        walk = self._walk(request)
        lines = {words_of_header(each)[1].lower(): each.line for each in walk.answer}
        for each in walk.named("proxypassreverse"):
            if walk.path.startswith(each.args[0]):
                lines.setdefault("location", each.line)
        return lines

    def _walk(self, request: Request) -> Walk:
        try:
            return Walk(self._directives, request, self._ports[request.tls])
        except (re.error, IndexError, ValueError) as error:
            fail(f"a line of {self._front}'s configuration has a form that is not known here: {error}", 3)


class _Finder:
    """Finds the origins of names, for one request."""

    def __init__(self, walk: Walk, protocol: str) -> None:
        self.walk, self.with_headers = walk, protocol in WITH_HEADERS
        self.client = {name.lower(): name for name, _ in walk.request.headers}

    def origin(self, name: str) -> Origin:
        header = self._header(name)
        line = None if header else self._line(name)
        if line:
            return self._by_line(name, line, self._shapers(name))
        if why := OWN_HEADERS.get((self.walk.module, header)):
            upgrade = [line for line in (self.walk.handler,) if line and "upgrade=websocket" in line.args]
            return Origin(name, "server", why=why, shaped_by=tuple(_lines(upgrade)))
        if header in self.walk.set_by:
            return self._by_line(name, self.walk.set_by[header], self.walk.edited_by.get(header, ()))
        if self.walk.module == "mod_proxy_http" and header == "host":
            return self._host(name)
        if header in self.client:
            shaped_by = tuple(_lines(self.walk.edited_by.get(header, ())))
            return Origin(name, "client", header=self.client[header], shaped_by=shaped_by)
        return self._by_server(name)

    def _header(self, name: str) -> str:
        """The header that is sent under this name, in lower case; empty for all else."""
        if self.with_headers:
            return "" if name in REASON_OF or name in CUT else name.lower()
        name = f"HTTP_{name}" if name in {"CONTENT_TYPE", "CONTENT_LENGTH"} else name
        if not name.startswith("HTTP_"):
            return ""
        # Apache drops names with an underscore, so - stands for each.
        return name.removeprefix("HTTP_").replace("_", "-").lower()

    def _line(self, name: str) -> Directive | None:
        """The line that sets a variable, or cuts it out of the path."""
        walk = self.walk
        if not self.with_headers:
            own = {line.args[1]: line for line in walk.named("proxyfcgisetenvif") if walk.module == "mod_proxy_fcgi"}
            # CGI programs get proxy-sendcl as proxy_sendcl.
            plain = {re.sub("[^A-Za-z0-9]", "_", key): line for key, line in walk.env_by.items()}
            tls = "sslengine" if name == "HTTPS" else "ssloptions" if _is_optional(name) else ""
            line = own.get(name) or walk.env_by.get(name) or plain.get(name) or next(iter(walk.named(tls)), None)
            if line:
                return line
        if name in {"SERVER_NAME", "server_name"} and "host" not in walk.headers:
            return next(iter(walk.named("servername")), None)
        aliased = walk.handler is not None and walk.handler.name in {"alias", "scriptalias"}
        return walk.handler if name in CUT or (aliased and name in CUT_BY_ALIAS) else None

    def _shapers(self, name: str) -> list[Directive]:
        """Further lines for a path: the variable that makes the module split it."""
        splits = [line for key, line in self.walk.env_by.items() if re.fullmatch(r"proxy-\w+-pathinfo", key)]
        return splits if name in {"SCRIPT_NAME", "PATH_INFO"} else []

    def _host(self, name: str) -> Origin:
        """mod_proxy_http sends the name in ProxyPass, unless ProxyPreserveHost is on."""
        kept = [line for line in self.walk.named("proxypreservehost") if line.args[0].lower() == "on"]
        if kept and "host" in self.client:
            return Origin(name, "client", header=self.client["host"], shaped_by=tuple(_lines(kept)))
        line = next(iter(self.walk.named("servername")), None) if kept else self.walk.handler
        return self._by_line(name, line, kept) if line else self._by_server(name)

    def _by_line(self, name: str, line: Directive, further: Iterable[Directive] = ()) -> Origin:
        """`further`: lines that shape the value. Also its macro, its Defines, and lines that set variables in it."""
        variables = re.findall(r"%\{([\w-]+)\}e", " ".join(line.args))
        more = [self.walk.env_by[each] for each in variables if each in self.walk.env_by]
        shaped_by = dict.fromkeys((*line.uses, *line.defines, *_lines(more), *_lines(further)))
        return Origin(name, "line", line.line, shaped_by=tuple(shaped_by))

    def _by_server(self, name: str) -> Origin:
        module = self.walk.module or "Apache"
        why = REASON_OF.get(name, "{module} adds it.").format(module=module)
        if name.startswith(OF_WSGI) and module == "mod_wsgi":
            why = "mod_wsgi makes it for the program (PEP 3333)."
        elif name not in REASON_OF and not module.startswith("mod_proxy"):
            why = "The program's own process adds it; neither Apache nor the client sent it."
        rewriting = self.walk.named("rewriteengine")[:1] if name in {"SCRIPT_URL", "SCRIPT_URI"} else []
        return Origin(name, "server", why=why, shaped_by=tuple(_lines(rewriting)))


def _is_optional(name: str) -> bool:
    """Does mod_ssl send this variable only with +StdEnvVars?"""
    return name.startswith("SSL_") and name != "SSL_TLS_SNI"


def _lines(directives: Iterable[Directive]) -> Iterator[Line]:
    for each in directives:
        yield from (*each.uses, each.line)


def _cited(origin: Origin) -> tuple[Line, ...]:
    return (*((origin.line,) if origin.line else ()), *origin.shaped_by)
