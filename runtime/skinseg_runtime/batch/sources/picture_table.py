"""Pictures that lie in Parquet files, or that these name."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import repeat

from skinseg_edge.errors import InputError
from skinseg_runtime.batch.items import FilePlace, Item, ParquetPlace, Place, safe_name
from skinseg_runtime.batch.sources.addresses import beside
from skinseg_runtime.batch.sources.parquet_cells import Columns, Table, open_table
from skinseg_runtime.batch.sources.picture_list import name_of_path
from skinseg_runtime.batch.sources.twins import checked
from skinseg_runtime.batch.sources.walking import Found

__all__ = ["ParquetSource"]


@dataclass(frozen=True)
class ParquetSource:
    """The rows of some Parquet files; *column*: that with the pictures or paths, None finds it."""

    text: str
    files: Callable[[], Iterator[Found]]
    column: str | None = None

    def items(self) -> Iterator[Item]:
        """See `BatchSource`."""
        return checked(self._listed, self.text, "row")

    def count(self) -> int | None:
        """Return how many rows there are."""
        rows = 0
        for found in self.files():
            with open_table(found.address) as table:
                rows += sum(table.row_groups)
        return rows

    def _listed(self) -> Iterator[Item]:
        for found in self.files():
            with open_table(found.address) as table:
                yield from _rows(table, found, table.columns(self.column))


def _rows(table: Table, found: Found, columns: Columns) -> Iterator[Item]:
    read = [*([columns.name] if columns.name else []), *([columns.picture] if columns.holds == "paths" else [])]
    before = 0
    for group, rows in enumerate(table.row_groups):
        texts = table.texts(group, read) if read else repeat((), rows)
        for row, values in enumerate(texts):
            path = values[-1] if columns.holds == "paths" else ""
            name = (values[0] if columns.name else "") or name_of_path(path) or _row_name(found, before + row)
            yield Item(
                safe_name(name), _place(found.address, path, ParquetPlace(found.address, group, row, columns.picture))
            )
        before += rows


def _place(table: str, path: str, cell: Place) -> Place:
    """Return where the picture is; an empty path, or one that means nothing, stays a cell, whose reading tells why."""
    try:
        return FilePlace(beside(table, path)) if path else cell
    except InputError:
        return cell


def _row_name(found: Found, row: int) -> str:
    return f"{found.name.rpartition('.')[0] or found.name}/{row:08d}"
