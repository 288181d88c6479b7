"""A matrix as lines for a terminal: whole, in short, one exhibit in sentences, two exhibits, changes, evidence.

A line is a text with a style of rich. What trips people up: answers and evidence come from servers, so nothing leaves
here that a terminal could obey.
"""

from collections.abc import Iterable, Iterator, Sequence

from gateway_zoo.errors import printable
from gateway_zoo.terminal import columns
from gateway_zoo.traits import groups
from gateway_zoo.traits.changes import CHANGED, GONE, NEW, Changes, Version
from gateway_zoo.traits.groups import Group
from gateway_zoo.traits.records import NOT_ASKED, UNKNOWN, VARIES, Answer, Matrix, TraitFacts

Line = tuple[str, str]  # text, style

TITLE, QUESTION, QUIET, DIFFERENT = "bold cyan", "bold", "dim", "yellow"
STYLES = {VARIES: DIFFERENT, UNKNOWN: "red", NOT_ASKED: QUIET}
ANSWER = 26  # columns of an answer, at most
LEAST = 40  # a narrower terminal breaks lines itself
STYLES_OF_CHANGES = {CHANGED: "bold yellow", GONE: "red", NEW: "cyan"}
FEW = 8  # answers of a trait that is new, or gone, which are listed
CELLS = 30  # cells whose evidence is shown


def whole(matrix: Matrix, width: int) -> Iterator[Line]:
    """Every trait with its answers, each with its cells."""
    yield from head(matrix, width)
    for axis, traits in _axes(matrix):
        yield "", ""
        yield axis, TITLE
        for trait in traits:
            found = groups.groups(groups.answers_of(matrix, trait))
            if found:
                yield _beside(f"  {trait.question}", trait.name, width), QUESTION
                yield from _groups(trait, found, width)
    yield from _own(matrix, width)


def in_short(matrix: Matrix, width: int) -> Iterator[Line]:
    """A line for each trait: its answers, the rare ones first, as far as the line is long."""
    yield from head(matrix, width)
    size = max((len(trait.name) for trait in matrix.traits), default=0)
    for axis, traits in _axes(matrix):
        yield axis, TITLE
        for trait in traits:
            found = groups.groups(groups.answers_of(matrix, trait))
            asked = [group for group in found if group.state != NOT_ASKED] or found
            texts = [f"{group.text}: {groups.in_words(group, found)}" for group in asked]
            if texts:
                yield columns.cut(f"  {trait.name:{size}}  {printable('; '.join(texts))}", max(width, LEAST)), ""
    yield from _own(matrix, width)


def head(matrix: Matrix, width: int) -> Iterator[Line]:
    """What was measured, when and where, with which versions."""
    cells = {groups.place(answer) for answer in matrix.answers if answer.state != NOT_ASKED}
    made = printable(matrix.made.replace("T", " ").replace("+00:00", " UTC"))
    took = f", in {matrix.seconds:,.0f} s" if matrix.seconds else ""
    words = f"{count(len(matrix.traits), 'trait')} in {count(len(cells), 'cell')}; {matrix.place}, {made}{took}"
    yield from wrapped(f"{words}; {printable(matrix.system)}", width, QUIET)
    yield from wrapped(", ".join(f"{name} {v}" for name, v in matrix.versions.items()), width, QUIET)
    if not matrix.complete:
        yield "stopped: not every cell was asked", "bold red"


def one_exhibit(matrix: Matrix, exhibit: str, width: int) -> Iterator[Line]:
    """An exhibit in sentences. Where its fronts differ, a sentence says so."""
    facts = next(cell for cell in matrix.cells if cell.exhibit == exhibit)
    speaks = "speaks no protocol" if facts.protocol == "none" else f"speaks {facts.protocol}"
    words = f"{exhibit} {speaks}. Its processes: {facts.model}. Its server: {facts.server}."
    yield from wrapped(words, width, QUESTION)
    fronts, told, differ = dict[str, None](), 0, 0
    for axis, traits in _axes(matrix):
        yield axis, TITLE
        for trait in traits:
            found = groups.groups(a for a in groups.answers_of(matrix, trait) if a.exhibit == exhibit)
            if found:
                text = _sentence(trait, found) if len(found) > 1 else _answer(trait, found[0])
                style = DIFFERENT if len(found) > 1 else STYLES.get(found[0].state, "")
                yield from wrapped(f"  {trait.question} {text[:1].upper()}{text[1:]}.", width, style, hang=4)
            fronts |= {front: None for group in found for _, front in group.cells}
            told, differ = told + bool(found), differ + (len(found) > 1)
    if len(fronts) > 1:
        yield "", ""
        yield f"{' and '.join(fronts)} agree in {told - differ} of {count(told, 'answer')}", DIFFERENT if differ else ""
    yield from _own(matrix, width)


def _sentence(trait: TraitFacts, found: Sequence[Group]) -> str:
    """The answers of several fronts."""
    by_front = {front: _answer(trait, group) for group in found for _, front in group.cells}
    return "; ".join(f"behind {front}: {text}" for front, text in sorted(by_front.items(), reverse=True))


def _answer(trait: TraitFacts, group: Group) -> str:
    figures = groups.figures(group, trait.unit)
    return printable(group.text) + (f" ({figures})" if figures else "")


def two_exhibits(matrix: Matrix, a: str, b: str, width: int) -> Iterator[Line]:
    """What differs between two exhibits, behind each front that has both."""
    size = max(len(a), len(b))
    equal = 0
    for axis, traits in _axes(matrix):
        rows = list[Line]()
        for trait in traits:
            answers = groups.answers_of(matrix, trait)
            sides = [_by_front(answers, id) for id in (a, b)]
            shared = [front for front in sides[0] if front in sides[1]]
            different = [front for front in shared if sides[0][front] != sides[1][front]]
            equal += len(shared) - len(different)
            if different:
                rows.append((_beside(f"  {trait.question}", trait.name, width), QUESTION))
                split = len(different) < len(shared)
                for id in (a, b):
                    found = groups.groups(x for x in answers if x.exhibit == id and x.front in different)
                    text = _sentence(trait, found) if split or len(found) > 1 else _answer(trait, found[0])
                    rows += wrapped(f"    {id:{size}}  {text}", width, "", hang=6 + size)
        if rows:
            yield axis, TITLE
            yield from rows
    yield "", ""
    yield f"{count(equal, 'answer')} the same; only what differs is shown.", QUIET


def _by_front(answers: Iterable[Answer], exhibit: str) -> dict[str, str]:
    return {answer.front: groups.words(answer) for answer in answers if answer.exhibit == exhibit}


# --- changes ----------------------------------------------------------------------------------------------------------


def changes(found: Changes, before: str, after: str, width: int) -> Iterator[Line]:
    """Versions first, then each difference: trait, cell, from what to what."""
    yield from versions(found.versions, width)
    traits = dict.fromkeys(change.trait for change in found.changes)
    for trait in traits:
        these = [change for change in found.changes if change.trait == trait]
        yield trait, QUESTION
        if len(these) > FEW and {change.kind for change in these} in ({NEW}, {GONE}):
            yield f"  only in {after if these[0].kind == NEW else before}: {count(len(these), 'answer')}", "cyan"
            continue
        same: dict[tuple[str, str, str], list[str]] = {}
        for change in these:
            key = (change.kind, change.before, change.after)
            same.setdefault(key, []).append(f"{change.front}:{change.exhibit}")
        for (kind, old, new), cells in same.items():
            text = f"{old or f'no answer in {before}'} → {new or f'no answer in {after}'}"
            yield from wrapped(f"  {printable(text)}", width, STYLES_OF_CHANGES[kind], hang=4)
            yield from wrapped(f"    {' '.join(cells)}", width, "", hang=4)
    words = [count(len(found.changes), "difference"), f"{count(found.compared, 'answer')} compared"]
    yield from wrapped(f"{words[0]}; {words[1]} ({before} → {after})", width, "" if traits else "green")


def versions(found: Sequence[Version], width: int) -> Iterator[Line]:
    texts = [f"{v.name} {v.before or '(not there)'} → {v.after or '(not there)'}" for v in found]
    if texts:
        yield from wrapped(f"versions that differ: {', '.join(texts)}", width, DIFFERENT, hang=2)


# --- evidence ---------------------------------------------------------------------------------------------------------


def evidence(matrix: Matrix) -> Iterator[Line]:
    """What the answers of the first cells rest on."""
    shown = [answer for answer in matrix.answers if answer.evidence]
    for answer in shown[:CELLS]:
        yield "", ""
        yield printable(f"{answer.trait}: {answer.exhibit} behind {answer.front}: {groups.words(answer)}"), TITLE
        for piece in answer.evidence:
            yield f"  {printable(piece.title)}", QUESTION
            yield from ((f"    {printable(text)}", "") for text in piece.text.split("\n"))
    if len(shown) > CELLS:
        yield f"and {len(shown) - CELLS} cells more: choose traits (-t) and exhibits, or see --json, --html", QUIET
    if not shown:
        yield "no evidence: kept values have none; zoo traits -t NAME ID measures", QUIET


# --- parts ------------------------------------------------------------------------------------------------------------


def _axes(matrix: Matrix) -> Iterator[tuple[str, list[TraitFacts]]]:
    """The traits that have an answer, by their axis."""
    asked = {answer.trait for answer in matrix.answers}
    traits = [trait for trait in matrix.traits if trait.name in asked]
    for axis in dict.fromkeys(trait.axis for trait in traits):
        yield axis, [trait for trait in traits if trait.axis == axis]


def _groups(trait: TraitFacts, found: Sequence[Group], width: int) -> Iterator[Line]:
    texts = [_answer(trait, group) for group in found]
    size = min(ANSWER, max(map(len, texts)))
    for group, text in zip(found, texts, strict=True):
        cells, style = groups.in_words(group, found), STYLES.get(group.state, "")
        if len(text) > size:
            yield from wrapped(f"    {text}: {cells}", width, style, hang=6)
        else:
            yield from wrapped(f"    {text:{size}}  {cells}", width, style, hang=6 + size)


def _own(matrix: Matrix, width: int) -> Iterator[Line]:
    if own := groups.own_programs(matrix):
        yield "", ""
        yield from wrapped(f"own program, not asked: {', '.join(own)}", width, QUIET)


def _beside(left: str, right: str, width: int) -> str:
    """Two texts at both ends of a line; only the left one where the line is too short."""
    gap = width - len(left) - len(right)
    return left + " " * gap + right if gap > 1 else left


def wrapped(text: str, width: int, style: str = "", hang: int = 0) -> Iterator[Line]:
    """A text in lines; the first keeps its indent, the others get `hang`."""
    indent = len(text) - len(text.lstrip())
    wide = max(width, LEAST)
    if len(text) <= wide:
        yield text, style
        return
    first, *_ = columns.words(text[indent:], wide - indent)
    yield " " * indent + first, style
    rest = text[indent + len(first) :].strip()
    for line in columns.words(rest, wide - hang) if rest else []:
        yield " " * hang + line, style


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
