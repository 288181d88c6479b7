"""Read the configuration of our Apache: all directives in their order, each with the line that wrote it.

This module does what Apache does at its start. It joins continued lines, puts the values of ${…} in, follows Include,
skips a false <IfDefine> or <IfModule>, and writes the lines of a <Macro> at each `Use`. apache_walk.py does what Apache
does with a request. Only forms that our own files use are known.

A comment belongs to the lines below it, as far as the next empty line, the next comment or the end of a section.
"""

import glob
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, NoReturn

from gateway_zoo.errors import fail
from gateway_zoo.follow.lines import Line
from gateway_zoo.keeper import children, fronts
from gateway_zoo.registry import places, plans
from gateway_zoo.settings import Settings

WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|\'((?:[^\'\\]|\\.)*)\'|(\S+)')
VARIABLE = re.compile(r"\$\{([^}]+)\}")
SECTION = re.compile(r"<(/?\w+)\s*(.*?)\s*>")
#: Directives that apache_walk.py obeys -> the fewest words.
FEWEST = {
    **dict.fromkeys(("require", "setenv", "<location", "<locationmatch", "<directory", "<files", "<virtualhost"), 1),
    **dict.fromkeys(("proxypass", "alias", "scriptalias", "wsgiscriptalias", "errordocument", "rewritecond"), 2),
    **dict.fromkeys(("rewriterule", "setenvifexpr", "requestheader", "header", "proxyfcgisetenvif"), 2),
    **dict.fromkeys(("setenvif", "setenvifnocase"), 3),
}
#: Directives with a pattern -> the place of this word.
PATTERNS = {"setenvif": 1, "setenvifnocase": 1, "rewritecond": 1, "rewriterule": 0, "<locationmatch": 0}


@dataclass(frozen=True, eq=False)
class Directive:
    """A directive, or the begin of a section. `name`: in lower case; `<location` is a section. `args`: its words, all
    values put in. `inside`: the sections around it, the outer ones first. `uses`: the `Use` lines that wrote it.
    `defines`: the `Define` lines that gave it values."""

    line: Line
    name: str
    args: tuple[str, ...]
    inside: tuple["Directive", ...] = ()
    uses: tuple[Line, ...] = ()
    defines: tuple[Line, ...] = ()


class _Row(NamedTuple):
    line: Line
    text: str  # without the gaps of a continued line


class _Macro(NamedTuple):
    parameters: tuple[str, ...]
    body: list[_Row]


def read(settings: Settings, front: str) -> list[Directive]:
    """Read httpd.conf and all that it includes. Raises Stop."""
    reading = _Reading(settings, front)
    reading.read_file(str(reading.folder / "httpd.conf"))
    return reading.directives


class _Reading:
    """Apache while it reads. `environment` has the variables that the keeper gives to this front."""

    def __init__(self, settings: Settings, front: str) -> None:
        self.settings, self.front = settings, front
        self.folder = places.checkout(settings) / "apache"
        self.environment = children.environment(settings, front, "")
        self.directives: list[Directive] = []
        self.defines: dict[str, tuple[str, Line]] = {}
        self.macros: dict[str, _Macro] = {}
        self.modules: set[str] = set()

    def read_file(self, path: str, inside: tuple[Directive, ...] = ()) -> None:
        file = self._name(path)
        try:
            text = Path(path).read_text(encoding="utf-8")
        except FileNotFoundError as error:
            if not self.settings.compose or path != str(self.settings.run / self.front / "local.conf"):
                fail(f"{file}: {error.strerror}; ./zoo up starts {self.front}", 3)
            text = fronts.local_conf(self.front, plans.make(self.settings))  # the front's own is in its container
        except (OSError, UnicodeDecodeError) as error:
            fail(f"{file}: {error}", 3)
        self._read_rows(_rows(file, text), inside, (), {})

    def _name(self, path: str) -> str:
        """The name of a file for a reader. The fragments in the run directory are links into the checkout."""
        real, root, run = (Path(os.path.realpath(p)) for p in (path, self.settings.root, self.settings.run))
        if real.is_relative_to(run):
            return f"$ZOO_RUN/{real.relative_to(run)}"
        return str(real.relative_to(root) if real.is_relative_to(root) else real)

    def _read_rows(
        self, source: Iterable[_Row], inside: tuple[Directive, ...], uses: tuple[Line, ...], values: Mapping[str, str]
    ) -> None:
        """Read the rows of a file or of a macro. `values`: of the macro's parameters."""
        rows, sections = iter(source), list(inside)
        for row in rows:
            directive = self._directive(row, tuple(sections), uses, values)
            _check(directive)
            match directive.name:
                case "<macro":
                    name, *parameters = directive.args
                    self.macros[name.lower()] = _Macro(tuple(parameters), list(_until_end(rows, row)))
                case "<ifdefine" | "<ifmodule" if not self._holds(directive):
                    list(_until_end(rows, row))
                case "define":
                    self.defines[directive.args[0]] = " ".join(directive.args[1:]), row.line
                case "loadmodule":
                    self.modules.add(directive.args[0])
                case "include" | "includeoptional":
                    self._include(directive)
                case "use":
                    self._use(directive)
                case name if name.startswith("</"):
                    if len(sections) == len(inside) or sections.pop().name != name.replace("/", ""):
                        _wrong(row.line, "it ends a section that is not open")
                case name if name.startswith("<"):
                    sections.append(directive)
                case _:
                    self.directives.append(directive)
        if len(sections) > len(inside):
            _wrong(sections[-1].line, "the section has no end")

    def _directive(
        self, row: _Row, inside: tuple[Directive, ...], uses: tuple[Line, ...], values: Mapping[str, str]
    ) -> Directive:
        text = row.text
        for parameter in sorted(values, key=len, reverse=True):  # $name, not $n and the letters `ame`
            text = text.replace(parameter, values[parameter])
        used = dict.fromkeys(name for name in VARIABLE.findall(text) if name in self.defines)
        defines = tuple(self.defines[name][1] for name in used)
        text = VARIABLE.sub(self._value, text)
        section = SECTION.fullmatch(text)
        name, rest = (f"<{section[1]}", section[2]) if section else (text.split()[0], text)
        return Directive(row.line, name.lower(), _words(rest)[not section :], inside, uses, defines)

    def _value(self, match: re.Match[str]) -> str:
        """The value of ${…}. Apache, too, leaves an unknown name as it is."""
        name = match[1]
        return self.defines[name][0] if name in self.defines else self.environment.get(name, match[0])

    def _holds(self, section: Directive) -> bool:
        known = self.defines if section.name == "<ifdefine" else self.modules
        word = section.args[0]
        return word.removeprefix("!") in known if word[0] != "!" else word[1:] not in known

    def _include(self, directive: Directive) -> None:
        pattern = str(self.folder / directive.args[0])
        paths = sorted(glob.glob(pattern))
        if not paths and self.settings.compose and pattern.endswith("/cages/*.conf"):
            paths = sorted(glob.glob(str(self.folder / "cages/*.conf")))
        if not paths and directive.name == "include":
            paths = [pattern]  # reading it tells what is wrong
        for path in paths:
            self.read_file(path, directive.inside)

    def _use(self, directive: Directive) -> None:
        name, *words = directive.args
        macro = self.macros.get(name.lower())
        if macro is None or len(macro.parameters) != len(words):
            _wrong(directive.line, f"no macro {name} with {len(words)} parameters stands above")
        values = dict(zip(macro.parameters, words, strict=True))
        self._read_rows(macro.body, directive.inside, (*directive.uses, directive.line), values)


def _check(directive: Directive) -> None:
    """Refuse a form that apache_walk.py does not know."""
    fewest = FEWEST.get(directive.name, 0)
    if len(directive.args) < fewest:
        _wrong(directive.line, f"this form is not known here: it has fewer than {fewest} words")
    try:
        re.compile(directive.args[PATTERNS[directive.name]] if directive.name in PATTERNS else "")
    except re.error as error:
        _wrong(directive.line, f"this pattern is not known here: {error}")


def _rows(file: str, text: str) -> Iterator[_Row]:
    """The directives of a file, each with its comment."""
    comment: list[str] = []
    below = False  # a directive stands between the comment and here
    lines = iter(enumerate(text.split("\n"), 1))
    for number, first in lines:
        written = first.strip()
        while written.endswith("\\"):
            written = f"{written}\n{next(lines, (0, ''))[1].strip()}"
        if not written or written.startswith("#"):
            comment = [] if below or not written else comment
            comment += [written.lstrip("# ")] if written and not written.startswith("# ---") else []
            below = False
            continue
        yield _Row(Line(file, number, written, " ".join(comment)), written.replace("\\\n", " "))
        below = True
        comment = [] if written.startswith("</") else comment


def _until_end(rows: Iterator[_Row], begin: _Row) -> Iterator[_Row]:
    """The rows inside a section that has just begun; its last row is taken, too."""
    depth = 1
    for row in rows:
        depth += (row.text.startswith("<") and 1) - 2 * row.text.startswith("</")
        if depth == 0:
            return
        yield row
    _wrong(begin.line, "the section has no end")


def _words(text: str) -> tuple[str, ...]:
    """Split as Apache does. Inside quotation marks a backslash protects only a quotation mark or a backslash."""
    found = []
    for double, single, bare in WORD.findall(text):
        quote = '"' if double else "'"
        found.append(re.sub(rf"\\([\\{quote}])", r"\1", double or single or bare))
    return tuple(found)


def _wrong(line: Line, problem: str) -> NoReturn:
    fail(f"{line.file} line {line.number}: {line.text}: {problem}", 3)
