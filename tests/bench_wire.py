"""`make bench-wire`: what decoding a request costs, next to a bare loop that only splits its bytes, and next to others.

All of a protocol's contenders decode the same recorded request (specimens/hello.toml), each with a fresh decoder that
was made before, in turns (ours, bare, peer, ours, …), because the speed of a machine drifts within minutes. Printed is
the median of the ratios turn by turn, with the smallest and the largest. Before that all must have found the same
variables. The limits are the project's promises: 1.5 times the bare loop, less than every peer. Exit status 1 if one
is missed.

What trips people up: uwsgi-tools only encodes, so that is what it is measured in; our HTTP is built on h11, so it is
not expected to be faster. flup reads from a socket; here from one that is always ready, without its calls of select.
"""

import importlib
import io
import statistics
import struct
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import Any

import h11
from zoo_in_test import REGISTRY

from gateway_zoo.wire import specimen
from gateway_zoo.wire.events import Event, Head, Pairs, Variables
from gateway_zoo.wire.wires import Wires

TURNS = 41
SECONDS = 0.01  # how long one contender decodes in a turn
LIMIT = 1.5

WIRES = Wires(REGISTRY)
Variety = dict[str, str]  # what a contender has found


@dataclass
class Contender:
    """`prepare` makes all that is needed to decode the bytes once; the call of it is measured. `shown` tells what it
    has found."""

    name: str
    prepare: Callable[[bytes], Callable[[], Any]]
    shown: Callable[[Any], Variety]
    seconds: list[float] = field(default_factory=list)


@dataclass
class Row:
    """Our decoder, the bare loop, the others. `promised`: the limits hold for this row."""

    name: str
    data: bytes
    ours: Contender
    bare: Contender | None
    peers: list[Contender]
    beside: list[Contender] = field(default_factory=list)  # for information
    promised: bool = True

    @property
    def all(self) -> list[Contender]:
        return [self.ours, *([self.bare] if self.bare else []), *self.peers, *self.beside]

    def check(self) -> None:
        """Everybody has found the same, and something."""
        expected = self.ours.shown(self.ours.prepare(self.data)())
        assert len(expected) > 3, f"{self.name}: {expected}"
        for one in self.all:
            found = one.shown(one.prepare(self.data)())
            assert found == expected, f"{self.name}, {one.name}: {found} is not {expected}"

    def measure(self) -> None:
        times = max(1, int(SECONDS / timed(self.ours, self.data, 50)))
        for turn in range(TURNS + 1):
            for one in self.all:
                seconds = timed(one, self.data, times)
                if turn:  # the first warms everything up
                    one.seconds.append(seconds)

    def print(self) -> bool:
        print(f"{self.name}: a request of {len(self.data)} bytes")
        held = True
        for one in self.all:
            figure = f"    {one.name:26} {statistics.median(one.seconds) * 1e6:8.2f} us"
            if one is self.ours:
                print(figure)
                continue
            ratios = sorted(ours / theirs for ours, theirs in zip(self.ours.seconds, one.seconds, strict=True))
            middle = statistics.median(ratios)
            verdict, holds = self.judge(one, middle)
            held = held and holds
            print(f"{figure}   ours is {middle:.2f} of it ({ratios[0]:.2f} to {ratios[-1]:.2f}){verdict}")
        return held

    def judge(self, one: Contender, ratio: float) -> tuple[str, bool]:
        if not self.promised or one in self.beside:
            return "", True
        limit = LIMIT if one is self.bare else 1.0
        return f", at most {limit}: {'holds' if ratio <= limit else 'MISSED'}", ratio <= limit


def timed(one: Contender, data: bytes, times: int) -> float:
    """Seconds of CPU for one request: what else runs on this machine is not counted."""
    prepared = [one.prepare(data) for _ in range(times)]
    began = time.process_time()
    for decode in prepared:
        decode()
    return (time.process_time() - began) / times


# --- ours -------------------------------------------------------------------------------------------------


def ours(protocol: str, shown: Callable[[list[Event]], Variety]) -> Contender:
    pair = WIRES[protocol].pair
    return Contender("ours", lambda data: partial(pair()[0].feed, data), shown)


def with_fields(protocol: str, shown: Callable[[list[Event]], Variety]) -> Contender:
    wire = WIRES[protocol]

    def decode(data: bytes) -> list[Event]:
        wire.annotate("request", data)
        return wire.pair()[0].feed(data)

    return Contender("ours, and annotate()", lambda data: partial(decode, data), shown)


def strings(pairs: Pairs) -> Variety:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in pairs}


def variables_of(events: list[Event]) -> Variety:
    return next(strings(event.pairs) for event in events if isinstance(event, Variables))


def headers_of(events: list[Event]) -> Variety:
    return next(lowered(event.headers) for event in events if isinstance(event, Head))


def lowered(pairs: Pairs) -> Variety:
    return {name.lower(): value for name, value in strings(pairs).items()}


# --- bare loops -------------------------------------------------------------------------------------------


def bare(loop: Callable[[bytes], Any], shown: Callable[[Any], Variety]) -> Contender:
    return Contender("bare loop", lambda data: partial(loop, data), shown)


def bare_fastcgi(data: bytes) -> tuple[list[tuple[int, int, bytes]], Pairs]:
    """Records into a list; the content of PARAMS into pairs."""
    records, params, pairs = [], [], Pairs()
    at, end, unpack = 0, len(data), struct.Struct(">BBHHBx").unpack_from
    while at < end:
        _, type, id, length, padding = unpack(data, at)
        content = data[at + 8 : at + 8 + length]
        at += 8 + length + padding
        records.append((type, id, content))
        if type == 4:
            if content:
                params.append(content)
            else:
                pairs = bare_pairs(b"".join(params))
    return records, pairs


def bare_pairs(block: bytes) -> Pairs:
    pairs: Pairs = []
    at, end = 0, len(block)
    while at < end:
        name, at = block[at], at + 1
        if name > 127:
            name, at = int.from_bytes(block[at - 1 : at + 3], "big") & 0x7FFFFFFF, at + 3
        value, at = block[at], at + 1
        if value > 127:
            value, at = int.from_bytes(block[at - 1 : at + 3], "big") & 0x7FFFFFFF, at + 3
        middle, after = at + name, at + name + value
        pairs.append((block[at:middle], block[middle:after]))
        at = after
    return pairs


def bare_scgi(data: bytes) -> Pairs:
    colon = data.index(b":")
    parts = data[colon + 1 : colon + int(data[:colon])].split(b"\0")
    return list(zip(parts[::2], parts[1::2], strict=True))


def bare_uwsgi(data: bytes) -> Pairs:
    pairs: Pairs = []
    unpack = struct.Struct("<H").unpack_from
    (size,) = unpack(data, 1)
    at, end = 4, 4 + size
    while at < end:
        (length,) = unpack(data, at)
        middle = at + 2 + length
        (size,) = unpack(data, middle)
        after = middle + 2 + size
        pairs.append((data[at + 2 : middle], data[middle + 2 : after]))
        at = after
    return pairs


def bare_ajp(data: bytes) -> tuple[list[bytes], Pairs, Pairs]:
    """Forward Request: strings, headers (a code or a name), attributes (a code, and a name for 0x0A)."""
    unpack = struct.Struct(">H").unpack_from

    def string(at: int) -> tuple[bytes, int]:
        (length,) = unpack(data, at)
        return (b"", at + 2) if length == 0xFFFF else (data[at + 2 : at + 2 + length], at + 3 + length)

    first, headers, attributes = [data[5:6]], Pairs(), Pairs()
    at = 6
    for _ in range(5):
        text, at = string(at)
        first.append(text)
    (count,) = unpack(data, at + 3)
    at += 5
    for _ in range(count):
        if data[at] == 0xA0:
            name, at = data[at : at + 2], at + 2
        else:
            name, at = string(at)
        value, at = string(at)
        headers.append((name, value))
    while data[at] != 0xFF:
        if data[at] == 0x0A:
            name, at = string(at + 1)
        else:
            name, at = data[at : at + 1], at + 1
        value, at = string(at)
        attributes.append((name, value))
    return first, headers, attributes


def of_codes(found: tuple[list[bytes], Pairs, Pairs]) -> Variety:
    """Codes become names (AJP 1.3, request headers)."""
    names = (
        "accept accept-charset accept-encoding accept-language authorization connection content-type content-length "
        "cookie cookie2 host pragma referer user-agent"
    ).split()
    return {
        names[name[1] - 1] if name[:1] == b"\xa0" else name.decode().lower(): value.decode("latin-1")
        for name, value in found[1]
    }


# --- peers ------------------------------------------------------------------------------------------------


def peer(module: str) -> Any:
    """Most have no types."""
    return importlib.import_module(module)


class Ready:
    """A socket for flup from which everything can be read at once."""

    def __init__(self, data: bytes) -> None:
        self.recv = io.BytesIO(data).read

    def fileno(self) -> int:
        return -1


def flup_fastcgi() -> Contender:
    flup = peer("flup.server.fcgi_base")

    def prepare(data: bytes) -> Callable[[], Variety]:
        sock = Ready(data)
        connection = flup.Connection(sock, None, None, None)
        request = SimpleNamespace(params={})
        connection._requests[1], connection._start_request = request, lambda _: None
        return lambda: decode(sock, connection, request)

    def decode(sock: Ready, connection: Any, request: Any) -> Variety:
        while True:
            record = flup.Record()
            record.read(sock)
            if record.type == flup.FCGI_PARAMS:
                connection._do_params(record)
            elif record.type == flup.FCGI_STDIN and not record.contentLength:
                found: Variety = request.params
                return found

    return Contender("flup", prepare, dict)


def flup_scgi() -> Contender:
    flup = peer("flup.server.scgi_base")

    def decode(sock: Ready) -> Variety:
        parts = [part.decode("latin-1") for part in flup.readNetstring(sock).split(b"\0")[:-1]]
        return dict(zip(parts[::2], parts[1::2], strict=True))

    return Contender("flup", lambda data: partial(decode, Ready(data)), dict)


def flup_ajp() -> Contender:
    flup = peer("flup.server.ajp_base")

    found: list[Variety] = []
    # A request that is not run: its variables are all that we want.
    quiet = type("Quiet", (flup.Request,), {"run": lambda request: found.append(request.environ)})
    server = SimpleNamespace(requestClass=quiet, inputStreamShrinkThreshold=1, scriptName="", environ={})

    def prepare(data: bytes) -> Callable[[], Variety]:
        sock = Ready(data)
        return partial(decode, sock, flup.Connection(sock, None, server, None))

    def decode(sock: Ready, connection: Any) -> Variety:
        packet = flup.Packet()
        packet.read(sock)
        connection._forwardRequest(packet)
        return found.pop()

    return Contender("flup", prepare, from_environ)


def from_environ(environ: Variety) -> Variety:
    """What the headers were that became these variables."""
    names = {name: name[5:] for name in environ if name.startswith("HTTP_")}
    names |= {name: name for name in ("CONTENT_TYPE", "CONTENT_LENGTH") if name in environ}
    return {header.lower().replace("_", "-"): environ[name] for name, header in names.items()}


def fcgiproto() -> Contender:
    made = peer("fcgiproto").FastCGIConnection
    return Contender("fcgiproto", lambda data: partial(made().feed_data, data), lambda events: dict(events[0].params))


def fcgisgi() -> Contender:
    made = peer("fcgisgi.sansio").FastCGIConnection
    return Contender("fcgisgi", lambda data: partial(made().feed_data, data), lambda events: strings(events[1].params))


def sioscgi() -> Contender:
    made = peer("sioscgi.request").SCGIReader

    def events(reader: Any, data: bytes) -> Iterator[Any]:
        reader.receive_data(data)
        while event := reader.next_event():
            yield event
            if type(event).__name__ == "End":
                return

    def decode(reader: Any, data: bytes) -> list[Any]:
        return list(events(reader, data))

    return Contender(
        "sioscgi",
        lambda data: partial(decode, made(), data),
        lambda found: {name: value.decode("latin-1") for name, value in found[0].environment.items()},
    )


def gunicorn() -> Contender:
    read = peer("gunicorn.http.unreader").IterUnreader
    made = peer("gunicorn.uwsgi.message").UWSGIRequest
    config = SimpleNamespace(is_ssl=False)
    return Contender(
        "gunicorn", lambda data: partial(made, config, read([data]), ""), lambda found: dict(found.uwsgi_vars)
    )


def h11_alone() -> Contender:
    def decode(connection: h11.Connection, data: bytes) -> list[Any]:
        connection.receive_data(data)
        return [connection.next_event(), connection.next_event()]

    return Contender(
        "h11 alone",
        lambda data: partial(decode, h11.Connection(h11.SERVER), data),
        lambda events: lowered(list(events[0].headers)),
    )


# --- rows -------------------------------------------------------------------------------------------------


def recorded(cage: str) -> bytes:
    """The request that a real front has sent."""
    path = next(found.path for found in REGISTRY.cages if found.name == cage) / "specimens/hello.toml"
    return specimen.load(path).request


def decoders() -> list[Row]:
    of = variables_of
    return [
        Row(
            "FastCGI",
            recorded("fastcgi"),
            ours("FastCGI", of),
            bare(bare_fastcgi, lambda found: strings(found[1])),
            [fcgiproto(), fcgisgi(), flup_fastcgi()],
            [with_fields("FastCGI", of)],
        ),
        Row(
            "SCGI",
            recorded("scgi"),
            ours("SCGI", of),
            bare(bare_scgi, strings),
            [sioscgi(), flup_scgi()],
            [with_fields("SCGI", of)],
        ),
        Row(
            "uwsgi",
            recorded("uwsgi"),
            ours("uwsgi", of),
            bare(bare_uwsgi, strings),
            [gunicorn()],
            [with_fields("uwsgi", of)],
        ),
        Row(
            "AJP",
            recorded("ajp"),
            ours("AJP", headers_of),
            bare(bare_ajp, of_codes),
            [flup_ajp()],
            [with_fields("AJP", headers_of)],
        ),
        Row(
            "HTTP",
            recorded("wsgi"),
            ours("HTTP", headers_of),
            None,
            [h11_alone()],
            [with_fields("HTTP", headers_of)],
            promised=False,
        ),
    ]


def encoders() -> Row:
    """uwsgi-tools has no decoder. Both encode what the recorded request says; the check reads it again."""
    pack = peer("uwsgi_tools.utils").pack_uwsgi_vars
    data = recorded("uwsgi")
    pairs = next(event.pairs for event in WIRES["uwsgi"].pair()[0].feed(data) if isinstance(event, Variables))
    words, request = strings(pairs), WIRES["uwsgi"].request

    def shown(packet: bytes) -> Variety:
        return variables_of(WIRES["uwsgi"].pair()[0].feed(packet))

    mine = Contender("ours", lambda _: partial(request, pairs), shown)
    theirs = Contender("uwsgi-tools", lambda _: partial(pack, words), shown)
    return Row("uwsgi, encoded", data, mine, None, [theirs])


def main() -> int:
    held = []
    for row in [*decoders(), encoders()]:
        row.check()
        row.measure()
        held.append(row.print())
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
