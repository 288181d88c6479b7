"""Which cells `check` and `compare` ask: the running zoo's, or those of any zoo whose fronts' addresses are given.

With addresses only the registry is believed (in containers everything is installed); without, the running zoo's own
list, which knows what is missing on this machine.
"""

from dataclasses import replace

from gateway_zoo import state
from gateway_zoo.cagefile import FRONTS
from gateway_zoo.plan import Cell, optional
from gateway_zoo.registry import Registry, load
from gateway_zoo.settings import Settings
from gateway_zoo.speak import fail, known


def find(made: Settings, ids: list[str] | None, urls: dict[str, str]) -> tuple[Registry, list[Cell]]:
    """The registry and the cells to ask. Exit 3 if no zoo runs here, 2 for an exhibit that does not exist."""
    registry = load(made.root)
    wanted = known(ids, list(registry.exhibits))
    if any(urls.values()):
        cells = [_remote(registry, id, front, urls[front], wanted) for id in registry.exhibits for front in FRONTS]
    else:
        running = state.read(made) if state.running(made) else None
        if running is None:
            fail(f"no zoo is running in {made.run}; ./zoo up starts one, --nginx and --apache name another", 3)
        cells = [Cell(**cell) for cell in running["cells"]]
    return registry, [cell for cell in cells if not wanted or cell.exhibit in wanted]


def _remote(registry: Registry, exhibit: str, front: str, base: str, named: list[str]) -> Cell:
    """Optional exhibits are asked only by name: nobody can tell from outside whether they were left out."""
    cell = Cell(exhibit, front, f"{base.rstrip('/')}/{exhibit}")
    family = registry.families[registry.exhibits[exhibit].family]
    if reason := registry.exhibits[exhibit].closed.get(front):
        return replace(cell, closed=reason)
    if family.mpm and family.runs_in == front:
        return replace(cell, closed=f"works under Apache's {family.mpm} MPM only")
    if family.group and exhibit not in named:
        return replace(cell, closed=optional(family))
    return cell if base else replace(cell, closed=f"no address given; --{front} URL")
