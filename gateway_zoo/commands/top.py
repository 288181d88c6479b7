"""`top`: the families and their processes, live (measure/population_watch.py), in a terminal (tables/top_screen.py).

Where the output is no terminal it says so and exits 2; `--json` prints one snapshot anywhere.
"""

import os
import sys

import msgspec

from gateway_zoo.errors import fail
from gateway_zoo.keeper import privileges, state
from gateway_zoo.measure.population_watch import Watch
from gateway_zoo.registry.cages import load
from gateway_zoo.settings import Settings
from gateway_zoo.terminal.messages import print_json

SWEEP_S = 3.0


def run(settings: Settings, as_json: bool) -> int:
    """Show the zoo until `q`, Ctrl-C or a signal. Raises Stop."""
    if not as_json and not (sys.stdin.isatty() and sys.stdout.isatty()):
        fail("zoo top needs a terminal; zoo top --json prints one snapshot, zoo ps the tree", 2)
    if settings.compose and os.environ.get("ZOO_FAMILY", "zoo") == "zoo":
        fail("a container sees its own processes only: docker compose exec SERVICE zoo top, or docker compose top", 3)
    if not settings.compose:
        privileges.become_owner(settings)
        if state.of_running(settings) is None:
            fail("the zoo is not running; ./zoo up starts it", 3)
    watch = Watch(settings, load(settings.root), SWEEP_S)
    if as_json:
        print_json(msgspec.to_builtins(watch.look()))
        watch.close()
        return 0
    from gateway_zoo.commands.tables.top_screen import Top  # late: half a second

    return Top(settings, watch).run() or 0
