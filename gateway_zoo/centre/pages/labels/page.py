"""Labels: the text beside each cage, as in a museum. The page of an exhibit shows its own."""

from collections.abc import Mapping
from pathlib import Path

from gateway_zoo.centre import documents
from gateway_zoo.centre.context import Context
from gateway_zoo.centre.documents import Document, Documents
from gateway_zoo.centre.page import Page
from gateway_zoo.registry.cages import Cage


def data(context: Context, _: Mapping[str, str]) -> Documents:
    """The label of each cage."""
    with_label = [cage for cage in context.registry.cages if (cage.path / "README.md").is_file()]
    return Documents([_label(context.settings.root, cage) for cage in with_label])


def _label(root: Path, cage: Cage) -> Document:
    title, ids = f"{cage.file.title}, {cage.file.year}", [exhibit.id for exhibit in cage.file.exhibit]
    return documents.document(root, cage.path / "README.md", title, ids)


PAGE = Page("/labels", "Labels", data, documents.text, order=6)
