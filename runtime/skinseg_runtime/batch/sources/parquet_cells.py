"""Parquet files with pictures or paths of them: pyarrow's one room; a row or a page of them in memory, never a file."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from skinseg_edge.errors import InputError
from skinseg_edge.strict_json import shown
from skinseg_runtime.batch.sources.addresses import is_remote, told
from skinseg_runtime.batch.sources.picture_list import NAME_COLUMNS, PATH_COLUMNS
from skinseg_runtime.batch.sources.stores import opened, telling_errors

__all__ = ["Cell", "Columns", "Table", "open_table"]

Cell = bytes | str | None
"""A picture's bytes, a path to it, or nothing."""

_PICTURE_COLUMNS = ("image", "picture", "photo", "bytes", "data", "jpg", "png")
_NAMES_AT_ONCE = 1024
_LONGEST_TEXT = 64 * 1024  # bytes of a name or a path
_BUFFER = 1024 * 1024


@dataclass(frozen=True)
class Columns:
    """Which column holds pictures, whether it holds their bytes or *paths* to them, and which one names, if any."""

    picture: str
    holds: Literal["bytes", "paths"]
    name: str | None


class Table:
    """An open Parquet file, from `open_table`; every method raises InputError if the file is damaged."""

    def __init__(self, file: Any, what: str) -> None:
        """Wrap pyarrow's *file*; *what*: what messages call it."""
        self._file, self._what = file, what

    @property
    def row_groups(self) -> list[int]:
        """How many rows each row group has."""
        with self._telling():
            metadata = self._file.metadata
            return [int(metadata.row_group(group).num_rows) for group in range(metadata.num_row_groups)]

    def columns(self, column: str | None) -> Columns:
        """Find the columns; *column*: that of the pictures, None finds it by kind and name.

        Raises InputError if there is none, or several and none is called like one of pictures.
        """
        with self._telling():
            kinds = {field.name: _kind(field.type) for field in self._file.schema_arrow}
        picture = self._picture_column(kinds, column)
        named = [name for name in NAME_COLUMNS if kinds.get(name) in ("text", "number") and name != picture]
        if kinds[picture] == "bytes" and kinds.get("path") == "text":
            named.insert(1 if named[:1] == ["name"] else 0, "path")
        return Columns(picture, "paths" if kinds[picture] == "text" else "bytes", named[0] if named else None)

    def _picture_column(self, kinds: dict[str, str], column: str | None) -> str:
        usable = [name for name, kind in kinds.items() if kind == "bytes"]
        if column is not None:
            if kinds.get(column) not in ("bytes", "text"):
                verdict = "of another type" if column in kinds else "not there"
                raise InputError(
                    f"cannot read {self._what}: its column {shown(column)} is {verdict}, expected one with bytes of "
                    f"pictures or with paths; it has {shown(', '.join(kinds))}"
                )
            return column
        if len(usable) != 1:
            likely = [name for name in _PICTURE_COLUMNS if name in usable]
            paths = [] if usable else [name for name in PATH_COLUMNS if kinds.get(name) == "text"]
            usable = [*likely, *paths][:1] or usable
        if len(usable) != 1:
            raise InputError(
                f"cannot read {self._what}: {len(usable)} of its columns {shown(', '.join(kinds))} could hold "
                "pictures; name the right one with --column"
            )
        return usable[0]

    def texts(self, row_group: int, columns: Sequence[str]) -> Iterator[tuple[str, ...]]:
        """Yield the texts of some columns row by row, "" where there is none; numbers become text."""
        with self._telling():
            for batch in self._batches(row_group, list(columns), _NAMES_AT_ONCE):
                for name in columns:
                    self._check_short(batch.column(name), name)
                values = [batch.column(name).to_pylist() for name in columns]
                yield from (tuple(_text(value) for value in row) for row in zip(*values, strict=True))

    def _check_short(self, values: Any, column: str) -> None:
        """Refuse long texts while each is there once, for a thousand rows may share one of some bytes in the file."""
        import pyarrow
        from pyarrow.compute import call_function

        texts = values.dictionary if hasattr(values, "dictionary") else values
        if _kind(texts.type) != "text":
            return
        lengths = call_function("binary_length", [texts.cast(pyarrow.large_string())])
        longest = call_function("max", [lengths]).as_py()
        if longest and longest > _LONGEST_TEXT:
            raise InputError(
                f"cannot read {self._what}: its column {shown(column)} has a text of {longest:,} bytes, expected names "
                f"or paths of at most {_LONGEST_TEXT:,}; name the right column with --column"
            )

    def cells(self, row_group: int, column: str) -> Generator[Callable[[], Cell], None, None]:
        """Yield, row by row of a row group, what gives its picture or the path to it when called."""
        with self._telling():
            is_struct = _is_struct(self._file.schema_arrow.field(column).type)
            leaves = [f"{column}.bytes", f"{column}.path"] if is_struct else [column]
            # One row a batch: a hostile file can tell a large picture in a few bytes a thousand times.
            for batch in self._batches(row_group, leaves, 1):
                yield partial(_cell, batch.column(0))

    def _batches(self, row_group: int, columns: list[str], rows: int) -> Iterator[Any]:
        found: Iterator[Any] = self._file.iter_batches(
            batch_size=rows, row_groups=[row_group], columns=columns, use_threads=False
        )
        return found

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Turn what pyarrow says of a damaged file into one sentence."""
        import pyarrow

        with telling_errors(self._what):
            try:
                yield
            except pyarrow.ArrowMemoryError:
                raise
            except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
                if isinstance(error, OSError) and error.errno:
                    raise
                raise InputError(f"cannot read {self._what}: it is damaged; copy or make it again") from error


@contextmanager
def open_table(address: str) -> Iterator[Table]:
    """Open a Parquet file; what tells its rows is read, its end that is.

    Raises FileMissing if it is not there, InputError if it is no whole Parquet file or cannot be read, ToolMissing if
    pyarrow or the store's driver is not installed.
    """
    import pyarrow.parquet
    import pyarrow.types

    what = told(address)
    with ExitStack() as stack:
        if is_remote(address):
            source: Any = stack.enter_context(opened(address)).file
        else:
            _check_regular(address)
            source = address
        try:
            # pre_buffer would hold a whole row group, a buffer reads its pages one after the other.
            file = pyarrow.parquet.ParquetFile(source, pre_buffer=False, buffer_size=_BUFFER)
            if texts := [field.name for field in file.schema_arrow if pyarrow.types.is_string(field.type)]:
                # A text that many rows share stays one in memory, as it is in the file.
                file = pyarrow.parquet.ParquetFile(
                    source, pre_buffer=False, buffer_size=_BUFFER, read_dictionary=texts, metadata=file.metadata
                )
        except (pyarrow.ArrowException, OSError) as error:
            raise InputError(
                f"cannot read {what}: it is no Parquet file or a damaged one; copy or make it again"
            ) from error
        stack.callback(file.close)
        yield Table(file, what)


def _check_regular(path: str) -> None:
    with opened(path):  # raises for what is no file, a pipe for which pyarrow would wait for ever included
        pass


def _kind(type_: Any) -> str:
    """Return "bytes" for pictures, "text", "number", or "other"."""
    import pyarrow.types as types

    if _is_struct(type_):
        index = type_.get_field_index("bytes")
        return "bytes" if index >= 0 and _kind(type_.field(index).type) == "bytes" else "other"
    if types.is_dictionary(type_):
        return _kind(type_.value_type)
    if types.is_binary(type_) or types.is_large_binary(type_) or types.is_binary_view(type_):
        return "bytes"
    if types.is_string(type_) or types.is_large_string(type_) or types.is_string_view(type_):
        return "text"
    return "number" if types.is_integer(type_) else "other"


def _is_struct(type_: Any) -> bool:
    import pyarrow.types

    return bool(pyarrow.types.is_struct(type_))


def _cell(column: Any) -> Cell:
    """Take a column of one cell apart: Hugging Face writes {bytes, path}, and one of them may be missing."""
    value: object = column[0].as_py()
    if isinstance(value, dict):
        value = value.get("bytes") or value.get("path")
    return value if isinstance(value, bytes | str) else None


def _text(value: object) -> str:
    return str(value) if isinstance(value, str | int) else ""
