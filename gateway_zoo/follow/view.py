"""Print a way: its stations under each other, with the times between them; or two ways side by side.

What trips people up: strangers wrote nearly all of it. Nothing reaches the terminal unescaped.
"""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from gateway_zoo.errors import printable
from gateway_zoo.follow import beside
from gateway_zoo.follow.beside import STATIONS, Station, origin_text, place
from gateway_zoo.follow.lines import Line
from gateway_zoo.follow.stations import Side, Talk, Way
from gateway_zoo.terminal import columns, tables
from gateway_zoo.terminal.columns import Column

INDENT = "  "
FEW_HEADERS = 12
MARKS = {"same": "=", "differs": "≠", "only A": "A", "only B": "B"}
STYLES = {"≠": "bold yellow", "A": "bold cyan", "B": "bold cyan"}
CHANGES = {"added": "+", "removed": "-", "changed": "~"}


def show(out: Console, way: Way, every: bool = False) -> None:
    """Print one way. `every`: all that the program was given, and the lines that sent nothing."""
    status = f"status {way.status}" if way.status is not None else "no status"
    total = "no whole answer" if way.total_ms is None else f"{way.total_ms:.1f} ms"
    _line(out, f"{way.exhibit} behind {way.front}: {way.method} {way.path}, {status}, {total}", "bold")
    parts = (_browser, _decision, _wire, _program, _back)
    for index, (name, part) in enumerate(zip(STATIONS, parts, strict=True)):
        for leg in way.legs:
            if leg.end == index and leg.start != index:
                _wrapped(out, f"↓ {leg.ms:.2f} ms: {leg.means}", "dim", hang=2)
        if index and not any(leg.end == index != leg.start for leg in way.legs):
            tables.line(out, "↓", "dim")
        _line(out, f"{index + 1} {name}", "bold cyan")
        part(out, way, every)
        for leg in way.legs:
            if leg.start == leg.end == index:
                _wrapped(out, f"{INDENT}{leg.ms:.2f} ms: {leg.means}", "dim", hang=4)
    reasons: dict[str, list[str]] = {}
    for moment in way.moments:
        if moment.ms is None:
            reasons.setdefault(moment.why, []).append(moment.means)
    for why, means in reasons.items():
        _wrapped(out, f"no time for: {'; '.join(means)}: {why}", "dim", hang=2)


def _browser(out: Console, way: Way, every: bool) -> None:
    _talk(out, way.browser, "front")
    request = _headers(way.browser.request)
    for name, value in request:
        _line(out, f"{INDENT}{name}: {value}")
    _problems(out, way.browser)


def _headers(side: Side) -> list[tuple[str, str]]:
    """The headers of a request in HTTP, from its fields."""
    head = bytes.fromhex(side.bytes).partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
    return [(name, value.strip()) for name, _, value in (line.partition(":") for line in head)]


def _talk(out: Console, talk: Talk, peer: str) -> None:
    status = f"status {talk.status}" if talk.status is not None else "no status"
    sizes = f"{talk.request.size:,} bytes to the {peer}, {talk.response.size:,} from the {peer}"
    _line(out, f"{INDENT}{talk.protocol}: {talk.first}, {status}; {sizes}")


def _problems(out: Console, talk: Talk) -> None:
    for error in talk.errors:
        _wrapped(out, f"{INDENT}{error}", "bold red", hang=4)
    for warning in talk.warnings:
        _wrapped(out, f"{INDENT}warning: {warning}", "yellow", hang=4)


def _unknown(out: Console, why: str) -> None:
    _wrapped(out, f"{INDENT}unknown: {why}", "yellow", hang=4)


def _decision(out: Console, way: Way, every: bool) -> None:
    if way.decision.why:
        _unknown(out, way.decision.why)
    shown = way.decision.lines if every else [line for line in way.decision.lines if line not in _variables_of(way)]
    _lines(out, shown)
    if left := len(way.decision.lines) - len(shown):
        _line(out, f"{INDENT}and {left} lines for variables and headers: see below; --all lists them here", "dim")


def _variables_of(way: Way) -> set[Line]:
    """The lines that made a variable, and those that would have."""
    made = {each.origin.line for each in way.wire.variables if each.origin and each.origin.line}
    return made | set(way.wire.silent)


def _lines(out: Console, lines: Sequence[Line]) -> None:
    cells = [[INDENT + place(line), _one_line(line.text), _one_line(line.comment)] for line in lines]
    names = Column("  line"), Column("directive", least=36, gives="lines"), Column("comment", least=36, rank=1)
    if cells:
        tables.rows(out, names, [[printable(text) for text in row] for row in cells])


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _wire(out: Console, way: Way, every: bool) -> None:
    if way.wire.talk is None:
        _unknown(out, way.wire.why)
        return
    _talk(out, way.wire.talk, "gateway")
    _problems(out, way.wire.talk)
    if way.wire.lines_why:
        _unknown(out, way.wire.lines_why)
    cells = [[INDENT + each.name, each.value or "(empty)", origin_text(each.origin)] for each in way.wire.variables]
    names = Column("  variable", least=18), Column("value", least=16), Column("made by", least=28, gives="lines")
    if cells:
        tables.rows(out, names, [[printable(text) for text in row] for row in cells])
    if every and way.wire.silent:
        _line(out, f"{INDENT}lines that sent nothing:")
        _lines(out, way.wire.silent)
    elif way.wire.silent:
        _line(out, f"{INDENT}{len(way.wire.silent)} lines sent nothing; --all lists them", "dim")


def _program(out: Console, way: Way, every: bool) -> None:
    program = way.program
    if program.report is None:
        _unknown(out, program.why)
    else:
        report = program.report
        _line(out, f"{INDENT}process {report.pid}, thread {report.thread}, status {report.status}")
        sent = {each.name for each in way.wire.variables}
        given = {name: value for name, value in report.given.items() if every or name not in sent}
        besides = "" if every or not sent else f"; besides what was on the wire, {len(given)}"
        _line(out, f"{INDENT}{report.kind}: {len(report.given)} entries{besides}:")
        cells = [[INDENT * 2 + printable(name), printable(value)] for name, value in given.items()]
        if cells:
            tables.rows(out, [Column("    name", least=20), Column("value", least=20)], cells)
    if program.source:
        for number, text in enumerate(program.source.lines, program.source.first):
            _line(out, f"{INDENT}{program.source.file}:{number}  {text}", "green")
    elif program.source_why and program.source_why != program.why:
        _unknown(out, program.source_why)
    _family(out, way)


def _family(out: Console, way: Way) -> None:
    program = way.program
    if program.family is None:
        _unknown(out, program.family_why)
        return
    pid = program.report.pid if program.report else None
    rows = [f"{row.role} {row.pid}{' (it)' if row.pid == pid else ''}" for row in program.family]
    if pid and pid not in [row.pid for row in program.family]:
        rows.append(f"process {pid}: it was born for this request, or has ended since")
    _wrapped(out, f"{INDENT}family: {', '.join(rows) or 'no process'}", hang=4)


def _back(out: Console, way: Way, every: bool) -> None:
    if way.back.why:
        _unknown(out, way.back.why)
    cells, styles = [], []
    for change in way.back.changes:
        if change.is_ == "same":
            continue
        value = change.client if change.client is not None else change.gateway
        before = f" (the gateway sent {change.gateway})" if change.is_ == "changed" else ""
        by = f"{place(change.line)} {_one_line(change.line.text)}" if change.line else change.why
        cells.append([f"{INDENT}{CHANGES[change.is_]} {change.header}", f"{value}{before}", by])
        styles.append({"added": "green", "removed": "red", "changed": "yellow"}[change.is_])
    names = Column("  header", least=18), Column("value", least=16), Column("made by", least=24, gives="lines")
    if cells:
        tables.rows(out, names, [[printable(text) for text in row] for row in cells], styles)
    same = [change.header for change in way.back.changes if change.is_ == "same"]
    if way.back.body:
        _wrapped(out, f"{INDENT}passed on as they are: {', '.join(same) or 'no header'}; {way.back.body}", hang=4)


def show_beside(out: Console, ways: tuple[Way, Way], stations: list[Station], every: bool = False) -> None:
    """Print two ways side by side. What is the same is only counted, unless `every` is set."""
    names = [f"{letter}: {way.exhibit} behind {way.front}" for letter, way in zip("AB", ways, strict=True)]
    variables = {place(line) for way in ways for line in _variables_of(way)}
    for station in stations:
        _line(out, station.name, "bold cyan")
        rows = [row for row in station.rows if every or row.is_ != "same"]
        if station.name == STATIONS[1] and not every:  # the lines for variables are named at the next station
            rows = [row for row in rows if row.name not in variables]
        cells = [[MARKS[row.is_], printable(row.name), _value(row.a), _value(row.b)] for row in rows]
        columns_ = [Column(""), Column("", least=28), *(Column(name, least=16, gives="lines") for name in names)]
        if cells:
            tables.rows(out, columns_, cells, [STYLES.get(row[0], "") for row in cells])
        if left := len(station.rows) - len(rows):
            what = "the same, or for variables" if station.name == STATIONS[1] else "the same"
            _line(out, f"{INDENT}{left} {what}; --all lists them", "dim")
        out.print()


def _value(fact: "beside.Fact | None") -> str:
    if fact is None:
        return "-"
    value = printable(_one_line(fact.value)) or "(empty)"
    return f"{value}  ({printable(fact.origin)})" if fact.origin else value


def _line(out: Console, text: str, style: str = "") -> None:
    """Print a line, cut at the terminal's width."""
    shown = Text(printable(text), style)
    shown.truncate(out.width, overflow="ellipsis")
    out.print(shown, soft_wrap=True)


def _wrapped(out: Console, text: str, style: str = "", hang: int = 0) -> None:
    """Print a text in as many lines as it needs; all but the first are `hang` columns in."""
    begins = " " * (len(text) - len(text.lstrip(" ")))
    lines = columns.words(printable(text.strip(" ")), max(20, out.width - max(hang, len(begins))))
    for number, line in enumerate(lines):
        tables.line(out, (" " * hang if number else begins) + line, style)
