"""The results of an archive on the disk, at every moment such that the same command can go on with them.

    batch.json                            what was asked, and how far it is; see `record`
    pictures/part-RRRR-NNNNNN.parquet     the rows; see `parts` and `columns`
    masks/NAME.mask.png                   the masks, if they are not in the rows; see `mask_files`
    .skinseg-batch/                       while a run lasts: its lock, its index, files in the making

A mask is on the disk before the row that names it, and a row before anything that it stands for is taken away.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skinseg_edge.atomic_files import refusing_output_errors
from skinseg_edge.errors import InputError, OutputRefused
from skinseg_runtime.batch.archive.columns import table_of, table_schema
from skinseg_runtime.batch.archive.index import Index
from skinseg_runtime.batch.archive.mask_files import MASKS, MaskFiles
from skinseg_runtime.batch.archive.parts import PICTURES, Part, Parts, parts_in
from skinseg_runtime.batch.archive.record import RECORD_NAME, Asked, Record, State
from skinseg_runtime.batch.archive.tidying import is_full, known_of, tidy
from skinseg_runtime.file_lock import locked

if TYPE_CHECKING:
    from skinseg_runtime.batch.units import Finished
    from skinseg_runtime.batch.work import Work

__all__ = ["WORKING", "Archive", "archive_at"]

WORKING = ".skinseg-batch"

_LOCK, _INDEX = "lock", "index.sqlite"
_MOST_WAITING_ROWS, _LONGEST_WAIT_S = 256, 1.0  # before rows are on the disk: so much is done again after `kill -9`


class Archive:
    """The results in the folder *output*; from `archive_at`, whose lock guards it.

    `known` may be called from another thread than `add`.
    """

    def __init__(self, output: Path, record: Record, schema: Any) -> None:
        self.output = output
        self.record = record
        self.index = Index(output / WORKING / _INDEX)
        self._schema = schema
        self._masks = MaskFiles(output, output / WORKING)
        self._parts = Parts(output, output / WORKING, record.starts, schema)
        self._waiting: list[dict[str, object]] = []
        self._written_at = -_LONGEST_WAIT_S
        self._small: list[tuple[Part, Any]] = []
        self._broken: list[Part] = []

    def load(self, on_broken: Callable[[str], None]) -> int:
        """Read what earlier starts have done; return how many rows that are.

        A part that cannot be read counts for nothing, its pictures are done again; *on_broken* hears of it.
        """
        rows = 0
        for part in self._parts.all():
            try:
                for known in self._parts.known(part):
                    self.index.put(part.key, known, is_listed=False)
                    rows += len(known)
            except InputError as error:
                self._broken.append(part)
                on_broken(f"{error}; its pictures are done again")
        return rows

    def known(self, names: Sequence[str]) -> tuple[str | None, ...]:
        """Note that the source has these pictures; return for each the hash of the content that its row was made of.

        None where there is no such row, or its mask is no longer there as it was written.

        Raises InputError if the source has one of them twice.
        """
        rows = self.index.listed(names)
        return tuple(
            None
            if row is None or (row.mask_bytes is not None and not self._masks.is_whole(row.name, row.mask_bytes))
            else row.sha256
            for row in rows
        )

    def add(self, made: Sequence[Finished]) -> None:
        """Take new rows and their masks; they are on the disk within a second, or when `flush` returns.

        Raises OutputRefused if the system refuses.
        """
        for one in made:
            if one.mask_png is None:
                self._masks.remove(one.name)  # an earlier content may have had one
                path = None
            else:
                path = self._masks.write(one.name, one.mask_png)
            self._waiting.append({**one.row, "name": one.name, "sha256": one.sha256, "mask_path": path})
        is_time = time.monotonic() - self._written_at >= _LONGEST_WAIT_S
        if len(self._waiting) >= _MOST_WAITING_ROWS or (self._waiting and is_time):
            self.flush()

    def flush(self) -> None:
        """Put all rows and masks on the disk.

        Raises OutputRefused if the system refuses.
        """
        if not self._waiting:
            return
        self._masks.sync()
        table = table_of(self._waiting, self._schema)
        self._small.append((self._written(table), table))
        self._waiting.clear()
        self._written_at = time.monotonic()
        if is_full(small for _, small in self._small):
            self._merge()

    def finish(self) -> None:
        """Take away what the source no longer has, and leave one row a picture, in few files.

        Raises OutputRefused if the system refuses.
        """
        self.flush()
        self._merge()
        for name in self.index.unlisted():
            self._masks.remove(name)
        self._parts.remove(self._broken)
        tidy(self._parts, self.index)

    def write_record(self, state: State, rest: Mapping[str, object]) -> None:
        """Say in `batch.json` how far the results are.

        Raises OutputRefused if the system refuses.
        """
        self.record.write(self.output, state, rest)

    def clear(self) -> None:
        """Take all earlier results away: every part, and the masks of its rows before it."""
        for part in self._parts.all():
            with suppress(InputError):  # what cannot be read names no masks
                for known in self._parts.known(part):
                    for row in known:
                        self._masks.remove(row.name)
            self._parts.remove([part])

    def _merge(self) -> None:
        """Write the small parts of this start as one."""
        if len(self._small) > 1:
            import pyarrow as pa

            self._written(pa.concat_tables([table for _, table in self._small]).combine_chunks())
            self._parts.remove([part for part, _ in self._small])
        self._small.clear()

    def _written(self, table: Any) -> Part:
        part = self._parts.write(table)
        self.index.put(part.key, known_of(table), is_listed=True)
        return part


@contextmanager
def archive_at(
    output: Path,
    source: str,
    work: Work,
    model_name: str,
    *,
    force: bool = False,
) -> Iterator[Archive]:
    """Open the results in *output*, new ones or those of an earlier start of the same work on the same source.

    *force*: take results of other work, or of the same, away first.

    Raises OutputRefused if other results are there and not force, or the place cannot be written; DeviceBusy if another
    process writes there.
    """
    with _working(output):
        before = _before(output, force=force)
        asked = Asked.of(source, work)
        if before is not None and not force and (difference := before.asked.difference(asked)) is not None:
            raise OutputRefused(
                f"cannot go on in {output}: it holds results of other work ({difference}); "
                "add --force to start anew, or choose another folder"
            )
        schema = table_schema(work, model_name)
        record = Record(asked, _next_start(output, before))
        archive = Archive(output, record, schema)
        try:
            if force:
                archive.clear()
            yield archive
        finally:
            archive.index.close()


def _before(output: Path, *, force: bool) -> Record | None:
    try:
        record = Record.read(output)
    except OutputRefused:
        if not force:
            raise
        return None
    taken = [name for name in (PICTURES, MASKS) if (output / name).exists()]
    if record is None and taken:
        raise OutputRefused(
            f"cannot write into {output}: it holds {taken[0]}/ and no {RECORD_NAME}, so it is not what skinseg-batch "
            "makes; choose another folder, or remove it first"
        )
    return record


def _next_start(output: Path, before: Record | None) -> int:
    return max([0 if before is None else before.starts, *(part.start for part in parts_in(output))]) + 1


@contextmanager
def _working(output: Path) -> Iterator[None]:
    """Hold the lock of *output*, with a fresh folder for what is in the making; it goes when nothing is left in it."""
    working, is_new = output / WORKING, not output.exists()
    lock = working / _LOCK
    with refusing_output_errors(output):
        if working.is_symlink():
            raise OutputRefused(f"cannot write into {output}: {working} is a link, expected a folder; remove it")
        working.mkdir(parents=True, exist_ok=True)
    try:
        with locked(lock, f"write results into {output}"):
            _empty(working)
            try:
                yield
            finally:
                _empty(working)
                with suppress(OSError):  # Windows removes no file that is held
                    lock.unlink()
    finally:
        with suppress(OSError):  # another process is at it
            working.rmdir()
            if is_new:
                output.rmdir()


def _empty(working: Path) -> None:
    for path in working.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != _LOCK:
            with suppress(OSError):
                path.unlink()
