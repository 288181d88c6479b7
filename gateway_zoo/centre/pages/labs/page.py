"""Labs: lessons with a command each; `zoo lab` runs it in a terminal and shows what is measured."""

from collections.abc import Mapping
from pathlib import Path

from gateway_zoo.centre import documents
from gateway_zoo.centre.context import Context
from gateway_zoo.centre.documents import Documents
from gateway_zoo.centre.page import Page


def data(context: Context, _: Mapping[str, str]) -> Documents:
    """All lessons, the introduction first."""
    folder = context.settings.root / "labs"
    files = sorted(folder.glob("*.md"), key=lambda path: (path.name != "README.md", path.name))
    names = [path.name for path in files]
    root = context.settings.root
    return Documents([documents.document(root, path, _title(path), (), names) for path in files])


def _title(path: Path) -> str:
    return path.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")


PAGE = Page("/labs", "Labs", data, documents.text, order=7)
