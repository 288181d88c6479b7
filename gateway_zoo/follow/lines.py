"""Lines of configuration, and the origin of each name on the wire: the records that both readers make.

A reader is made for a running zoo's front: `nginx_lines.Reader(settings)`, `apache_lines.Reader(settings, front)`. It
reads the real files, and offers three functions, for one request to one exhibit (see `Reader`).
"""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import msgspec


class Line(msgspec.Struct, frozen=True):
    """A directive. `file`: below the checkout (nginx/params/fastcgi.conf), or of the run
    directory ($ZOO_RUN/nginx/local.conf). `number`: of its first line, from 1. `text`: the directive as it was written,
    without its comment. `comment`: at its end, or the lines directly above it."""

    file: str
    number: int
    text: str
    comment: str = ""


class Request(msgspec.Struct, frozen=True):
    """The facts of a request. `path`: /fastcgi/hello, without the query. `headers`: as the client sent them."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    tls: bool = False


class Origin(msgspec.Struct, frozen=True):
    """Why a name is on the wire.

    `name`: the variable or header, as on the wire. `kind`: `line` (a directive made it: `line`), `client` (the client
    sent it: `header`), `server` (the web server itself: `why` names its part, in a sentence). `shaped_by`: further
    directives that shape the value."""

    name: str
    kind: Literal["line", "client", "server"]
    line: Line | None = None
    header: str = ""
    why: str = ""
    shaped_by: tuple[Line, ...] = ()


class Reader(Protocol):
    """The configuration of one front. Errors: errors.Stop with status 3 where the front's files cannot be read."""

    def applied(self, exhibit: str, request: Request) -> list[Line]:
        """The directives that applied to this request, in the order in which they applied."""

    def origins(self, exhibit: str, protocol: str, request: Request, names: Sequence[str]) -> list[Origin]:
        """An origin for each name on the wire, in the order of `names`. `protocol`: FastCGI, SCGI, uwsgi, AJP, HTTP."""

    def silent(self, exhibit: str, protocol: str, request: Request, names: Sequence[str]) -> list[Line]:
        """The lines for variables and headers that sent nothing for this request: an empty value, a removed header."""

    def answer_lines(self, exhibit: str, request: Request) -> Mapping[str, Line]:
        """Header of the answer, in lower case -> the line that added or changed it."""
