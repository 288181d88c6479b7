"""Print the document of a benchmark (bench/document.py) in the terminal."""

import textwrap

from gateway_zoo.bench.document import Document
from gateway_zoo.terminal import tables


def show(document: Document) -> None:
    """Print title, facts, warnings, tables and notes; a narrow terminal leaves columns out."""
    out = tables.console()

    def lines(text: str, style: str = "", mark: str = "") -> None:
        for line in textwrap.wrap(text, out.width, initial_indent=mark, subsequent_indent=" " * len(mark)):
            tables.line(out, line, style)

    lines(document.title, "bold")
    for fact in document.facts:
        lines(fact, "dim")
    for warning in document.warnings:
        lines(warning, "yellow", "! ")
    for table in document.tables:
        tables.line(out, "")
        lines(table.title, "bold")
        tables.rows(out, table.columns, table.rows)
    tables.line(out, "")
    for note in document.notes:
        lines(note, "dim")
