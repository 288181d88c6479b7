"""Read nginx's configuration as a tree of statements, with the library crossplane.

nginx starts with $ZOO_RUN/nginx/nginx.conf. Its includes are links into the checkout, and local.conf, which the keeper
wrote. A line is quoted from the file that a reader opens: nginx/params/fastcgi.conf, $ZOO_RUN/nginx/local.conf. In
compose nginx has a container of its own; there this module writes the same local.conf again, as `zoo config nginx`
prints it.

crossplane's tree has the first line of a statement, not its last, and a comment without its place. So crossplane's
lexer reads each file a second time.
"""

import os
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import crossplane
import msgspec

from gateway_zoo.errors import fail
from gateway_zoo.follow.lines import Line
from gateway_zoo.keeper import fronts
from gateway_zoo.registry import plans
from gateway_zoo.settings import Settings


class Statement(msgspec.Struct, frozen=True):
    """A directive of nginx, or a row of a map. `block`: the statements in its braces, includes resolved."""

    name: str
    args: tuple[str, ...]
    line: Line
    block: tuple["Statement", ...] = ()


def read(settings: Settings) -> tuple[Statement, ...]:
    """Return the statements of nginx.conf. Raises Stop with the file and the line that cannot be read."""
    main = settings.run / "nginx/nginx.conf"
    if os.path.exists(main):
        return _read(main, settings)
    if not settings.compose:
        fail(f"{main} is missing: nginx has not been started here; ./zoo up starts it", 3)
    with tempfile.TemporaryDirectory(prefix="zoo-") as folder:
        main = Path(folder) / main.name
        for name in ("nginx.conf", "server.conf", "params", "cages"):
            main.with_name(name).symlink_to(settings.root / "nginx" / name)
        text = fronts.local_conf("nginx", plans.make(settings))
        main.with_name("local.conf").write_text(text, encoding="utf-8")
        return _read(main, settings)


def _read(main: Path, settings: Settings) -> tuple[Statement, ...]:
    tree = crossplane.parse(str(main))
    for error in tree["errors"]:
        where = f"line {error['line']}: " if error["line"] else ""
        fail(f"{_name(error['file'], main, settings)}, {where}{_reason(error['error'])}", 3)
    files = [(_File(each["file"], _name(each["file"], main, settings)), each["parsed"]) for each in tree["config"]]

    def statements(file: _File, rows: list[dict[str, Any]]) -> Iterator[Statement]:
        for row in rows:
            for number in row.get("includes", ()):
                yield from statements(*files[number])
            if "includes" not in row:
                block = tuple(statements(file, row.get("block", [])))
                yield Statement(row["directive"], tuple(row["args"]), file.line(row["line"]), block)

    try:
        return tuple(statements(*files[0]))
    except RecursionError:
        fail(f"{_name(str(main), main, settings)}: a file includes itself", 3)


def _name(path: str, main: Path, settings: Settings) -> str:
    """The name of a file for readers: below the checkout if the checkout has it, else in the run directory."""
    below = f"nginx/{Path(path).relative_to(main.parent)}"
    return below if (settings.root / below).exists() else f"$ZOO_RUN/{below}"


def _reason(error: str) -> str:
    """Crossplane's sentence without the place, which it repeats. It has no sentence for a file that ends early."""
    return error.partition(" in /")[0] or "the file ends inside a directive"


class _File:
    """The lines of a file, with the last line of each statement, and the comments."""

    def __init__(self, path: str, name: str) -> None:
        self._name = name
        self._lines = Path(path).read_text(encoding="utf-8", errors="replace").split("\n")
        self._ends: dict[int, int] = defaultdict(int)  # first line of a statement -> its last
        self._comments: dict[int, str] = {}
        self._code: set[int] = set()  # lines with more than a comment
        first = 0
        for token, number, is_quoted in crossplane.lex(path):
            if token.startswith("#") and not is_quoted:
                self._comments[number] = token
                continue
            self._code.add(number)
            first = first or number
            if token in {";", "{", "}"} and not is_quoted:
                self._ends[first] = max(self._ends[first], number)
                first = 0

    def line(self, first: int) -> Line:
        """The statement that begins in this line. Statements that share a line are one Line."""
        last = self._ends[first]
        text = "\n".join(self._lines[first - 1 : last])
        text = text.removesuffix(self._comments.get(last, ""))
        return Line(self._name, first, text.strip(), self._behind(last) or self._above(first))

    def _behind(self, last: int) -> str:
        """The comment at the end of a statement. It may go on below, in the same column."""
        number = last
        while number in self._comments and (number == last or self._goes_on(number)):
            number += 1
        return self._joined(last, number)

    def _above(self, first: int) -> str:
        """The comment in the lines directly above."""
        number = first
        while number - 1 in self._comments and number - 1 not in self._code:
            number -= 1
        return "" if self._goes_on(number) else self._joined(number, first)

    def _goes_on(self, number: int) -> bool:
        """Tell whether this line holds a comment alone, and continues the comment of the line above."""
        both = number in self._comments and number - 1 in self._comments and number not in self._code
        return both and self._column(number) == self._column(number - 1)

    def _column(self, number: int) -> int:
        return len(self._lines[number - 1]) - len(self._comments[number])

    def _joined(self, first: int, end: int) -> str:
        return " ".join(self._comments[number].lstrip("# ").rstrip() for number in range(first, end))
