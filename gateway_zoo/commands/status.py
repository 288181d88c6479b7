"""`status`: does a zoo run, where, since when, and what is down (measure/status.py)."""

from dataclasses import asdict

from gateway_zoo.measure.status import Status, status
from gateway_zoo.registry.cages import load
from gateway_zoo.settings import Settings
from gateway_zoo.terminal import tables
from gateway_zoo.terminal.messages import print_json


def run(settings: Settings, as_json: bool) -> int:
    """Exit status: 0 all is well, 1 something is down, 3 no zoo runs here."""
    zoo = status(settings, load(settings.root))
    if as_json:
        print_json(asdict(zoo))
    else:
        out = tables.console()
        for line in lines(zoo):
            tables.line(out, line)
        for ill in zoo.down:
            tables.line(out, f"{ill.what};", "yellow")
            tables.line(out, f"    {ill.fix}", "yellow")
    if not zoo.runs:
        return 3
    return 1 if zoo.down else 0


def lines(zoo: Status) -> list[str]:
    """The sentences for people, without what is down."""
    if not zoo.runs:
        return [f"no zoo runs in {zoo.run}; ./zoo up starts it"]
    age = "" if zoo.seconds is None else f", for {duration(zoo.seconds)}"
    fronts = [f"{front:15} {url}/" for front, url in zoo.fronts.items()]
    cells = f"{zoo.opened} cells are open, {zoo.closed} are closed"
    return [f"a zoo runs in {zoo.run}{age}", *fronts, cells, *([] if zoo.down else ["all is well"])]


def duration(seconds: float) -> str:
    """12 s, 3 min, 2 h 5 min, 3 d 4 h."""
    minutes = int(seconds // 60)
    parts = [(minutes // 1440, "d"), (minutes // 60 % 24, "h"), (minutes % 60, "min")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or f"{seconds:.0f} s"
