"""`doctor`: what is missing or in the way, each with its fix (measure/problems.py)."""

from dataclasses import asdict

from gateway_zoo.keeper import state
from gateway_zoo.measure.problems import Problem, everything
from gateway_zoo.registry import plans
from gateway_zoo.settings import Settings
from gateway_zoo.terminal import tables
from gateway_zoo.terminal.messages import print_json


def run(settings: Settings, as_json: bool) -> int:
    """Exit 0: nothing found; 3: something blocks; 1: something is closed, old, or not well."""
    planned = plans.make(settings)
    running = state.running(settings)
    problems = everything(planned, running)
    if as_json:
        print_json([asdict(problem) for problem in problems])
    else:
        _print(settings, problems, running)
    return 3 if any(p.blocks for p in problems) else 1 if problems else 0


def _print(settings: Settings, problems: list[Problem], running: bool) -> None:
    out = tables.console()
    for problem in problems:
        style = "red" if problem.blocks else "yellow"
        out.print(f"{problem.what};", style=style, markup=False)
        tables.line(out, f"    {problem.fix}", style)  # whole, because a person copies it
    if running:
        well = "and needs what is named above" if problems else "all is well"
        out.print(f"a zoo runs here, {well} ({settings.run}; ./zoo down stops it)", markup=False)
    elif not problems:
        out.print("nothing is missing, nothing is in the way")
