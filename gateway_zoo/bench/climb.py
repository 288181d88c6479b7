"""Climb a ladder: start the servers of all its steps, measure them in interleaved rounds, end them."""

import msgspec

from gateway_zoo.bench import ladder, plan, run, tools
from gateway_zoo.bench.ground import Ground
from gateway_zoo.bench.ladder import Ladder
from gateway_zoo.bench.plan import Plan
from gateway_zoo.bench.records import Report
from gateway_zoo.bench.rounds import Progress, silent
from gateway_zoo.keeper import own_zoo
from gateway_zoo.settings import Settings

BUDGET_S = 900.0
SLOW_S = 25.0  # for the closed loop of a slow step: CGI without bytecode needs seconds of CPU for a request


def planned(found: Ladder, seed: int, full: bool) -> Plan:
    """The plan of a ladder: `full` has longer parts and more rounds, and latencies."""
    usual = plan.full(seed) if full else plan.quick(seed)
    return msgspec.structs.replace(
        usual,
        mode="ladder",
        connections=found.connections,
        latency_s=usual.latency_s if full else 0.0,
        most_s=SLOW_S,
        budget_s=plan.FULL_S if full else BUDGET_S,
    )


def climb(
    settings: Settings, name: str, seed: int | None, *, full: bool, busy: bool, progress: Progress = silent
) -> Report:
    """Measure the ladder of this name. Raises Stop if it is unknown, or if a server does not start."""
    wanted = ladder.find(name)
    load_tools = tools.find(settings.compose)
    tools.refuse_what_does_not_fit(wanted.most_connections, tcp_gateways=wanted.tcp)
    own_zoo.stop_like_ctrl_c()
    share = tools.busy()
    tools.refuse_busy(share, busy)
    chosen = planned(wanted, plan.new_seed() if seed is None else seed, full)
    with Ground(settings) as ground:
        progress("starting the servers", 0.0, None)
        targets = ladder.targets(wanted, ground)
        return run.run(settings, targets, chosen, wanted.path, load_tools, share, progress, name)
