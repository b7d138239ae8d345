"""The store as the rest of the demo sees it: one room a table."""

from datetime import datetime, timedelta
from pathlib import Path

from skinseg_demo.config import make_private_folder
from skinseg_demo.store.audit import BOX, Audit
from skinseg_demo.store.backup import STORE_FILE, write_backup
from skinseg_demo.store.card_prints import CardPrints
from skinseg_demo.store.cases import Cases
from skinseg_demo.store.clock import Clock, utc_now
from skinseg_demo.store.consents import Consents
from skinseg_demo.store.corrections import Corrections
from skinseg_demo.store.database import Database
from skinseg_demo.store.outbox import Outbox
from skinseg_demo.store.phones import Phones
from skinseg_demo.store.picture_files import PictureFiles, refusing_disk, remove_anything
from skinseg_demo.store.pictures import Pictures
from skinseg_demo.store.replies import Replies
from skinseg_demo.store.restore import restore_backup
from skinseg_demo.store.retention import Swept, sweep
from skinseg_demo.store.store_lock import StoreLock
from skinseg_demo.store.visits import Visits

__all__ = ["Store"]


class Store:
    """Everything that outlives a request, in one folder that only this user may read."""

    def __init__(self, folder: Path, database: Database, lock: StoreLock) -> None:
        """Put the rooms together; use `Store.open`."""
        self.folder = folder
        self.database = database
        self._lock = lock
        self._files = PictureFiles(folder / "pictures")
        self.audit = Audit(database)
        self.phones = Phones(database, self.audit)
        self.cases = Cases(database, self.audit, self._files)
        self.visits = Visits(database, self.audit)
        self.pictures = Pictures(database, self.audit, self._files)
        self.consents = Consents(database, self.audit)
        self.corrections = Corrections(database, self.audit)
        self.outbox = Outbox(database, self.audit)
        self.replies = Replies(database, self.audit)
        self.card_prints = CardPrints(database, self.audit)

    @classmethod
    def open(cls, folder: Path, *, now: Clock = utc_now) -> "Store":
        """Open the store in *folder*, or make one; *now* tells the time.

        Whoever opens it first checks it, and sweeps away what a killed process left half written.

        Raises OutputRefused if the folder cannot be made, SchemaUnknown if a newer version wrote it, IntegrityFailed if
        it is damaged, DeviceUnready if the disk refuses.
        """
        make_private_folder(folder)
        with refusing_disk("open the store"):
            lock = StoreLock(folder)
        try:
            store = cls(folder, Database(folder / STORE_FILE, now=now), lock)
        except BaseException:
            lock.close()
            raise
        try:
            if lock.is_alone:
                store._tidy()
                lock.share()
        except BaseException:
            store.close()
            raise
        return store

    @staticmethod
    def restore(backup: Path, folder: Path, *, now: Clock = utc_now) -> int:
        """Make the store in *folder*, where nothing is yet, out of a backup; see `restore_backup`."""
        return restore_backup(backup, folder, now=now)

    def backup_to(self, path: Path, *, who: str = BOX) -> Path:
        """Write a verified backup to *path*, where nothing is yet, and return it; see `write_backup`."""
        with self.database.writing() as connection:
            self.audit.record(connection, who=who, what="backup begun")
        write_backup(self.folder, path, self.database.now())
        return path

    def sweep(self, now: datetime | None = None, *, retention_days: int = 30) -> Swept:
        """Remove cases that were answered long ago and pictures that were never used; tell how many."""
        return sweep(
            self.database, self.cases, self.pictures, now or self.database.now(), timedelta(days=retention_days)
        )

    def close(self) -> None:
        """Close it; nothing is lost if that never happens."""
        self.database.close()
        self._lock.close()

    def _tidy(self) -> None:
        self.database.check()
        known = {row["id"] for row in self.database.rows("SELECT id FROM pictures")}
        self._files.sweep(known)
        for path in self.folder.glob(".*"):  # a backup or an export that was cut off: whole cases may be in it
            remove_anything(path)
