"""One uWSGI, four protocols: the zoo's own family uwsgi, asked at its four sockets."""

from collections.abc import Iterator

from gateway_zoo.bench.ground import Ground
from gateway_zoo.bench.ladder import Ladder, Step
from gateway_zoo.bench.records import Target

IDS = ("uwsgi-http", "uwsgi-scgi", "uwsgi-fastcgi", "uwsgi")


def start(ground: Ground) -> Iterator[Target]:
    """Start a zoo with these exhibits, which are one family."""
    zoo = ground.zoo(list(IDS))
    yield from (ground.cell(zoo, id) for id in IDS)


LADDER = Ladder(
    title="One uWSGI, four protocols",
    about="The same processes answer at four unix sockets. Only the protocol between nginx and uWSGI differs.",
    steps=(
        Step("HTTP", "nginx sends the request as text, and uWSGI splits the path itself."),
        Step("SCGI", "nginx sends the variables of CGI as pairs of names and values, with one length before them all."),
        Step("FastCGI", "nginx sends them in records; each name and each value has its length before it."),
        Step("uwsgi", "nginx sends them in one packet of four bytes more; each name and each value has its length."),
    ),
    start=start,
)
