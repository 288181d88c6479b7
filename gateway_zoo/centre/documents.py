"""Texts of the zoo as a page: the labels of the cages, the lessons of the labs."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from gateway_zoo.centre.markdown import Node, nodes


class Document(msgspec.Struct, frozen=True):
    """A Markdown file. `exhibits`: their ids, where it has exhibits. `tree`: the text as nodes; `text`: as it is."""

    file: str
    title: str
    exhibits: list[str]
    tree: list[Node]
    text: str


class Documents(msgspec.Struct, frozen=True):
    """The texts of a page."""

    documents: list[Document]


def document(root: Path, path: Path, title: str, exhibits: Iterable[str] = (), files: Iterable[str] = ()) -> Document:
    """Read a file of the checkout. `files`: names to which its links may lead, on the same page."""
    text = path.read_text(encoding="utf-8", errors="replace")
    return Document(str(path.relative_to(root)), title, list(exhibits), nodes(text, files), text)


def text(page: Documents) -> str:
    """The text twin: all files under each other."""
    return "\n".join(f"{each.file}\n\n{each.text}" for each in page.documents)
