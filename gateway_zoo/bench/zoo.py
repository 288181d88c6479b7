"""Benchmark the cells of the running zoo, or of the zoo at given addresses: what the command and the centre share."""

from collections.abc import Callable
from dataclasses import dataclass

from gateway_zoo.bench import cells, climb, plan, run, tools
from gateway_zoo.bench.records import Report
from gateway_zoo.bench.rounds import Progress, silent
from gateway_zoo.keeper import own_zoo, privileges, state
from gateway_zoo.measure import targets
from gateway_zoo.settings import Settings


@dataclass(frozen=True)
class Wanted:
    """Which cells, and how. `names`: exhibits or FRONT:ID; none: typical ones. `ladder`: instead of
    cells, the ladder of this name. `busy`: on a busy machine, too."""

    names: list[str]
    front: str = ""
    full: bool = False
    seed: int | None = None
    busy: bool = False
    ladder: str = ""


def measure(
    settings: Settings,
    wanted: Wanted,
    urls: dict[str, str],
    progress: Progress = silent,
    tell: Callable[..., None] = lambda *_: None,
) -> Report:
    """Measure. `tell` gets sentences about what is left out. Raises Stop if nothing can be measured."""
    if wanted.ladder:
        return climb.climb(settings, wanted.ladder, wanted.seed, full=wanted.full, busy=wanted.busy, progress=progress)
    for url in filter(None, urls.values()):
        tools.refuse_address(url, settings.compose)
    load_tools = tools.find(settings.compose)
    registry, all_cells = targets.find(settings, None, urls)
    running = None if any(urls.values()) else state.of_running(settings)
    most = None if wanted.full else plan.QUICK_CELLS
    choice = cells.choose(registry, all_cells, wanted.names, wanted.front, most, running)
    tell(*choice.left_out)
    seed = plan.new_seed() if wanted.seed is None else wanted.seed
    planned = plan.full(seed) if wanted.full else plan.quick(seed)
    tcp = any(registry.exhibits[target.name.rpartition(":")[2]].tcp for target in choice.targets)
    tools.refuse_what_does_not_fit(planned.connections, tcp_gateways=tcp)
    busy = tools.busy()
    tools.refuse_busy(busy, wanted.busy)
    if running:
        privileges.become_owner(settings)
    own_zoo.stop_like_ctrl_c()
    return run.run(settings, choice.targets, planned, f"/{cells.ENDPOINT}", load_tools, busy, progress)
