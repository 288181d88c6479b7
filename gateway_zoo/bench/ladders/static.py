"""A file from nginx and from Apache's three process models: no gateway is asked."""

from collections.abc import Iterator

import msgspec

from gateway_zoo.bench.ground import Ground
from gateway_zoo.bench.ladder import FRONTS, Ladder
from gateway_zoo.bench.records import Side, Target

FILE = "-web/zoo.css"
WHY = "a file: no gateway is asked"


def start(ground: Ground) -> Iterator[Target]:
    """Start a zoo with all Apaches."""
    zoo = ground.zoo(["wsgi"], mpm="all")
    for front in FRONTS:
        target = ground.cell(zoo, "wsgi", front)
        yield msgspec.structs.replace(
            target,
            url=f"{zoo.settings.url(front)}/{FILE}",
            body=None,
            processes=None,
            threads=None,
            # A gateway inside the front, of which no process is: so the front's CPU is all that a request costs.
            gateway=Side(sessions=target.front.sessions, family="-", why=WHY),
        )


LADDER = Ladder(
    title="Fronts with a file",
    about="nginx and Apache's process models send the same file of the zoo, with its log line and its headers.",
    steps=tuple(FRONTS.values()),
    start=start,
    path=f"/{FILE}",
)
