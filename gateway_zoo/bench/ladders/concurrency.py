"""More clients at once: one exhibit, asked over 1 to 32 connections."""

from collections.abc import Iterator

import msgspec

from gateway_zoo.bench.ground import Ground
from gateway_zoo.bench.ladder import Ladder, Step
from gateway_zoo.bench.records import Target

CONNECTIONS = (1, 2, 4, 8, 16, 32)


def start(ground: Ground) -> Iterator[Target]:
    """Start a zoo with uwsgi, which has four slots."""
    target = ground.cell(ground.zoo(["uwsgi"]), "uwsgi")
    yield from (msgspec.structs.replace(target, connections=count) for count in CONNECTIONS)


LADDER = Ladder(
    title="Concurrency up to the knee",
    about="One uWSGI with four slots, asked over more and more connections. Each sends its next request as soon as the"
    " last one is answered. Beyond the knee a request only waits longer.",
    steps=(
        Step("1 connection", "One request at a time."),
        *(Step(f"{count} connections", f"{count} requests at a time.") for count in CONNECTIONS[1:]),
    ),
    start=start,
)
