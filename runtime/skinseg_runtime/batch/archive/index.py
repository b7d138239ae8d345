"""Which pictures have a row, in which part, and whether they are still in the source: a million names, little memory.

An SQLite file that is made anew from the parts at each start and thrown away at the end: nothing is in it alone.
"""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from skinseg_edge.errors import InputError

__all__ = ["Index", "Known"]

_NOWHERE = -1  # the part of a picture that was listed and has no row yet
_AT_ONCE = 500  # names in a question; SQLite takes 999 parameters at least


@dataclass(frozen=True)
class Known:
    """What the row of *name* says: of what content it was made, how many bytes its mask has, and what went wrong."""

    name: str
    sha256: str | None
    mask_bytes: int | None
    error: str | None


class Index:
    """The index at *path*, where a file of an earlier start is replaced; several threads may use it."""

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        # Without SQLite's own locks, which some network drives lack: one process at a time is here, by the archive's.
        self._base = sqlite3.connect(
            f"{path.absolute().as_uri()}?nolock=1", uri=True, isolation_level=None, check_same_thread=False
        )
        self._lock = threading.Lock()
        for line in ("PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF", "PRAGMA temp_store = MEMORY"):
            self._base.execute(line)
        self._base.execute(
            "CREATE TABLE pictures (name TEXT PRIMARY KEY, sha256 TEXT, part INTEGER NOT NULL, mask_bytes INTEGER, "
            "error TEXT, is_listed INTEGER NOT NULL) WITHOUT ROWID"
        )
        self._base.execute("BEGIN")  # never ended: else each line would be written at once

    def close(self) -> None:
        """Let the file go."""
        with self._lock:
            self._base.close()

    def put(self, part: int, rows: Iterable[Known], *, is_listed: bool) -> None:
        """Note that the rows of these pictures are in the part of that number; a later call counts."""
        values = [(row.name, row.sha256, part, row.mask_bytes, row.error, is_listed) for row in rows]
        with self._lock:
            self._base.executemany("INSERT OR REPLACE INTO pictures VALUES (?, ?, ?, ?, ?, ?)", values)

    def listed(self, names: Sequence[str]) -> list[Known | None]:
        """Note that the source has these pictures, and return what their rows say, None where there is none.

        Raises InputError if one was listed before.
        """
        with self._lock:
            found = {str(row[0]): row for row in self._rows(names)}
            twice = next((name for name in names if name in found and found[name][5]), None)
            if twice is None and len(set(names)) < len(names):
                twice = next(name for place, name in enumerate(names) if name in names[:place])
            if twice is not None:
                raise InputError(f"cannot tell two pictures apart: both are called {twice}; rename one of them")
            self._base.executemany(
                f"INSERT INTO pictures VALUES (?, NULL, {_NOWHERE}, NULL, NULL, 1) "
                "ON CONFLICT (name) DO UPDATE SET is_listed = 1",
                [(name,) for name in names],
            )
        return [_known(found[name]) if name in found else None for name in names]

    def are_live(self, part: int, names: Sequence[str]) -> list[bool]:
        """Answer for each name whether its row is that of the part of this number, and its picture is still listed."""
        with self._lock:
            live = {row[0] for row in self._rows(names) if row[2] == part and row[5]}
        return [name in live for name in names]

    def live_rows(self) -> dict[int, int]:
        """Return how many rows of each part count."""
        return {_whole(part): _whole(rows) for part, rows in self._ask(f"{_LIVE} GROUP BY part", "part, count(*)")}

    def unlisted(self) -> Iterator[str]:
        """Name the pictures that have a row and are no longer in the source."""
        last = ""
        while names := [
            str(row[0]) for row in self._ask(f"is_listed = 0 AND name > ? ORDER BY name LIMIT {_AT_ONCE}", "name", last)
        ]:
            yield from names
            last = names[-1]

    def counts(self) -> tuple[int, int, int]:
        """Return how many listed pictures have a row, how many of these tell an error, and how many have none."""
        [(rows, errors)] = self._ask(_LIVE, "count(*), count(error)")
        [(missing,)] = self._ask(f"is_listed = 1 AND part = {_NOWHERE}", "count(*)")
        return _whole(rows), _whole(errors), _whole(missing)

    def first_error(self) -> str | None:
        """Return the error of the first picture, by name, that has one."""
        found = self._ask(f"{_LIVE} AND error IS NOT NULL ORDER BY name LIMIT 1", "error")
        return str(found[0][0]) if found else None

    def _ask(self, where: str, what: str, *values: object) -> list[tuple[object, ...]]:
        with self._lock:
            return self._base.execute(f"SELECT {what} FROM pictures WHERE {where}", values).fetchall()

    def _rows(self, names: Sequence[str]) -> list[tuple[object, ...]]:
        rows: list[tuple[object, ...]] = []
        for first in range(0, len(names), _AT_ONCE):
            some = names[first : first + _AT_ONCE]
            marks = ", ".join("?" * len(some))
            rows += self._base.execute(f"SELECT * FROM pictures WHERE name IN ({marks})", some).fetchall()
        return rows


_LIVE = f"is_listed = 1 AND part <> {_NOWHERE}"


def _known(row: tuple[object, ...]) -> Known | None:
    name, sha256, part, mask_bytes, error, _ = row
    if part == _NOWHERE:
        return None
    return Known(
        str(name),
        None if sha256 is None else str(sha256),
        None if mask_bytes is None else _whole(mask_bytes),
        None if error is None else str(error),
    )


def _whole(value: object) -> int:
    assert isinstance(value, int)
    return value
