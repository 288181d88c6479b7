"""Generated blocks of documents: a text that a command makes, between two lines that stay."""

from collections.abc import Callable, Mapping
from pathlib import Path

#: File -> the line before a block, the function that makes the block, the line behind it.
Blocks = Mapping[str, tuple[str, Callable[[], str], str]]


def with_block(blocks: Blocks, name: str, text: str) -> str:
    """Put the block into the text of a file. Raises ValueError where its lines are missing."""
    before, make, behind = blocks[name]
    start = text.index(before) + len(before)
    return text[:start] + make() + text[text.index(behind, start) :]


def write(root: Path, blocks: Blocks) -> None:
    """Write every block into its file. Raises OSError, ValueError."""
    for name in blocks:
        path = root / name
        path.write_text(with_block(blocks, name, path.read_text(encoding="utf-8")), encoding="utf-8")
