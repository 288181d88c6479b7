"""`ls`: list the exhibits, from the registry and this machine. In containers the fronts are asked."""

import os
from dataclasses import replace
from typing import Any

from gateway_zoo.commands.tables import exhibits
from gateway_zoo.keeper import state
from gateway_zoo.measure import targets
from gateway_zoo.registry import plans
from gateway_zoo.registry.cagefile import FRONTS
from gateway_zoo.registry.plans import Cell, Plan
from gateway_zoo.settings import Settings
from gateway_zoo.terminal import columns, tables
from gateway_zoo.terminal.columns import Column
from gateway_zoo.terminal.messages import print_json

COLUMNS = (
    *(Column("exhibit"), Column("protocol"), Column("process model"), Column("slots", right=True, rank=1)),
    *(Column("open behind", least=14, gives="lines"), Column("server", rank=2)),
)


def run(settings: Settings, as_json: bool) -> int:
    """Print the table, or `[{id, cage, family, protocol, interface, model, slots, server, fronts}]`."""
    plan = plans.make(settings)
    cells = _cells(plan)
    rows = [_row(plan, exhibit, cells) for exhibit in plan.registry.exhibits]
    if as_json:
        print_json(rows)
        return 0
    _print(plan, rows, cells)
    for error in plan.registry.errors:
        tables.console(error=True).print(f"zoo: {error}", style="yellow", markup=False)
    return 0


def _cells(plan: Plan) -> list[Cell]:
    """Take the cells of the running zoo, which knows what its start left out; in containers ask the fronts."""
    if plan.settings.compose:
        return _ask_fronts(plan)
    return state.running_cells(plan.settings) or plan.cells


def _row(plan: Plan, id: str, cells: list[Cell]) -> dict[str, Any]:
    family = plan.registry.family_of(id)
    cage = plan.registry.cage_of(id)
    own = {cell.front: cell for cell in cells if cell.exhibit == id}
    return {
        "id": id,
        "cage": cage.name,
        "family": family.id,
        "protocol": plan.registry.protocol_of(id),
        "interface": plan.registry.interface_of(id),
        "model": family.model,
        "slots": family.slots,
        "server": family.server,
        "fronts": {
            front: {"closed": own[front].closed} if own[front].closed else {"url": own[front].url} for front in own
        },
    }


def table(rows: list[dict[str, Any]], width: int) -> list[str]:
    """Make the table. In a narrow terminal the server's name is left out first, then the slots."""
    cells = [
        [
            *(row["id"], row["protocol"], row["model"], "any" if row["slots"] is None else str(row["slots"])),
            " ".join(front.removeprefix("apache-") for front, cell in row["fronts"].items() if "url" in cell) or "-",
            row["server"],
        ]
        for row in rows
    ]
    return [text for row in columns.lines(COLUMNS, cells, width) for text in row]


def _ask_fronts(plan: Plan) -> list[Cell]:
    """Ask the fronts for their cells; the addresses are those of this machine."""
    urls = {front: os.environ.get(f"ZOO_{front.upper()}", "") for front in FRONTS}
    cells = targets.elsewhere(plan.settings, plan.registry, urls) if any(urls.values()) else plan.cells
    return [replace(cell, url=plan.cell(cell.exhibit, cell.front).url) for cell in cells]


def _print(plan: Plan, rows: list[dict[str, Any]], cells: list[Cell]) -> None:
    out = tables.console()
    head, *lines = table(rows, out.width)
    tables.line(out, head, "bold")
    for text in lines:
        tables.line(out, text)
    for text in exhibits.closed_lines(plan, cells, out.width):
        tables.line(out, text)
