"""nginx itself judges nginx_lines.Reader: what the configuration sends, without one line and with all.

A line that sends something changes the bytes of a request where it is taken out; a silent line changes none. Each name
on the wire has an origin, and a line that is an origin holds the name.
"""

import re
from collections.abc import Iterator

import pytest
from nginx_in_test import BODY, CHUNKED, MAKES, WIRES, EditedNginx, Headers, names_of
from wire_record_in_test import recording
from zoo_in_test import REGISTRY, ROOT, Zoo, eventually

from gateway_zoo.follow.lines import Line, Request
from gateway_zoo.follow.nginx_lines import Reader
from gateway_zoo.settings import Settings
from gateway_zoo.wire.events import Head, Variables
from gateway_zoo.wire.exchanges import Exchanges

PLAIN: Headers = (("Host", "localhost"), ("Content-Length", str(len(BODY))), ("Content-Type", "text/plain"))
#: nginx sends a header of its own where this line is missing: `Connection: close`.
REPLACES = ("nginx/params/proxy.conf", "Connection")


def check_origins(reader: Reader, exhibit: str, request: Request, names: list[str]) -> None:
    """Each name has an origin, and what the origin says of itself is so."""
    protocol = REGISTRY.socket_protocol(exhibit)
    origins = reader.origins(exhibit, protocol, request, names)
    assert [origin.name for origin in origins] == names
    sent = {name for name, _ in request.headers}
    for origin in origins:
        where = f"{request.path}: {origin}"
        if origin.kind == "line":
            assert origin.line, where
            match = MAKES.match(origin.line.text)
            assert match or origin.name in {"target", "version"}, where
            assert match is None or match[2].lower() == origin.name.lower(), where
        elif origin.kind == "client":
            assert origin.header in sent or (origin.name, origin.header) == ("method", "request line"), where
        else:
            assert origin.name.lower().replace("-", "_") == "content_length", where
            assert origin.why, where
        for line in (origin.line, *origin.shaped_by):
            if line and not line.file.startswith("$"):
                assert line.text in "\n".join((ROOT / line.file).read_text().splitlines()[line.number - 1 :]), where


class Edited:
    """An nginx with a server for each line that makes a variable or header, without this line."""

    def __init__(self, nginx: EditedNginx) -> None:
        self.nginx, self.reader = nginx, Reader(nginx.settings)
        self.paths: dict[str, str] = {}  # path of a location with a gateway -> the server with the whole file
        self.lines: dict[Line, tuple[str, str]] = {}  # -> a path that the line concerns, its server
        for file in sorted((ROOT / "nginx/cages").glob("*.conf")):
            whole = nginx.add(file.stem)
            for sign, prefix in re.findall(r"location (= )?(/\S+) \{", file.read_text(encoding="utf-8")):
                path = prefix if sign else f"{prefix}hello"
                lines = [line for line in self.applied(path) if MAKES.match(line.text)]
                if lines:
                    self.paths[path] = whole
                for line in lines:
                    if line not in self.lines:
                        self.lines[line] = path, nginx.add(file.stem, line)

    def applied(self, path: str) -> list[Line]:
        return self.reader.applied("any", Request("POST", path, tuple(PLAIN)))

    def rich(self, path: str) -> Headers:
        """All headers that the lines of this path replace."""
        names = {match[2] for line in self.applied(path) if (match := MAKES.match(line.text))}
        ours = {name for name in names if name.startswith("HTTP_") or not name.isupper()}
        headers = {name.removeprefix("HTTP_").replace("_", "-").title() for name in ours}
        headers -= {"Host", "Connection", "Upgrade", "Transfer-Encoding"}
        own = [("Host", "localhost"), CHUNKED, ("Content-Type", "text/plain")]
        return [
            *own,
            ("Upgrade", "websocket"),
            ("Connection", "upgrade"),
            *((name, "sent") for name in sorted(headers)),
        ]


@pytest.fixture(scope="module")
def edited() -> Iterator[Edited]:
    with EditedNginx() as nginx:
        prepared = Edited(nginx)
        nginx.start()
        yield prepared


@pytest.mark.slow
def test_each_line_changes_the_bytes_of_a_request_or_is_silent(edited: Edited) -> None:
    """Two requests per line: one with all headers that the lines replace, with TLS, and a plain one."""
    everywhere = {
        (f"nginx/{path.relative_to(ROOT / 'nginx')}", number)
        for path in (ROOT / "nginx").rglob("*.conf")
        for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if MAKES.match(text.strip())
    }
    assert {(line.file, line.number) for line in edited.lines} == everywhere
    rich: dict[str, bytes] = {}
    plain: dict[str, bytes] = {}
    silent: dict[str, list[Line]] = {}
    for path, server in edited.paths.items():
        rich[path] = edited.nginx.ask(server, path, edited.rich(path), tls=True)
        plain[path] = edited.nginx.ask(server, path, PLAIN, tls=False)
        exhibit = path.split("/")[1]
        protocol = REGISTRY.socket_protocol(exhibit)
        names = names_of(protocol, plain[path])
        silent[path] = edited.reader.silent(exhibit, protocol, Request("POST", path, tuple(PLAIN)), names)
    for line, (path, server) in edited.lines.items():
        assert edited.nginx.ask(server, path, edited.rich(path), tls=True) != rich[path], f"{line} changes nothing"
        changes = edited.nginx.ask(server, path, PLAIN, tls=False) != plain[path]
        match = MAKES.match(line.text)
        replaces = match is not None and (line.file, match[2]) == REPLACES
        assert changes == (replaces or line not in silent[path]), f"{line} for {path}"


@pytest.mark.slow
def test_each_name_of_each_location_has_one_origin(edited: Edited) -> None:
    for path, server in edited.paths.items():
        exhibit = path.split("/")[1]
        for tls, headers in ((True, edited.rich(path)), (False, PLAIN)):
            data = edited.nginx.ask(server, path, headers, tls=tls)
            names = names_of(REGISTRY.socket_protocol(exhibit), data)
            check_origins(edited.reader, exhibit, Request("POST", path, tuple(headers), tls), names)


@pytest.mark.slow
def test_each_name_of_each_cell_has_one_origin(zoo: Zoo) -> None:
    """The running zoo, recorded."""
    reader = Reader(Settings(root=ROOT, run=zoo.run))
    cells = [id for id, front in zoo.open_cells() if front == "nginx"]
    names: dict[str, list[str]] = {}
    with recording(zoo) as record:
        for id in cells:
            assert record.get(id, path="hello").ok
        eventually(lambda: len(record.entries()) > 4 * len(cells), 5, "all of it written")
        record.stop()
        exchanges = Exchanges(WIRES)
        for entry in record.entries():
            for exchange in exchanges.feed(entry):
                for each in exchanges.events:
                    if isinstance(each.event, Variables):
                        names[exchange.exhibit] = [name.decode() for name, _ in each.event.pairs]
                    elif isinstance(each.event, Head) and each.protocol == "HTTP" and exchange.status is None:
                        names[exchange.exhibit] = ["method", *(name.decode() for name, _ in each.event.headers)]
    assert sorted(names) == sorted(cells)
    client = ("Host", "User-Agent", "Accept", "Accept-Encoding", "Connection")
    for id in cells:
        check_origins(reader, id, Request("GET", f"/{id}/hello", tuple((name, "") for name in client)), names[id])
