"""The store as the rest of the demo sees it: one room a table."""

from pathlib import Path

from skinseg_demo.config import make_private_folder
from skinseg_demo.store.clock import Clock, utc_now
from skinseg_demo.store.database import Database
from skinseg_demo.store.phones import Phones

__all__ = ["Store"]


class Store:
    """Everything that outlives a request, in one folder that only this user may read."""

    def __init__(self, folder: Path, database: Database) -> None:
        """Put the rooms together; use `Store.open`."""
        self.folder = folder
        self.database = database
        self.phones = Phones(database)

    @classmethod
    def open(cls, folder: Path, *, now: Clock = utc_now) -> "Store":
        """Open the store in *folder*, or make one; *now* tells the time.

        Raises OutputRefused if the folder cannot be made, SchemaUnknown if a newer version wrote it.
        """
        make_private_folder(folder)
        return cls(folder, Database(folder / "store.sqlite", now=now))

    def close(self) -> None:
        """Close it; nothing is lost if that never happens."""
        self.database.close()
