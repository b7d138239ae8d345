"""The SQLite file: its settings, its migrations, its threads."""

import sqlite3
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from skinseg_demo.store import Store
from skinseg_demo.store.database import Database
from skinseg_demo.store.migrations import MIGRATIONS
from skinseg_edge.errors import SchemaUnknown


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A new store's file."""
    made = Database(tmp_path / "store.sqlite")
    yield made
    made.close()


def test_a_write_is_on_the_disk_before_it_is_told(database: Database) -> None:
    settings = {name: database.rows(f"PRAGMA {name}")[0][0] for name in ("journal_mode", "synchronous", "foreign_keys")}

    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}  # 2 is FULL


def test_a_block_that_fails_leaves_nothing_behind(database: Database) -> None:
    def write_and_fail() -> None:
        with database.writing() as connection:
            connection.execute("INSERT INTO pairing_tokens VALUES ('a', 'phone', 't', 't', NULL)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()

    assert database.rows("SELECT * FROM pairing_tokens") == []


def test_each_thread_writes_over_a_connection_of_its_own(database: Database) -> None:
    connections = {id(database.connection())}

    def write(number: int) -> None:
        with database.writing() as connection:
            connection.execute("INSERT INTO pairing_tokens VALUES (?, 'phone', 't', 't', NULL)", (str(number),))
        connections.add(id(database.connection()))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(database.rows("SELECT * FROM pairing_tokens")) == 8
    assert len(connections) == 9


def test_an_opened_file_is_at_the_newest_version_and_opening_again_changes_nothing(tmp_path: Path) -> None:
    Database(tmp_path / "a.sqlite").close()
    before = (tmp_path / "a.sqlite").read_bytes()

    again = Database(tmp_path / "a.sqlite")
    version = again.rows("PRAGMA user_version")[0][0]
    again.close()

    assert version == len(MIGRATIONS)
    assert (tmp_path / "a.sqlite").read_bytes() == before


def test_a_store_of_every_older_version_is_brought_up_to_date(tmp_path: Path) -> None:
    newest = Database(tmp_path / "newest.sqlite")
    tables = _tables(newest)

    for version in range(len(MIGRATIONS)):
        path = tmp_path / f"{version}.sqlite"
        with sqlite3.connect(path) as old:
            for step in MIGRATIONS[:version]:
                for statement in step:
                    old.execute(statement)
            old.execute(f"PRAGMA user_version = {version}")
        old.close()
        assert _tables(Database(path)) == tables


def _tables(database: Database) -> list[str]:
    found = [row[0] for row in database.rows("SELECT sql FROM sqlite_master ORDER BY name")]
    database.close()
    return found


def test_a_store_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "store.sqlite") as newer:
        newer.execute("PRAGMA user_version = 99")
    newer.close()

    with pytest.raises(SchemaUnknown, match="its schema is version 99, this program knows"):
        Database(tmp_path / "store.sqlite")


def test_a_store_that_others_could_read_is_narrowed(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir(mode=0o755)

    Store.open(tmp_path / "store").close()

    assert stat.S_IMODE((tmp_path / "store").stat().st_mode) == 0o700
