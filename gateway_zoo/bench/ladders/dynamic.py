"""The app behind nginx and behind Apache's three process models: the same gunicorn answers."""

from collections.abc import Iterator

from gateway_zoo.bench.ground import Ground
from gateway_zoo.bench.ladder import FRONTS, Ladder
from gateway_zoo.bench.records import Target


def start(ground: Ground) -> Iterator[Target]:
    """Start a zoo with all Apaches."""
    zoo = ground.zoo(["wsgi"], mpm="all")
    yield from (ground.cell(zoo, "wsgi", front) for front in FRONTS)


LADDER = Ladder(
    title="Fronts with a program",
    about="The same gunicorn behind nginx and behind Apache's process models. The app's share of the work is the same.",
    steps=tuple(FRONTS.values()),
    start=start,
)
