"""Cells of a Parquet file's row group, whose rows can only be read one after the other.

Where the last reading in this thread stopped is kept: a worker is given a row group piece by piece, and would begin
anew at the first row each time.
"""

import atexit
import threading
from contextlib import ExitStack, closing

from skinseg_edge.errors import InputError
from skinseg_runtime.batch.items import ParquetPlace
from skinseg_runtime.batch.sources.addresses import told
from skinseg_runtime.batch.sources.parquet_cells import Cell, open_table
from skinseg_runtime.batch.sources.stores import fingerprint

__all__ = ["RowGroup", "row_group_of"]


class RowGroup:
    """A row group that is read forward; an earlier row begins anew."""

    def __init__(self, place: ParquetPlace) -> None:
        """Open the row group that *place* lies in; raises what `open_table` raises."""
        self._place = place
        self._stack = ExitStack()
        self._failure: InputError | None = None
        self._begin()

    def cell(self, row: int) -> Cell:
        """Return the cell of a row.

        Raises InputError if that row, or one before it, is damaged or the file has too few.
        """
        if row < self._next:
            self._begin()
        if self._failure is not None:
            raise InputError(str(self._failure)) from self._failure
        try:
            return self._forward(row)
        except InputError as error:
            self._failure = error
            raise

    def close(self) -> None:
        """Close the file."""
        self._stack.close()

    def _begin(self) -> None:
        self._stack.close()
        table = self._stack.enter_context(open_table(self._place.url))
        cells = table.cells(self._place.row_group, self._place.column)
        self._cells = self._stack.enter_context(closing(cells))
        self._next, self._failure = 0, None

    def _forward(self, row: int) -> Cell:
        for number, get in enumerate(self._cells, start=self._next):
            self._next = number + 1
            if number == row:
                return get()
        raise InputError(
            f"cannot read row {row} of row group {self._place.row_group} of {told(self._place.url)}: it has "
            f"{self._next} rows, so the file changed after it was listed; run again"
        )


class _Kept(threading.local):
    """What this thread read last, and how its file was then."""

    key: tuple[str, int, str, str] | None = None
    row_group: RowGroup | None = None


_kept = _Kept()


def row_group_of(place: ParquetPlace) -> RowGroup:
    """Return the row group that *place* lies in, where this thread left it if it read there last.

    Raises what `open_table` raises.
    """
    key = (place.url, place.row_group, place.column, fingerprint(place.url))
    if _kept.row_group is None or _kept.key != key:
        _forget()
        _kept.row_group, _kept.key = RowGroup(place), key
        atexit.unregister(_forget)
        atexit.register(_forget)  # what is closed later meets libraries that are gone
    return _kept.row_group


def _forget() -> None:
    row_group, _kept.row_group, _kept.key = _kept.row_group, None, None
    if row_group is not None:
        row_group.close()
