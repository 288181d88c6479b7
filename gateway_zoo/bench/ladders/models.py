"""One protocol, three process models: uWSGI with four slots as threads, as processes, and as both."""

from collections.abc import Iterator

from gateway_zoo.bench.ground import Ground
from gateway_zoo.bench.ladder import Ladder, Step
from gateway_zoo.bench.records import Target

SHAPES = ((1, 4), (2, 2), (4, 1))


def start(ground: Ground) -> Iterator[Target]:
    """Start a uWSGI for each shape, and one nginx before them."""
    yield from ground.uwsgis(SHAPES)


LADDER = Ladder(
    title="One protocol, three process models",
    about="uWSGI runs the app in four slots each time. Threads of one process share Python's lock; processes do not.",
    steps=(
        Step("1 x 4", "One process with four threads."),
        Step("2 x 2", "Two processes with two threads each: two of them compute at the same time."),
        Step("4 x 1", "Four processes without further threads: no thread waits for the lock of another."),
    ),
    start=start,
)
