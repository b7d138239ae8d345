"""One SQLite file: a connection a thread, every write in one transaction that is on the disk before it is told."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from skinseg_demo.store.clock import Clock, utc_now
from skinseg_demo.store.migrations import MIGRATIONS
from skinseg_edge.errors import SchemaUnknown

__all__ = ["Database"]

_BUSY_MS = 10_000  # a write waits so long for another's


class Database:
    """A store's rows; any thread may use it, and each gets a connection of its own.

    It must be opened after a fork: SQLite's connections do not cross one.
    """

    def __init__(self, path: Path, *, now: Clock = utc_now) -> None:
        """Open or make the file at *path* and bring its schema up to date.

        Raises SchemaUnknown if a newer version of this program wrote it.
        """
        self.path = path
        self.now = now
        self._of_thread = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._migrate()

    def rows(self, sql: str, *parameters: object) -> list[sqlite3.Row]:
        """Return what a SELECT finds."""
        found: list[sqlite3.Row] = self.connection().execute(sql, parameters).fetchall()
        return found

    def row(self, sql: str, *parameters: object) -> sqlite3.Row | None:
        """Return the first row of what a SELECT finds, or None."""
        found = self.rows(sql, *parameters)
        return found[0] if found else None

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give the connection inside a transaction: committed, and on the disk, when the block ends well.

        Blocks do not nest: what belongs together gets the connection handed on.
        """
        connection = self.connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def connection(self) -> sqlite3.Connection:
        """Return this thread's connection."""
        connection: sqlite3.Connection | None = getattr(self._of_thread, "connection", None)
        if connection is None:
            connection = self._connect()
            self._of_thread.connection = connection
        return connection

    def close(self) -> None:
        """Close every thread's connection; the last one folds the write-ahead log into the file."""
        with self._lock:
            for connection in self._all:
                connection.close()
            self._all.clear()
        self._of_thread = threading.local()

    def _connect(self) -> sqlite3.Connection:
        # check_same_thread: only `close` touches the connection of another thread, when that one rests.
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")  # a deleted case leaves no readable page behind
        with self._lock:
            self._all.append(connection)
        return connection

    def _migrate(self) -> None:
        version = self._version()
        if version > len(MIGRATIONS):
            self.close()
            raise SchemaUnknown(
                f"cannot open {self.path}: its schema is version {version}, this program knows {len(MIGRATIONS)}; "
                "install the newer skinseg-edge that wrote it"
            )
        if version == len(MIGRATIONS):
            return
        with self.writing() as connection:
            # Read again: another process may have been first to take the lock.
            for number in range(self._version(), len(MIGRATIONS)):
                for statement in MIGRATIONS[number]:
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number + 1}")

    def _version(self) -> int:
        return int(self.connection().execute("PRAGMA user_version").fetchone()[0])
