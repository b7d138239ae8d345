"""The end of a run: rows that count no longer leave the table, and small parts become large ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skinseg_runtime.batch.archive.index import Index, Known

if TYPE_CHECKING:
    from collections.abc import Iterable

    from skinseg_runtime.batch.archive.parts import Part, Parts

__all__ = ["is_full", "known_of", "tidy"]

# No more of the table is held at once.
_FULL_ROWS, _FULL_BYTES = 2000, 32 * 1024 * 1024


def tidy(parts: Parts, index: Index) -> None:
    """Write the rows that count and lie beside others, or in small parts, anew, and take the old parts away.

    A row is in a new part before its old one is taken away, so whatever ends this leaves each of them.

    Raises OutputRefused if the system refuses.
    """
    live = index.live_rows()
    pending: list[Any] = []
    emptied: list[Part] = []
    for part in _to_rewrite(parts, live):
        if live.get(part.key):
            table = parts.read(part)
            names = table.column("name").to_pylist()
            pending.append(table.filter(_mask(index.are_live(part.key, names))))
        emptied.append(part)
        if is_full(pending):
            _merged(parts, index, pending, emptied)
    _merged(parts, index, pending, emptied)


def known_of(table: Any) -> list[Known]:
    """Return what the index holds of the rows of a `pyarrow.Table`."""
    columns = (table.column(name).to_pylist() for name in ("name", "sha256", "mask_bytes", "error_message"))
    return [Known(*row) for row in zip(*columns, strict=True)]


def _to_rewrite(parts: Parts, live: dict[int, int]) -> list[Part]:
    small, wanting = [], []
    for part in parts.all():
        rows = parts.rows(part)
        if live.get(part.key, 0) < rows:
            wanting.append(part)
        elif rows < _FULL_ROWS // 2 and parts.path(part).stat().st_size < _FULL_BYTES // 8:
            small.append(part)
    # One small part alone, the last of a table, stays as it is.
    return sorted(wanting + small) if wanting or len(small) > 1 else []


def is_full(tables: Iterable[Any]) -> bool:
    """Answer whether tables make a part that is large enough."""
    rows, size = 0, 0
    for table in tables:
        rows += table.num_rows
        size += table.nbytes
    return rows >= _FULL_ROWS or size >= _FULL_BYTES


def _merged(parts: Parts, index: Index, pending: list[Any], emptied: list[Part]) -> None:
    """Write what is pending as one part, and take away those that it came from; both lists are emptied."""
    import pyarrow as pa

    table = pa.concat_tables(pending) if pending else None
    if table is not None and table.num_rows:
        part = parts.write(table.combine_chunks())
        index.put(part.key, known_of(table), is_listed=True)
    parts.remove(emptied)
    pending.clear()
    emptied.clear()


def _mask(values: list[bool]) -> Any:
    import pyarrow as pa

    return pa.array(values, pa.bool_())
