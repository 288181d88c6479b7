"""Compare variables and bytes of a request in two protocols.

Framing is what is neither name, nor value, nor body.
"""

from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console

from gateway_zoo.errors import printable
from gateway_zoo.terminal import tables
from gateway_zoo.terminal.columns import Column
from gateway_zoo.terminal.messages import print_json
from gateway_zoo.wire.ask.options import Options
from gateway_zoo.wire.codecs import Codecs, Direction
from gateway_zoo.wire.exchange import Exchange, Fields
from gateway_zoo.wire.view.variables import Variable, variables_of


@dataclass(frozen=True)
class Cost:
    """Bytes of one direction."""

    names: int
    values: int
    framing: int
    body: int
    total: int


@dataclass(frozen=True)
class Side:
    """One of the two. `carried`: the variables of its request."""

    exhibit: str
    protocol: str
    carried: list[dict[str, Any]]
    request: Cost
    response: Cost
    errors: list[str]
    warnings: list[str]
    left_out: int  # bytes that crossed and are not kept: their names and values are not counted


def side(exchange: Exchange, fields: Fields, codecs: Codecs) -> Side:
    """Count the bytes of an exchange."""
    variables = variables_of(exchange.protocol, fields, codecs)

    def cost(direction: Direction) -> Cost:
        names = sum(variable.name_bytes for variable in variables[direction])
        values = sum(variable.value_bytes for variable in variables[direction])
        body, total = exchange.body_bytes.get(direction, 0), exchange.size(direction)
        return Cost(names, values, total - names - values - body, body, total)

    carried = [_row(variable) for variable in variables["request"]]
    left_out = exchange.request_left_out + exchange.response_left_out
    costs = cost("request"), cost("response")
    return Side(exchange.exhibit, exchange.protocol, carried, *costs, exchange.errors, exchange.warnings, left_out)


def _row(variable: Variable) -> dict[str, Any]:
    """`sent_as` is the name on the wire, empty where the place alone says the name."""
    sent_as = variable.name if variable.name_bytes else ""
    sizes = {"name_bytes": variable.name_bytes, "value_bytes": variable.value_bytes}
    return {"name": variable.variable, "sent_as": sent_as, "value": variable.value, **sizes}


def run(codecs: Codecs, first: tuple[Exchange, Fields], other: tuple[Exchange, Fields], options: Options) -> int:
    """Print both. Returns the exit status: 1 if one of them has no answer in the protocol."""
    sides = [side(*first, codecs), side(*other, codecs)]
    if options.as_json:
        print_json({"variables": compare(*sides), "sides": [asdict(side) for side in sides]})
    else:
        _print(*sides)
    return 1 if any(side.errors for side in sides) else 0


def compare(one: Side, other: Side) -> list[dict[str, Any]]:
    """Make a row for each variable. `where`: "both" (same value), "differ", or the only exhibit that has it."""
    values = [dict[str, list[str]]() for _ in range(2)]
    for by_name, each in zip(values, (one, other), strict=True):
        for variable in each.carried:
            by_name.setdefault(variable["name"], []).append(variable["value"])
    rows = []
    for name in dict.fromkeys([*values[0], *values[1]]):
        first, second = (by_name.get(name) for by_name in values)
        where = one.exhibit if second is None else other.exhibit if first is None else "both" if first == second else ""
        rows.append({"name": name, "where": where or "differ", "values": [first, second]})
    return rows


def _print(one: Side, other: Side) -> None:
    out = tables.console()
    rows = compare(one, other)
    order = {"differ": 0, one.exhibit: 1, other.exhibit: 2, "both": 3}
    sides = [Column(f"{side.exhibit} ({side.protocol})", least=10) for side in (one, other)]
    cells, styles = [], []
    for row in sorted(rows, key=lambda row: order[row["where"]]):
        first, second = (None if values is None else ", ".join(values) for values in row["values"])
        mark = {"differ": "≠", "both": "="}.get(row["where"], "1")
        style = {"≠": "bold yellow", "1": "bold cyan"}.get(mark, "")
        cells.append([mark, printable(row["name"]), _cell(first), "same" if mark == "=" else _cell(second)])
        styles.append(style)
    # On a narrow terminal the mark and the name stay, and the values are cut.
    tables.rows(out, [Column(""), Column("variable", least=16), *sides], cells, styles)
    counts = {word: sum(row["where"] == word for row in rows) for word in order}
    out.print(
        f"\n{counts['both']} the same (=), {counts['differ']} differ (≠), only one has it (1): "
        f"{counts[one.exhibit]} {one.exhibit}, {counts[other.exhibit]} {other.exhibit}.\n"
    )
    _print_costs(out, one, other)
    for side in (one, other):
        for error in side.errors:
            out.print(f"{side.exhibit}: {printable(error)}", style="bold red", markup=False)
        for warning in side.warnings:
            out.print(f"{side.exhibit}: warning: {printable(warning)}", style="yellow", markup=False)
        if side.left_out:
            out.print(f"{side.exhibit}: {side.left_out:,} more bytes crossed; not kept; what they name is not counted")


def _print_costs(out: Console, first: Side, other: Side) -> None:
    names = (first.exhibit, other.exhibit, "difference")
    cells, styles = [], []
    for direction, way in (("request", "to the gateway"), ("response", "from the gateway")):
        costs = [asdict(getattr(side, direction)) for side in (first, other)]
        for part in ("names", "values", "framing", "body", "total"):
            a, b = (cost[part] for cost in costs)
            cells.append([f"{way}: {part}", f"{a:,}", f"{b:,}", f"{b - a:+,}" if a != b else ""])
            styles.append("bold" if part == "total" else "")
    tables.rows(out, [Column("bytes"), *(Column(name, right=True) for name in names)], cells, styles)


def _cell(value: str | None) -> str:
    return "-" if value is None else printable(value) or "(empty)"
