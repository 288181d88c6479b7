"""A report in one file of HTML: the matrix, its filters, the evidence behind each name. It asks no other file.

The evidence of a whole matrix has some twenty million characters, which repeat themselves. It lies in the file as gzip
in base64; the browser unpacks it at the first click. Where it would still be too much, each piece is cut.
"""

import base64
import gzip
import re
from pathlib import Path

import msgspec

from gateway_zoo.errors import fail, printable
from gateway_zoo.traits import groups
from gateway_zoo.traits.records import Matrix
from gateway_zoo.traits.show.view import view

HERE = Path(__file__).resolve().parent
MOST = 3_500_000  # characters of the packed evidence
CUTS = (100_000, 4_000, 2_000, 1_000, 500, 200, 0)  # characters of a piece, the first that is small enough

Evidence = dict[str, dict[int, list[tuple[str, str]]]]


def check(name: str) -> None:
    """Raises Stop where no report can be written, before minutes are spent on it."""
    folder = Path(name).parent
    if Path(name).is_dir() or not folder.is_dir():
        fail(f"{printable(name)}: expected a file in a folder that exists", 2)


def write(name: str, matrix: Matrix) -> str:
    """Write the report; returns its name and size. Raises Stop."""
    text = report(matrix)
    try:
        Path(name).write_text(text, encoding="utf-8")
    except OSError as error:
        fail(f"{printable(name)} cannot be written: {error.strerror}", 3)
    return f"{printable(name)}: {len(text) / 1e6:.1f} MB"


def report(matrix: Matrix) -> str:
    """The text of the file."""
    root = HERE.parents[2]
    page = (HERE / "report.html").read_text(encoding="utf-8")
    styles = [root / "web/zoo.css", HERE / "report.css", HERE / "public/matrix.css"]
    scripts = [HERE.parents[1] / "wire/page/public/text.js", HERE / "public/matrix.js", HERE / "report.js"]
    parts = {
        "style": "\n".join(path.read_text(encoding="utf-8") for path in styles),
        "script": "\n".join(_inline(path.read_text(encoding="utf-8")) for path in scripts),
        "view": _in_html(msgspec.json.encode(view(matrix)).decode()),
        "evidence": packed(matrix),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda word: parts[word[1]], page)


def _inline(script: str) -> str:
    """A script without the words by which scripts find each other."""
    return re.sub(r"^import .*\n|^export ", "", script, flags=re.MULTILINE)


def _in_html(json: str) -> str:
    """JSON that cannot end its script."""
    return json.replace("<", "\\u003c")


def packed(matrix: Matrix) -> str:
    """The evidence as JSON, packed: trait -> number of the cell -> pieces."""
    numbers = {cell: number for number, cell in enumerate(view(matrix).cells)}
    text = ""
    for cut in CUTS:
        found: Evidence = {}
        for answer in matrix.answers:
            if answer.evidence and groups.place(answer) in numbers:
                pieces = [(piece.title, _cut(piece.text, cut)) for piece in answer.evidence]
                found.setdefault(answer.trait, {})[numbers[groups.place(answer)]] = pieces
        text = base64.b64encode(gzip.compress(msgspec.json.encode(found), mtime=0)).decode()
        if len(text) <= MOST:
            break
    return text


def _cut(text: str, size: int) -> str:
    return text if len(text) <= size else f"{text[:size]}\n[{len(text) - size} more characters: zoo traits --json]"
