"""What the box remembers: SQLite for rows, files for pictures."""

from skinseg_demo.store.store import Store

__all__ = ["Store"]
