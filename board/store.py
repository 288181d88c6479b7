"""The board's file: one SQLite database with all stickers.

Its methods block: call them from a thread. Memory holds nothing between two calls, so a restart loses nothing, and two
processes on one file see each other's stickers. Every change is one transaction that takes the write lock first (BEGIN
IMMEDIATE), and reads, decides and writes under it. So "at most 500" and "each change has its own version" hold with any
number of writers.

WAL: readers do not wait for a writer. synchronous=NORMAL: no fsync for each sticker; a committed change survives a
killed process, and a power cut may lose the last few.

What trips people up: an open database follows its file, not its name. So each call checks that the path still names the
open file. A damaged file can be moved away while the server runs, and a new board begins.
"""

import contextlib
import math
import os
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

STICKERS = 500  # on the board at most
BUSY_S = 2.0  # the longest wait for another process's transaction

_TABLES = (
    """CREATE TABLE IF NOT EXISTS sticker (
        id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL, colour TEXT NOT NULL,
        x REAL NOT NULL, y REAL NOT NULL, version INTEGER NOT NULL) STRICT""",
    "CREATE TABLE IF NOT EXISTS board (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL) STRICT",
)
_NEXT_VERSION = """INSERT INTO board VALUES (1, 1) ON CONFLICT (one) DO UPDATE SET version = version + 1
    RETURNING version"""
_COLUMNS = "id, text, colour, x, y, version"


class Refused(Exception):
    """A refused change: full board, no such sticker, or busy file."""


class Broken(Exception):
    """The file cannot be read or written; says how to mend it."""


class Sticker(NamedTuple):
    """A note on the board.

    `x`, `y`: 0 is left or top, 1 is right or bottom. `version`: the board's, when the sticker last changed.
    """

    id: int
    text: str
    colour: str
    x: float
    y: float
    version: int


class Store:
    """A board in a file; the first use makes its folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None  # device and inode of the open file
        self._seen = -1  # SQLite's count of other connections' commits, at our last look
        self._logged = ""

    def read(self) -> tuple[int, list[Sticker]]:
        """Read version and stickers. Raises Refused, Broken."""
        with self._transaction("DEFERRED") as db:
            version = db.execute("SELECT coalesce(max(version), 0) FROM board").fetchone()[0]
            rows = db.execute(f"SELECT {_COLUMNS} FROM sticker ORDER BY version").fetchall()  # noqa: S608 - a constant
        return version, [Sticker(*row) for row in rows]

    def add(self, text: str, colour: str, x: float | None = None, y: float | None = None) -> Sticker:
        """Add a sticker on top. Raises Refused, Broken."""
        with self._transaction("IMMEDIATE") as db:
            if db.execute("SELECT count(*) FROM sticker").fetchone()[0] >= STICKERS:
                raise Refused(f"the board is full ({STICKERS} stickers): remove one first")
            version = db.execute(_NEXT_VERSION).fetchone()[0]
            if x is None or y is None:
                x, y = _free_place(db.execute("SELECT x, y FROM sticker").fetchall(), version)
            sql = f"INSERT INTO sticker VALUES (NULL, ?, ?, ?, ?, ?) RETURNING {_COLUMNS}"  # noqa: S608 - a constant
            return Sticker(*db.execute(sql, (text, colour, x, y, version)).fetchone())

    def move(self, id: int, x: float, y: float) -> Sticker:
        """Move a sticker and return it. Raises Refused, Broken."""
        return self._update("UPDATE sticker SET x = ?, y = ?, version = ?", (x, y), id)

    def edit(self, id: int, text: str, colour: str) -> Sticker:
        """Change a sticker and return it. Raises Refused, Broken."""
        return self._update("UPDATE sticker SET text = ?, colour = ?, version = ?", (text, colour), id)

    def remove(self, id: int) -> Sticker:
        """Remove a sticker and return it. Raises Refused, Broken.

        Its `version` is that of the board without it.
        """
        with self._transaction("IMMEDIATE") as db:
            version = db.execute(_NEXT_VERSION).fetchone()[0]
            sql = f"DELETE FROM sticker WHERE id = ? RETURNING {_COLUMNS}"  # noqa: S608 - a constant
            return _sticker(db.execute(sql, (id,)), id)._replace(version=version)

    def clear(self) -> int:
        """Remove all stickers; return their number. Raises Refused, Broken."""
        with self._transaction("IMMEDIATE") as db:
            db.execute(_NEXT_VERSION).fetchone()
            return int(db.execute("DELETE FROM sticker").rowcount)

    def changed_elsewhere(self) -> bool:
        """Has the file been changed or replaced since the last call?

        Our own changes do not count. Raises Refused, Broken.
        """
        with self._transaction("DEFERRED") as db:
            count = db.execute("PRAGMA data_version").fetchone()[0]
        changed, self._seen = bool(count != self._seen), count
        return changed

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        if self._db is not None:
            with contextlib.suppress(sqlite3.Error):
                self._db.close()
        self._db = None

    def _update(self, sql: str, values: tuple[Any, ...], id: int) -> Sticker:
        with self._transaction("IMMEDIATE") as db:
            version = db.execute(_NEXT_VERSION).fetchone()[0]
            return _sticker(db.execute(f"{sql} WHERE id = ? RETURNING {_COLUMNS}", (*values, version, id)), id)

    @contextlib.contextmanager
    def _transaction(self, kind: str) -> Iterator[sqlite3.Connection]:
        """Run the block as a transaction. Raises Refused, Broken."""
        try:
            db = self._open()
            db.execute(f"BEGIN {kind}")
            with db:  # COMMIT, or ROLLBACK after an exception
                yield db
        except (sqlite3.Error, OSError) as error:
            if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_BUSY:
                raise Refused(f"another process has kept the board's file for {BUSY_S:.0f} s; try again") from error
            self.close()
            if str(error) != self._logged:  # once, not twice a second
                print(f"board: {self.path}: {error!r}", file=sys.stderr, flush=True)
                self._logged = str(error)
            raise Broken(
                f"the board's file cannot be used: {error}. Is $ZOO_RUN/board writable, the disk full? If the file is "
                "damaged: mv board.sqlite board.damaged there, and a new board begins"
            ) from error

    def _open(self) -> sqlite3.Connection:
        if self._db is not None and self._file == _identity(self.path):
            return self._db
        self.close()
        self.path.parent.mkdir(mode=0o750, exist_ok=True)
        # One connection for all threads; the caller lets only one thread in at a time. With isolation_level None
        # the module begins no transactions of its own.
        db = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        self._db = db
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        for table in _TABLES:
            db.execute(table)
        # At the first opening no visitor has read the board. Later the file may be another one: it counts as changed.
        self._seen = db.execute("PRAGMA data_version").fetchone()[0] if self._file is None else -1
        self._file, self._logged = _identity(self.path), ""
        return db


def _free_place(taken: list[tuple[float, float]], start: int) -> tuple[float, float]:
    """Choose the place of sixteen that is farthest from a sticker."""
    places = [(round(n * 0.7549 % 1, 4), round(n * 0.5698 % 1, 4)) for n in range(start, start + 16)]
    return max(places, key=lambda place: min((math.dist(place, other) for other in taken), default=0.0))


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        file = os.stat(path)
    except FileNotFoundError:
        return None
    return file.st_dev, file.st_ino


def _sticker(cursor: sqlite3.Cursor, id: int) -> Sticker:
    if (row := cursor.fetchone()) is None:
        raise Refused(f"there is no sticker {id} any more")
    return Sticker(*row)
