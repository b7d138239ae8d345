"""`skinseg-demo --backup` and `--restore`: the store of a box into one file, and back onto another box.

A backup may be taken while the demo runs. It is not restored into a store that exists, nor under a running demo.
"""

from pathlib import Path

from skinseg_demo.config import DemoConfig, make_private_folder
from skinseg_demo.serving.running import RunningDemo
from skinseg_demo.store import Store
from skinseg_demo.store.backup import STORE_FILE
from skinseg_edge.errors import FileMissing

__all__ = ["bring_back", "keep"]


def keep(state: Path, target: Path) -> dict[str, object]:
    """Write a verified backup of the store in *state* to *target*; return what was kept.

    Raises FileMissing if there is no store, and what `Store.backup_to` raises.
    """
    folder = DemoConfig(state=state).store_folder
    if not (folder / STORE_FILE).is_file():
        raise FileMissing(f"cannot back up {folder}: there is no store in it; name the --state that the demo runs with")
    store = Store.open(folder)
    try:
        store.backup_to(target)
        return {"backup": str(target), "bytes": target.stat().st_size, "cases": len(store.cases.list())}
    finally:
        store.close()


def bring_back(backup: Path, state: Path) -> dict[str, object]:
    """Make the store of *state* out of a backup; return what is there now.

    Raises DeviceBusy if a demo runs on it, and what `Store.restore` raises.
    """
    config = DemoConfig(state=make_private_folder(state))
    running = RunningDemo(config)
    try:
        waited = Store.restore(backup, config.store_folder)
        store = Store.open(config.store_folder)
        try:
            return {"store": str(config.store_folder), "cases": len(store.cases.list()), "waited": waited}
        finally:
            store.close()
    finally:
        running.close()
