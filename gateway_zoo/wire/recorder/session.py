"""Record for a program that cannot fork, because it has threads: `python -m gateway_zoo.wire.recorder.session FOLDER`.

It runs the recording fronts, and writes masked recordings to a folder (shelf.py). Its standard input is a pipe:

    a byte          keeps it alive
    the end         ends it: the kernel closes the pipe, however the other program has ended

After `--idle` seconds without a byte and without an entry it ends by itself. It prints a line of JSON (Message) when
the fronts answer, and another at its end.

What trips people up: a death signal (prctl) would come at the end of the thread that started us.
"""

import argparse
import os
import select
import sys
import time
from pathlib import Path

import msgspec

from gateway_zoo.errors import Stop
from gateway_zoo.keeper import ports, privileges, state
from gateway_zoo.registry.cages import load
from gateway_zoo.registry.plans import Cell
from gateway_zoo.settings import Settings, SettingsError, read_settings
from gateway_zoo.wire.recorder.layout import CannotFront
from gateway_zoo.wire.recorder.recording_fronts import RecordingFronts, cells_of_the_zoo, fronts_of
from gateway_zoo.wire.recorder.shelf import Shelf

IDLE_S = 300.0
LOOK_S = 0.5  # between two looks for dead fronts


class Message(msgspec.Struct, frozen=True):
    """`cells`: those of the recording fronts, which answer now. `why`: it does not start, or has ended."""

    cells: list[Cell] = []
    why: str = ""


def main(argv: list[str]) -> int:
    """Record until standard input ends. Returns 3 where it cannot."""
    parser = argparse.ArgumentParser("zoo recorder session", description="record for another program")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--idle", type=float, default=IDLE_S, metavar="SECONDS")
    words = parser.parse_args(argv)
    try:
        settings = state.running_settings(read_settings())
        privileges.become_owner(settings)
        shelf = Shelf(words.folder)
        try:
            why = _record(settings, shelf, words.idle)
        finally:
            shelf.close()
    except (CannotFront, SettingsError) as problem:
        why = str(problem)
    except Stop as problem:
        why = problem.text
    except OSError as problem:
        why = f"the recording ends: {problem.strerror or problem}"
    else:
        _say(Message(why=why))
        return 0
    _say(Message(why=why))
    return 3


def _record(settings: Settings, shelf: Shelf, idle: float) -> str:
    """Record, and return why it ends. Raises CannotFront, OSError."""
    cells = cells_of_the_zoo(settings)
    names = fronts_of(cells)
    fronts = RecordingFronts(
        *(settings, names, [], shelf.entry),
        on_pause=shelf.pause,
        usual=settings.compose or _usual_ports_are_free(settings, names),
        registry=load(settings.root),
        cells=cells,
    )
    with fronts:
        _say(Message(fronts.cells))
        touched = time.monotonic()
        while time.monotonic() < max(touched, shelf.touched) + idle:
            if select.select([0], [], [], LOOK_S)[0]:
                if not os.read(0, 4096):
                    return ""
                touched = time.monotonic()
            fronts.restart_dead()
    return f"it ended by itself after {idle / 60:g} minutes without a request"


def _usual_ports_are_free(settings: Settings, names: list[str]) -> bool:
    return all(ports.free(port) for name in names for port in settings.wire_ports(name))


def _say(message: Message) -> None:
    os.write(1, msgspec.json.encode(message) + b"\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
