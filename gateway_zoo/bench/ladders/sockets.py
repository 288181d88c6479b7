"""TCP and unix: the zoo's own flup, at a port of loopback and at a unix socket."""

from collections.abc import Iterator

from gateway_zoo.bench.ground import Ground
from gateway_zoo.bench.ladder import Ladder, Step
from gateway_zoo.bench.records import Target

IDS = ("fastcgi-tcp", "fastcgi")


def start(ground: Ground) -> Iterator[Target]:
    """Start a zoo with both exhibits: one server, two addresses."""
    zoo = ground.zoo(list(IDS))
    yield from (ground.cell(zoo, id) for id in IDS)


LADDER = Ladder(
    title="TCP and unix",
    about="The same server and the same protocol. nginx opens a connection for each request.",
    steps=(
        Step("TCP", "nginx connects to a port of 127.0.0.1."),
        Step("unix", "nginx connects to a unix socket: the kernel needs no ports, no handshake and no checksums."),
    ),
    start=start,
    tcp=True,
)
