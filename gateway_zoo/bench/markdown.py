"""A report as Markdown, for a page or an issue."""

from gateway_zoo.bench.document import Document, Table


def of(document: Document) -> str:
    """Return the whole text. A warning stands above the tables."""
    parts = [f"# {document.title}", *document.facts]
    parts += [f"**Warning:** {_escaped(warning)}" for warning in document.warnings]
    for table in document.tables:
        parts += [f"## {table.title}", of_table(table)]
    parts += ["## How to read it", "\n".join(f"- {note}" for note in document.notes)]
    return "\n\n".join(parts) + "\n"


def of_table(table: Table) -> str:
    """Return a table in pipes; numbers stand right."""
    head = [column.name for column in table.columns]
    rule = ["---:" if column.right else "---" for column in table.columns]
    return "\n".join(f"| {' | '.join(map(_escaped, cells))} |" for cells in (head, rule, *table.rows))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "\\<").replace("\n", " ")
