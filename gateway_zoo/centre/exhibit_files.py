"""The files of an exhibit that a page shows: configuration of both fronts, and source."""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from gateway_zoo.registry.cages import Cage

MOST = 100_000  # bytes of a file that are shown
KINDS = {".toml", ".py", ".cgi", ".php", ".ini", ".conf"}  # of a cage's files
INCLUDE = re.compile(r"^\s*include\s+(params/[\w.-]+);", re.MULTILINE)


class File(msgspec.Struct, frozen=True):
    """A file of the checkout, by its path there. `text` ends at MOST bytes."""

    path: str
    text: str


def configuration(root: Path, cage: Cage) -> list[File]:
    """The lines of both fronts for a cage, and the parameters that nginx's include."""
    own = [root / front / "cages" / f"{cage.name}.conf" for front in ("nginx", "apache")]
    files = list(_files(root, own))
    included = dict.fromkeys(name for file in files[:1] for name in INCLUDE.findall(file.text))
    return [*files, *_files(root, [root / "nginx" / name for name in included])]


def source(root: Path, cage: Cage) -> list[File]:
    """What the cage has of its own, and the app."""
    own = sorted(path for path in cage.path.iterdir() if path.suffix in KINDS)
    return list(_files(root, [*own, root / "app/zoo_app.py"]))


def _files(root: Path, paths: list[Path]) -> Iterator[File]:
    for path in paths:
        if path.is_file():
            with open(path, "rb") as file:
                yield File(str(path.relative_to(root)), file.read(MOST).decode("utf-8", "replace"))
