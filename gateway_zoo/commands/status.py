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
    minutes, hours, days = int(seconds // 60), int(seconds // 3600), int(seconds // 86400)
    if minutes < 1:
        return f"{seconds:.0f} s"
    if hours < 1:
        return f"{minutes} min"
    return f"{hours} h {minutes % 60} min" if days < 1 else f"{days} d {hours % 24} h"
