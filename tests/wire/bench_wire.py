"""`make bench-wire`: what decoding a head costs, next to a bare loop that only splits its bytes, and next to others.

All of a protocol's contenders decode the same recorded bytes (specimens/hello.toml), each with a fresh decoder that
was made before, in turns (ours, bare, peer, ours, …), because the speed of a machine drifts within minutes. Printed is
the median of the ratios turn by turn, with the smallest and the largest. Before that all must have found the same
variables. The limits are the project's promises: 2.0 times the bare loop, less than every peer. Exit status 1 if one
is missed; of CGI's bare loop it is known and only said.

What trips people up: uwsgi-tools only encodes, so that is what it is measured in; our HTTP is built on h11, so it is
not expected to be faster: its limit is ON_H11 times the library.
"""

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import wire_bare
import wire_peers
from wire_peers import Contender, Variety, lowered, strings
from zoo_in_test import REGISTRY

from gateway_zoo.wire import specimen
from gateway_zoo.wire.codecs import Codecs, Direction
from gateway_zoo.wire.events import Event, Head, Other, Variables

TURNS = 41
SECONDS = 0.01  # how long one contender decodes in a turn
LIMIT = 2.0
ON_H11 = 1.5
SHORT = "three lines: finding the head's end and judging it costs more than splitting it"

WIRES = Codecs(REGISTRY)


@dataclass
class Row:
    """Our decoder, the bare loop, the others, and `beside` for information."""

    name: str
    data: bytes
    ours: Contender
    bare: Contender | None
    peers: list[Contender]
    beside: list[Contender]
    known: str = ""  # why the bare loop's is missed
    peer_limit: float = 1.0  # more where our decoder is built on the peer

    @property
    def all(self) -> list[Contender]:
        return [self.ours, *([self.bare] if self.bare else []), *self.peers, *self.beside]

    def check(self) -> None:
        """Everybody has found the same, and something."""
        expected = self.ours.shown(self.ours.prepare(self.data)())
        assert len(expected) > 2, f"{self.name}: {expected}"
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
        print(f"{self.name}: {len(self.data)} bytes")
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
        if one in self.beside:
            return "", True
        limit = LIMIT if one is self.bare else self.peer_limit
        if ratio <= limit:
            return f", at most {limit}: holds", True
        known = self.known if one is self.bare else ""
        return f", at most {limit}: MISSED{known and f' ({known})'}", bool(known)


def timed(one: Contender, data: bytes, times: int) -> float:
    """Seconds of CPU to decode it once: what else runs on this machine is not counted."""
    prepared = [one.prepare(data) for _ in range(times)]
    began = time.process_time()
    for decode in prepared:
        decode()
    return (time.process_time() - began) / times


# --- rows -------------------------------------------------------------------------------------------------


def recorded(cage: str, direction: Direction) -> bytes:
    """What a real front has sent, or a gateway has answered."""
    folder = next(found.path for found in REGISTRY.cages if found.name == cage)
    data: bytes = getattr(specimen.load(folder / "specimens/hello.toml"), direction)
    return data


Loop = tuple[Callable[[bytes], Any], Callable[[Any], Variety]]  # and what it has found


def row(
    protocol: str,
    cage: str,
    loop: Loop | None,
    *peers: Contender,
    direction: Direction = "request",
    known: str = "",
    peer_limit: float = 1.0,
) -> Row:
    wire = WIRES[protocol]

    def feed(data: bytes) -> Callable[[], list[Event]]:
        return partial(wire.decoders()[direction == "response"].feed, data)

    def with_fields(data: bytes) -> list[Event]:
        wire.annotate(direction, data)
        return feed(data)()

    return Row(
        f"{protocol}, a {direction}",
        recorded(cage, direction),
        Contender("ours", feed, found_in),
        Contender("bare loop", lambda data: partial(loop[0], data), loop[1]) if loop else None,
        list(peers),
        [Contender("ours, and annotate()", lambda data: partial(with_fields, data), found_in)],
        known=known,
        peer_limit=peer_limit,
    )


def found_in(events: list[Event]) -> Variety:
    """The variables of a request, or the headers of a head."""
    for event in events:
        if isinstance(event, Variables):
            return strings(event.pairs)
        if isinstance(event, Head):
            return lowered(event.headers)
    return {}


def decoders() -> list[Row]:
    peers = wire_peers
    fastcgi = (wire_bare.fastcgi, lambda found: strings(found[1]))
    return [
        row("FastCGI", "fastcgi", fastcgi, peers.fcgiproto(), peers.fcgisgi(), peers.flup_fastcgi()),
        row("SCGI", "scgi", (wire_bare.scgi, strings), peers.sioscgi(), peers.flup_scgi()),
        row("uwsgi", "uwsgi", (wire_bare.uwsgi, strings), peers.gunicorn()),
        row("AJP", "ajp", (wire_bare.ajp, of_codes), peers.flup_ajp()),
        row("CGI", "cgi_bin", (wire_bare.cgi, lowered), peers.http_client(), direction="response", known=SHORT),
        row("HTTP", "wsgi", None, peers.h11_alone(), peer_limit=ON_H11),
        websocket(),
    ]


def websocket() -> Row:
    """200 short messages in one piece, masked as a client's are."""
    wire: Any = WIRES["WebSocket"]
    texts = [f"message {number} of the usual size, or a little more" for number in range(200)]
    data = b"".join(wire.frame(1, text.encode(), key=b"\x01\x80\xff\x37") for text in texts)

    def payloads(events: list[Event]) -> Variety:
        found = [event.data.decode() for event in events if isinstance(event, Other)]
        return {str(number): text for number, text in enumerate(found)}

    ours = Contender("ours", lambda data: partial(wire.decoders()[0].feed, data), payloads)
    return Row("WebSocket, 200 messages", data, ours, None, [wire_peers.wsproto()], [])


def of_codes(found: wire_bare.Forwarded) -> Variety:
    """Codes become names (AJP 1.3, request headers)."""
    names = (
        "accept accept-charset accept-encoding accept-language authorization connection content-type content-length "
        "cookie cookie2 host pragma referer user-agent"
    ).split()
    return {
        names[name[1] - 1] if name[:1] == b"\xa0" else name.decode().lower(): value.decode("latin-1")
        for name, value in found[1]
    }


def encoders() -> Row:
    """uwsgi-tools has no decoder. Both encode what the recorded request says; the check reads it again."""
    pack = wire_peers.peer("uwsgi_tools.utils").pack_uwsgi_vars
    data = recorded("uwsgi", "request")
    decoded = WIRES["uwsgi"].decoders()[0].feed(data)
    pairs = next(event.pairs for event in decoded if isinstance(event, Variables))
    words, request = strings(pairs), WIRES["uwsgi"].request

    def shown(packet: bytes) -> Variety:
        return found_in(WIRES["uwsgi"].decoders()[0].feed(packet))

    mine = Contender("ours", lambda _: partial(request, pairs), shown)
    theirs = Contender("uwsgi-tools", lambda _: partial(pack, words), shown)
    return Row("uwsgi, encoded", data, mine, None, [theirs], [])


def main() -> int:
    held = []
    for one in [*decoders(), encoders()]:
        one.check()
        one.measure()
        held.append(one.print())
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
