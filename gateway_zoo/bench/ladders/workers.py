"""More workers for a program that computes: uWSGI with 1, 2, 4 and 8 processes."""

from collections.abc import Iterator

from gateway_zoo.bench.ground import Ground
from gateway_zoo.bench.ladder import Ladder, Step
from gateway_zoo.bench.records import Target

SHAPES = ((1, 1), (2, 1), (4, 1), (8, 1))


def start(ground: Ground) -> Iterator[Target]:
    """Start a uWSGI for each number, and one nginx before them."""
    yield from ground.uwsgis(SHAPES)


LADDER = Ladder(
    title="Workers of a program that computes",
    about="The app needs a core for each request. More processes than cores cannot give more requests per second.",
    steps=(
        Step("1 worker", "One process, one request at a time."),
        Step("2 workers", "Two processes, so two requests may run at once."),
        Step("4 workers", "Four processes."),
        Step("8 workers", "Eight processes."),
    ),
    start=start,
    connections=16,
)
