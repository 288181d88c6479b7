"""More workers for a program that waits: uWSGI with 1, 2, 4 and 8 processes."""

from collections.abc import Iterator

from gateway_zoo.bench.ground import Ground
from gateway_zoo.bench.ladder import Ladder, Step
from gateway_zoo.bench.records import Target

SHAPES = ((1, 1), (2, 1), (4, 1), (8, 1))


def start(ground: Ground) -> Iterator[Target]:
    """Start a uWSGI for each number, and one nginx before them."""
    yield from ground.uwsgis(SHAPES, "waits:application")


LADDER = Ladder(
    title="Workers of a program that waits",
    about="The program waits for 20 ms, as for a database, and computes almost nothing. Each worker more adds as much.",
    steps=(
        Step("1 worker", "One process: 50 requests per second at most, because each takes 20 ms."),
        Step("2 workers", "Two processes, so two requests wait at the same time."),
        Step("4 workers", "Four processes."),
        Step("8 workers", "Eight processes."),
    ),
    start=start,
    connections=16,
)
