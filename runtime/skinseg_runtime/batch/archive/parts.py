"""The table of an archive on the disk: Parquet files, each written once and whole, later ones before earlier ones.

    pictures/part-RRRR-NNNNNN.parquet    RRRR: which start of the command; NNNNNN: which part of that

A row of a later part stands for those of the same name in earlier ones; when a run ends, there are none of these left.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skinseg_edge.atomic_files import refusing_output_errors, sync_names
from skinseg_edge.errors import InputError
from skinseg_runtime.batch.archive.index import Known

__all__ = ["PICTURES", "Part", "Parts", "parts_in"]

PICTURES = "pictures"

_NAME = re.compile(r"part-(\d{4,9})-(\d{6,9})\.parquet")
_COUNTED = ("name", "sha256", "mask_bytes", "error_message")


@dataclass(frozen=True, order=True)
class Part:
    """A part of the table, by its start and its number in that; they sort as they came."""

    start: int
    number: int

    @property
    def key(self) -> int:
        """One number for both."""
        return self.start << 32 | self.number

    @property
    def file_name(self) -> str:
        """Return the name of its file."""
        return f"part-{self.start:04}-{self.number:06}.parquet"


class Parts:
    """The parts in the folder *output*/pictures, all of one *schema* (of pyarrow).

    New ones are of *start*, made in the folder *working*.
    """

    def __init__(self, output: Path, working: Path, start: int, schema: Any) -> None:
        self._output = output
        self._folder = output / PICTURES
        self._working = working
        self._start = start
        self._schema = schema
        self._next = 0

    def all(self) -> list[Part]:
        """List them, the oldest first."""
        return parts_in(self._output)

    def path(self, part: Part) -> Path:
        """Return the file of a part."""
        return self._folder / part.file_name

    def known(self, part: Part) -> Iterator[list[Known]]:
        """Read what is counted of each row, some thousand rows at a time.

        Raises InputError if it is no such table.
        """
        with self._opened(part) as file:
            for batch in file.iter_batches(columns=list(_COUNTED)):
                yield [Known(*row.values()) for row in batch.to_pylist()]

    def read(self, part: Part) -> Any:
        """Return a part as `pyarrow.Table`.

        Raises InputError if it is no such table.
        """
        with self._opened(part) as file:
            return file.read()

    def rows(self, part: Part) -> int:
        """Return how many rows a part has.

        Raises InputError if it is no such table.
        """
        with self._opened(part) as file:
            return int(file.metadata.num_rows)

    def write(self, table: Any) -> Part:
        """Write a new part, on the disk and whole when this returns.

        Raises OutputRefused if the system refuses.
        """
        import pyarrow.parquet as pq

        part = Part(self._start, self._next)
        temporary = self._working / f"{secrets.token_hex(8)}.part"
        with refusing_output_errors(self.path(part)):
            self._folder.mkdir(exist_ok=True)
            try:
                with temporary.open("xb") as stream:
                    pq.write_table(table, stream, compression="zstd")
                    stream.flush()
                    os.fsync(stream.fileno())
                temporary.replace(self.path(part))
            except BaseException:
                with suppress(OSError):
                    temporary.unlink(missing_ok=True)
                raise
            sync_names(self._folder)
        self._next += 1
        return part

    @contextmanager
    def _opened(self, part: Part) -> Iterator[Any]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self.path(part)
        try:
            with pq.ParquetFile(path) as file:
                if not file.schema_arrow.equals(self._schema):
                    raise InputError(f"cannot read {path}: its columns are not those of this table; remove it")
                yield file
        except (pa.ArrowException, OSError) as error:
            reason = str(error).partition("\n")[0]
            raise InputError(f"cannot read {path}: it is damaged or no Parquet file ({reason}); remove it") from error

    def remove(self, parts: Sequence[Part]) -> None:
        """Take parts away whose rows are all in others, or count no longer."""
        with refusing_output_errors(self._folder):
            for part in parts:
                self.path(part).unlink(missing_ok=True)


def parts_in(output: Path) -> list[Part]:
    """List the parts below an output folder, the oldest first."""
    folder = output / PICTURES
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    found = (_NAME.fullmatch(name) for name in names)
    return sorted(Part(int(match[1]), int(match[2])) for match in found if match is not None)
