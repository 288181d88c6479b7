"""The values of nginx's variables for one request, as far as the request and the configuration decide them.

A `map` is decided as nginx decides it: first the equal strings, then the regular expressions in their order, then
`default`. A `geo` takes the narrowest network. nginx computes a map when it is used, and then keeps its value. A
variable that only nginx knows ($request_id, $remote_port) has the value None; a map of it is quoted without a row.
"""

import contextlib
import ipaddress
import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote

from gateway_zoo.follow.lines import Line, Request
from gateway_zoo.follow.nginx_files import Statement

VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
#: Rows of a map or geo that are no rows.
WORDS = {"default", "hostnames", "volatile", "ranges", "proxy", "proxy_recursive", "delete"}


def variables(text: str) -> list[str]:
    """The names of the variables in a text of nginx's."""
    return [braced or plain for braced, plain in VARIABLE.findall(text)]


def matched(pattern: str, text: str, *, fold: bool = False) -> re.Match[str] | None:
    """Search with a regular expression of nginx's (PCRE). One that Python cannot read matches nothing."""
    with contextlib.suppress(re.error):
        return re.search(re.sub(r"\(\?<(?=\w)", "(?P<", pattern), text, re.IGNORECASE if fold else 0)
    return None


def normalised(path: str) -> str:
    """The path as nginx compares it with locations: decoded, without //, /./ and /../."""
    parts: list[str] = []
    pieces = unquote(path.partition("?")[0], errors="replace").split("/")[1:]
    for piece in pieces:
        if piece == "..":
            del parts[-1:]
        elif piece not in {"", "."}:
            parts.append(piece)
    is_folder = bool(parts) and pieces[-1] in {"", ".", ".."}
    return "/" + "/".join(parts) + ("/" if is_folder else "")


class Values:
    """The variables of a request. `http`: the block with the maps. `peer`: the client's address, if it is known."""

    def __init__(self, http: Iterable[Statement], request: Request, peer: str | None) -> None:
        self._tables = {each.args[-1].removeprefix("$"): each for each in http if each.name in {"map", "geo"}}
        self._rows: dict[str, tuple[Statement | None, str | None]] = {}
        self._headers: dict[str, str] = {}
        for name, value in request.headers:
            if "_" not in name:  # underscores_in_headers off
                key = name.lower().replace("-", "_")
                self._headers[key] = f"{self._headers[key]}, {value}" if key in self._headers else value
        host = self._headers.setdefault("host", "127.0.0.1")
        self._known: dict[str, str | None] = {
            "uri": normalised(request.path),
            "request_uri": request.path,
            "request_method": request.method,
            "scheme": "https" if request.tls else "http",
            "https": "on" if request.tls else "",
            "host": re.sub(r":\d*$", "", host).lower(),
            "content_type": self._headers.get("content_type", ""),
            "remote_addr": peer,
        }

    def set(self, name: str, value: str | None) -> None:
        """Give a variable a value, as the directive `set` does."""
        self._known[name] = value

    def get(self, name: str) -> str | None:
        if name in self._known:
            return self._known[name]
        if name.startswith("http_"):
            return self._headers.get(name.removeprefix("http_"), "")
        return self._decided(name)[1] if name in self._tables else None

    def expand(self, text: str, groups: re.Match[str] | None = None) -> str | None:
        """The text with its variables replaced; None if a value is unknown."""
        values = {}
        for name in variables(text):
            value = _group(groups, name)
            values[name] = self.get(name) if value is None else value
        if None in values.values():
            return None
        return VARIABLE.sub(lambda match: str(values[match[1] or match[2]]), text)

    def holds(self, condition: tuple[str, ...]) -> bool:
        """Decide the condition of an `if`. One that cannot be decided here does not hold."""
        left = self.expand(condition[0])
        if left is None or len(condition) == 1:
            return left not in {None, "", "0"}
        sign, right = condition[1], condition[-1]
        if sign in {"=", "!="}:
            return (left == self.expand(right)) == (sign == "=")
        if sign.lstrip("!") in {"~", "~*"}:
            return bool(matched(right, left, fold=sign.endswith("*"))) != sign.startswith("!")
        return False

    def lines(self, text: str) -> Iterator[Line]:
        """The maps behind the variables of a text: each with the row that decided, and the maps behind these."""
        for name in variables(text):
            table = self._tables.get(name)
            if table is None:
                continue
            row = self._decided(name)[0]
            yield from self.lines(_source(table))
            yield table.line
            if row:
                yield row.line
                yield from self.lines(row.args[0])

    def _decided(self, name: str) -> tuple[Statement | None, str | None]:
        """The row of a map that gives the variable its value, and the value."""
        if name not in self._rows:
            self._rows[name] = (None, None)  # a map that uses itself
            table = self._tables[name]
            source = self.expand(_source(table))
            rows = [row for row in table.block if row.name not in WORDS]
            row, groups = None, None
            if source is not None:
                row, groups = _in_map(rows, source) if table.name == "map" else (_in_geo(rows, source), None)
            if row is None and (source is not None or not rows):
                row = next((row for row in table.block if row.name == "default"), None)
            if row:
                self._rows[name] = row, self.expand(row.args[0], groups)
            elif source is not None:
                self._rows[name] = None, ""
        return self._rows[name]


def _source(table: Statement) -> str:
    return table.args[0] if len(table.args) > 1 else "$remote_addr"


def _group(groups: re.Match[str] | None, name: str) -> str | None:
    """The group of a match with this name or number; None if there is none."""
    if groups is None:
        return None
    if name.isdigit():
        return (groups[int(name)] or "") if int(name) <= (groups.re.groups or 0) else None
    return groups.groupdict(default="").get(name)


def _in_map(rows: list[Statement], source: str) -> tuple[Statement | None, re.Match[str] | None]:
    for row in rows:
        if not row.name.startswith("~") and row.name.removeprefix("\\").lower() == source.lower():
            return row, None
    for row in rows:
        pattern = row.name.removeprefix("~")
        if row.name.startswith("~") and (
            match := matched(pattern.removeprefix("*"), source, fold=pattern.startswith("*"))
        ):
            return row, match
    return None, None


def _in_geo(rows: list[Statement], source: str) -> Statement | None:
    address = ipaddress.ip_address(source)
    networks = [(ipaddress.ip_network(row.name, strict=False), row) for row in rows]
    inside = [(network.prefixlen, row) for network, row in networks if address in network]
    return max(inside, key=lambda pair: pair[0])[1] if inside else None
