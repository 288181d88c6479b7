"""Run a benchmark from the choice of targets to the report: what the command, the ladders and the self-test share."""

from gateway_zoo.bench import machine, rounds, tools
from gateway_zoo.bench import plan as plans
from gateway_zoo.bench.plan import Plan
from gateway_zoo.bench.records import Report, Target
from gateway_zoo.bench.rounds import Measured, Progress, silent
from gateway_zoo.bench.rows import rows
from gateway_zoo.bench.tools import Tools
from gateway_zoo.registry.cages import load
from gateway_zoo.settings import Settings


def run(
    settings: Settings,
    targets: list[Target],
    plan: Plan,
    path: str,
    load_tools: Tools,
    busy: float,
    progress: Progress = silent,
    ladder: str = "",
) -> Report:
    """Measure these targets, and report. `busy`: share of all cores that was busy before (tools.busy); `path`: what
    each request asks for.

    Raises Stop for an address that is not on this machine. Ctrl-C ends it early; the report has what was measured.
    """
    for target in targets:
        tools.refuse_address(target.url, settings.compose)
    description = machine.describe(settings, load(settings.root), busy)
    measured = rounds.measure(plans.differences(targets), plan, load_tools, progress)
    all_rows, comparisons = rows(measured.targets, measured.rounds, measured.failed)
    return Report(
        machine=description,
        method=measured.plan.method(path, load_tools.versions()),
        targets=measured.targets,
        rounds=measured.rounds,
        rows=all_rows,
        comparisons=comparisons,
        warnings=warnings(measured, busy),
        complete=measured.complete,
        ladder=ladder,
    )


def warnings(measured: Measured, busy: float) -> list[str]:
    """The sentences that a reader must see beside the figures."""
    plan, done = measured.plan, measured.rounds
    sentences = []
    if plan.mode == "quick":
        sentences.append("A quick run is indicative: its parts are short. --full measures longer.")
    if not measured.complete:
        why = "It was interrupted" if measured.interrupted else f"{plans.minutes(plan.budget_s)} were over"
        sentences.append(f"{why}: {len(done)} of {plan.rounds} rounds have begun, the last may lack targets.")
    if moved := [str(each.number) for each in done if each.control_moved]:
        moves = f"moved by more than {plan.control_limit:.0%} in {len(moved)} of {len(done)} rounds"
        sentences.append(f"The machine was not steady: the control {moves} ({', '.join(moved)}).")
    if busy > tools.BUSY_LIMIT:
        sentences.append(f"{busy:.0%} of the processors were busy with other work before the start.")
    sentences += [f"{each.name}: {each.difference}." for each in measured.targets if each.difference]
    return sentences
