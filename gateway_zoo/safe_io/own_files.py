"""Write, link and remove files of the zoo in its run directory, and no others.

The zoo recognises its files by name and kind: a text file, a link, a folder. A file of another kind with that name
belongs to a user: it stays, and the command ends with its path (InTheWay). A link is never followed: a text replaces
it, and a link in the place of a folder is in the way.
"""

import contextlib
import os
import stat
from pathlib import Path

from gateway_zoo.settings import SettingsError


class InTheWay(SettingsError):
    """A thing that the zoo did not make stands where the zoo must write."""

    def __init__(self, path: Path, expected: str) -> None:
        super().__init__(f"{path} is in the way: it is no {expected} of the zoo's; move it elsewhere")


def kind_of(path: Path) -> int:
    """The type bits of a file; 0 if there is none. A link is not followed. Raises OSError."""
    try:
        return stat.S_IFMT(path.lstat().st_mode)
    except FileNotFoundError:
        return 0


def folder(path: Path, mode: int = 0o750) -> Path:
    """Make a folder, or use an existing one. Raises InTheWay, OSError."""
    if kind_of(path) not in (0, stat.S_IFDIR):
        raise InTheWay(path, "folder")
    path.mkdir(mode=mode, exist_ok=True)
    return path


def write(path: Path, data: str | bytes) -> None:
    """Replace a file as a whole: readers see the old text or the new, never half. Raises InTheWay, OSError."""
    if kind_of(path) not in (0, stat.S_IFREG, stat.S_IFLNK):
        raise InTheWay(path, "file")
    fresh = path.with_name(f"{path.name}.new")
    with contextlib.suppress(FileNotFoundError):  # of a start that was killed; a link would be followed
        fresh.unlink()
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    with open(descriptor, "wb") as file:
        file.write(data.encode() if isinstance(data, str) else data)
    fresh.replace(path)


def link(path: Path, target: Path) -> None:
    """Make a link, in place of an older one. Raises InTheWay, OSError."""
    if kind_of(path) not in (0, stat.S_IFLNK):
        raise InTheWay(path, "link")
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    path.symlink_to(target)


def remove(folder: Path, pattern: str, kind: int) -> None:
    """Remove the files of this pattern and kind (S_IFREG, S_IFLNK). A link is removed, not followed."""
    for path in folder.glob(pattern):
        if kind_of(path) == kind:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
