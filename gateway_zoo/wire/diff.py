"""The same request in two ways: which variable is where, and what each way costs in bytes.

HTTP and AJP have no meta-variables: their headers are compared under the names that a gateway makes of them (RFC 3875
4.1.18), the first line as REQUEST_METHOD, REQUEST_URI and SERVER_PROTOCOL. Costs are counted in the fields: a name or
value costs the bytes that stand for it (AJP has codes for some), all that is neither, nor body, is framing.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from gateway_zoo import show
from gateway_zoo.speak import print_json, printable
from gateway_zoo.wire import talk
from gateway_zoo.wire.events import Data, Variables
from gateway_zoo.wire.exchanges import Exchange
from gateway_zoo.wire.fields import Field
from gateway_zoo.wire.meta_variables import CUSTOMARY, RFC3875
from gateway_zoo.wire.rows import below, parts_of_pair
from gateway_zoo.wire.wires import Direction, Wires

if TYPE_CHECKING:
    from gateway_zoo.wire.command import Options

#: Fields of heads without meta-variables -> the one that a gateway makes of them.
BECOMES = {
    "method": "REQUEST_METHOD",
    "target": "REQUEST_URI",
    "req_uri": "REQUEST_URI",
    "version": "SERVER_PROTOCOL",
    "protocol": "SERVER_PROTOCOL",
    "is_ssl": "HTTPS",
    "AJP_REMOTE_PORT": "REMOTE_PORT",
}
AS_THEY_ARE = ("CONTENT_TYPE", "CONTENT_LENGTH")


@dataclass(frozen=True)
class Carried:
    """A variable or header of a head. `sent_as`: its name on the wire, empty for what has a place and no name."""

    name: str
    sent_as: str
    value: str
    name_bytes: int
    value_bytes: int


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
    """One of the two."""

    exhibit: str
    protocol: str
    carried: list[Carried]
    request: Cost
    response: Cost
    errors: list[str]


def side(wires: Wires, exchange: Exchange) -> Side:
    request, response = talk.annotate(wires, exchange.protocol, bytes(exchange.request), bytes(exchange.response))
    said = talk.Talk(wires, exchange.protocol)
    heard = {
        "request": said.feed("request", bytes(exchange.request)) + said.close("request"),
        "response": said.feed("response", bytes(exchange.response)) + said.close("response"),
    }
    headers = not any(isinstance(event, Variables) for _, event in heard["request"])
    carried = list(_carried(request, headers))

    def cost(direction: Direction, all_carried: list[Carried], size: int) -> Cost:
        names = sum(each.name_bytes for each in all_carried)
        values = sum(each.value_bytes for each in all_carried)
        body = sum(
            len(event.data)
            for protocol, event in heard[direction]
            if isinstance(event, Data) and event.stream not in wires[protocol].INNER
        )
        return Cost(names, values, size - names - values - body, body, size)

    return Side(
        exchange.exhibit,
        exchange.protocol,
        carried,
        cost("request", carried, len(exchange.request)),
        cost("response", list(_carried(response, headers=True)), len(exchange.response)),
        exchange.errors,
    )


def _carried(fields: list[Field], headers: bool) -> Iterator[Carried]:
    children = below(fields)
    counted: set[int] = set()
    for index, field in enumerate(fields):
        if index in counted:
            continue
        if parts := parts_of_pair(fields, index, children[index]):
            name = _variable(field.name) if headers else field.name
            yield Carried(name, field.name, field.value, *(_size(part) for part in parts))
        elif headers and (name := _placed(field)):
            inside = [fields[i] for i in children[index]] or [field]
            value = next((part for part in inside if part.value == field.value), field)
            yield Carried(name, "", _plain(field.value), 0, _size(value))
        else:
            continue
        counted.update(children[index])


def _placed(field: Field) -> str:
    """The variable that a nameless part of a head is; empty for what is none, or says that there is none: AJP's null
    string, and its is_ssl of 0."""
    if field.value == "null" or (field.name == "is_ssl" and field.value.startswith("0")):
        return ""
    name = BECOMES.get(field.name, field.name.upper())
    return name if name in RFC3875 or name in CUSTOMARY else ""


def _variable(header: str) -> str:
    name = BECOMES.get(header, header.upper().replace("-", "_"))
    return name if name in AS_THEY_ARE or name in RFC3875 or name in CUSTOMARY else f"HTTP_{name}"


def _plain(value: str) -> str:
    """`2 (GET)` says GET."""
    number, _, said = value.partition(" (")
    return said.removesuffix(")") if said and number.isdigit() else value


def _size(field: Field) -> int:
    return sum(length for _, length in field.spans)


# --- what people see --------------------------------------------------------------------------------------------------


def run(wires: Wires, one: Exchange, other: Exchange, options: "Options") -> int:
    """Exit status: 1 if one of the two had no answer that is the protocol."""
    sides = [side(wires, one), side(wires, other)]
    if options.as_json:
        print_json({"variables": compared(*sides), "sides": [asdict(side) for side in sides]})
    else:
        _print(*sides)
    return 1 if one.errors or other.errors else 0


def compared(one: Side, other: Side) -> list[dict[str, Any]]:
    """A row for each variable: `where` is "both" (they say the same), "differ", or the exhibit that alone has it."""
    values = [dict[str, list[str]]() for _ in range(2)]
    for found, each in zip(values, (one, other), strict=True):
        for carried in each.carried:
            found.setdefault(carried.name, []).append(carried.value)
    rows = []
    for name in dict.fromkeys([*values[0], *values[1]]):
        first, second = (found.get(name) for found in values)
        where = one.exhibit if second is None else other.exhibit if first is None else "both" if first == second else ""
        rows.append({"name": name, "where": where or "differ", "values": [first, second]})
    return rows


def _print(one: Side, other: Side) -> None:
    out = show.console()
    rows = compared(one, other)
    order = {"differ": 0, one.exhibit: 1, other.exhibit: 2, "both": 3}
    table = show.table("", "variable", *(f"{side.exhibit} ({side.protocol})" for side in (one, other)))
    for row in sorted(rows, key=lambda row: order[row["where"]]):
        first, second = (None if values is None else ", ".join(values) for values in row["values"])
        mark = {"differ": "≠", "both": "="}.get(row["where"], "1")
        style = {"≠": "bold yellow", "1": "bold cyan"}.get(mark, "")
        table.add_row(mark, _cell(row["name"]), _cell(first), "same" if mark == "=" else _cell(second), style=style)
    out.print(table)
    counts = {word: sum(row["where"] == word for row in rows) for word in order}
    out.print(
        f"\n{counts['both']} the same (=), {counts['differ']} differ (≠), only one has it (1): "
        f"{counts[one.exhibit]} {one.exhibit}, {counts[other.exhibit]} {other.exhibit}.\n"
    )
    out.print(_costs(one, other))
    for side in (one, other):
        for error in side.errors:
            out.print(f"{side.exhibit}: {printable(error)}", style="bold red", markup=False)


def _costs(one: Side, other: Side) -> Any:
    names = (one.exhibit, other.exhibit)
    table = show.table("bytes", *names, "difference", right=(*names, "difference"))
    for direction in ("request", "response"):
        costs = [asdict(getattr(side, direction)) for side in (one, other)]
        for part in ("names", "values", "framing", "body", "total"):
            a, b = (cost[part] for cost in costs)
            style = "bold" if part == "total" else ""
            table.add_row(f"{direction} {part}", f"{a:,}", f"{b:,}", f"{b - a:+,}" if a != b else "", style=style)
    return table


def _cell(value: str | None) -> str:
    return "-" if value is None else escape(printable(value)) or "(empty)"
