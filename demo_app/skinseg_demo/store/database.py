"""One SQLite file: a connection a thread, every write in one transaction that is on the disk before it is told."""

import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from skinseg_demo.store.clock import Clock, utc_now
from skinseg_demo.store.migrations import MIGRATIONS
from skinseg_edge.errors import DeviceUnready, InputError, IntegrityFailed, SchemaUnknown

__all__ = ["Database", "refusing_sqlite_errors"]

_log = logging.getLogger(__name__)

_BUSY_MS = 10_000  # a write waits so long for another's
_SETTINGS = (
    f"busy_timeout = {_BUSY_MS}",
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "secure_delete = ON",  # a deleted case leaves no readable page behind
    "trusted_schema = OFF",  # a file brought from elsewhere calls nothing of ours
)

# What SQLite says: Python 3.10 hands on no error code.
_CANNOT_NOW = {
    "database or disk is full": "the disk is full; free some space and try again",
    "disk I/O error": "the disk refused to write or read; free some space, look at the disk, and try again",
    "database is locked": "another process has kept it locked for 10 s; end that one and try again",
    "unable to open database file": "it may not be opened; look at its permissions and the disk",
    "attempt to write a readonly database": "it may only be read; look at its permissions and the disk",
}
_DAMAGED = ("file is not a database", "database disk image is malformed", "malformed database schema")


class Database:
    """A store's rows; any thread may use it, and each gets a connection of its own.

    It must be opened after a fork: SQLite's connections do not cross one.
    """

    def __init__(self, path: Path, *, now: Clock = utc_now) -> None:
        """Open or make the file at *path* and bring its schema up to date.

        Raises SchemaUnknown if a newer version of this program wrote it, IntegrityFailed if it is damaged or something
        else, DeviceUnready if the disk refuses.
        """
        self.path = path
        self.now = now
        self._of_thread = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._migrate()

    def rows(self, sql: str, *parameters: object) -> list[sqlite3.Row]:
        """Return what a SELECT finds.

        Raises IntegrityFailed if the file is damaged, DeviceUnready if the disk refuses.
        """
        with refusing_sqlite_errors(self.path):
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

        Raises DeviceUnready if the disk is full or refuses, IntegrityFailed if the file is damaged; nothing is written
        then.
        """
        with refusing_sqlite_errors(self.path):
            connection = self.connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # SQLite ends it itself after some errors
                    connection.execute("ROLLBACK")
                raise

    def connection(self) -> sqlite3.Connection:
        """Return this thread's connection."""
        connection: sqlite3.Connection | None = getattr(self._of_thread, "connection", None)
        if connection is None:
            connection = self._connect()
            self._of_thread.connection = connection
        return connection

    def fold(self) -> None:
        """Fold the write-ahead log into the file and empty it, so that what was deleted is in neither.

        A disk that has no room for it is no error: what was written is in the log, and is folded in later.
        """
        try:
            self.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        except DeviceUnready as error:
            _log.warning("the log was not folded in: %s", error)

    def check(self) -> None:
        """Read the whole file and check its structure.

        Raises IntegrityFailed if it is damaged.
        """
        found = str(self.rows("PRAGMA quick_check(1)")[0][0])
        if found != "ok":
            raise IntegrityFailed(
                f"cannot use {self.path}: it is damaged ({found}); move its folder away and restore a backup"
            )

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
        try:
            connection.row_factory = sqlite3.Row
            for setting in _SETTINGS:
                connection.execute(f"PRAGMA {setting}")
        except sqlite3.DatabaseError:
            connection.close()
            raise
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
        return int(self.rows("PRAGMA user_version")[0][0])


@contextmanager
def refusing_sqlite_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite says of the disk and of the file into one sentence; a mistake of ours passes as it is.

    Raises DeviceUnready, IntegrityFailed, InputError for half a character, which no file can hold.
    """
    try:
        yield
    except UnicodeEncodeError as error:
        raise InputError("cannot read the request: a text in it holds half a character; write it anew") from error
    except sqlite3.DatabaseError as error:
        said = str(error)
        for words, reason in _CANNOT_NOW.items():
            if words in said:
                raise DeviceUnready(f"cannot use {path}: {reason}") from error
        if any(words in said for words in _DAMAGED):
            raise IntegrityFailed(
                f"cannot use {path}: it is damaged or no store of this program ({said}); move its folder away and "
                "restore a backup"
            ) from error
        raise
