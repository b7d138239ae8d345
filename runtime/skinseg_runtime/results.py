"""What `skinseg-run` leaves behind: masks, overlays and `results.jsonl`, all of them or none of them.

Everything is made in a hidden folder inside the output folder and moved to its place when all is done. A run that is
cut off, by Ctrl-C, `kill -9` or a power cut, leaves that folder with what is done, and the next one may go on there.
"""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from skinseg_edge.atomic_files import check_free, refusing_output_errors, write_bytes_atomically
from skinseg_edge.errors import OutputRefused
from skinseg_runtime.file_lock import locked
from skinseg_runtime.folder_run.journal import Entry, Journal, Written

__all__ = ["RESULTS_NAME", "UNFINISHED_NAME", "Results", "results_folder"]

RESULTS_NAME = "results.jsonl"
UNFINISHED_NAME = ".skinseg-unfinished"

_JOURNAL, _LOCK = "done.jsonl", "lock"


class Results:
    """A run's results in the making; from `results_folder`. Several threads may add to it.

    *folder*: where they will lie. *working*: where they are made. *is_published*: whether they lie there.
    """

    def __init__(self, folder: Path, working: Path) -> None:
        self.folder = folder
        self.is_published = False
        self._working = working
        self._journal = Journal(working / _JOURNAL)

    def __len__(self) -> int:
        """How many photos are done."""
        return len(self._journal)

    def row(self, key: str, names: Mapping[str, PurePosixPath]) -> dict[str, object] | None:
        """Return the row of what is done already, None if it is not or its files are no longer as they were written.

        *key*: says what was done, see `Entry`. *names*: its pictures by kind, relative to the folder.
        """
        entry = self._journal.get(key)
        if entry is None or {kind: file.path for kind, file in entry.files.items()} != {
            kind: str(name) for kind, name in names.items()
        }:
            return None
        if not all(self._is_there(file) for file in entry.files.values()):
            return None
        return self._whole(entry)

    def add(
        self,
        key: str,
        names: Mapping[str, PurePosixPath],
        pictures: Mapping[str, bytes],
        row: Mapping[str, object],
    ) -> dict[str, object]:
        """Write the pictures of a photo, note that it is done, and return its row with their paths.

        Raises OutputRefused if they cannot be written.
        """
        files = {}
        for kind, name in names.items():
            self._write(name, pictures[kind])
            files[kind] = Written(str(name), len(pictures[kind]), hashlib.sha256(pictures[kind]).hexdigest())
        entry = Entry(key, files, row)
        with refusing_output_errors(self.folder / RESULTS_NAME):
            self._journal.append(entry)
        return self._whole(entry)

    def published(self) -> set[str]:
        """Return the names of the pictures that a run moved to their place before it was cut off."""
        entries = (self._journal.get(key) for key in self._journal.keys())  # noqa: SIM118  # a Journal is no mapping
        files = (file for entry in entries if entry is not None for file in entry.files.values())
        return {file.path for file in files if not (self._working / file.path).exists() and self._is_there(file)}

    def publish(self, rows: Sequence[tuple[str | None, Mapping[str, object]]]) -> None:
        """Move everything to its place; results.jsonl comes last, so where it stands all else does.

        *rows*: for each photo the key under which it was added and what comes before that in its row, or None and a row
        of its own.
        """
        staged = self._working / RESULTS_NAME
        with staged.open("w", encoding="utf-8") as stream:
            for key, row in rows:
                added = {} if key is None else self._whole(self._entry(key))
                stream.write(json.dumps({**row, **added}, allow_nan=False) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        (self.folder / RESULTS_NAME).unlink(missing_ok=True)
        for key, _ in rows:
            if key is not None:
                self._move(self._entry(key))
        staged.replace(self.folder / RESULTS_NAME)
        self.is_published = True

    def _entry(self, key: str) -> Entry:
        entry = self._journal.get(key)
        if entry is None:
            raise OutputRefused(
                f"cannot write into {self.folder}: its folder {UNFINISHED_NAME} was changed meanwhile; run again"
            )
        return entry

    def _whole(self, entry: Entry) -> dict[str, object]:
        return {**entry.row, **{kind: str(self.folder / file.path) for kind, file in entry.files.items()}}

    def _move(self, entry: Entry) -> None:
        for file in entry.files.values():
            made, target = self._working / file.path, self.folder / file.path
            if made.exists():  # else it was moved before the run was cut off
                target.parent.mkdir(parents=True, exist_ok=True)
                made.replace(target)

    def _is_there(self, file: Written) -> bool:
        """Answer whether a picture lies where it was made or where it belongs, whole."""
        made = self._working / file.path
        path = made if made.exists() else self.folder / file.path
        try:
            data = path.read_bytes() if path.stat().st_size == file.size else b""
        except OSError:
            return False
        return hashlib.sha256(data).hexdigest() == file.sha256

    def _write(self, name: PurePosixPath, data: bytes) -> None:
        try:
            write_bytes_atomically(self._working / name, data)
        except OutputRefused as error:  # the hidden folder is nobody's business
            raise OutputRefused(str(error).replace(str(self._working), str(self.folder))) from error


@contextmanager
def results_folder(
    folder: Path,
    expected: Sequence[PurePosixPath],
    *,
    force: bool = False,
    resume: bool = False,
    on_unfinished: Callable[[str], None] = lambda _: None,
) -> Iterator[Results]:
    """Give a place for results below *folder*; the block calls `publish` when all is done.

    *expected*: files that the run may write, relative to *folder*. *force*: replace those that are there, and throw
    away what a run that was cut off has left, unless *resume*: go on with that. Other files in the folder are left
    alone. *on_unfinished*: hears, in a sentence, what is kept when the block ends with an error.

    Raises OutputRefused if a result is there or a run was cut off here and neither is allowed for, the working folder
    holds a link, or the place cannot be written; DeviceBusy if another process writes here.
    """
    working = folder / UNFINISHED_NAME
    with _locked(folder, working):
        if force and not resume:
            _clear(working)
        results = Results(folder, working)
        _check(results, expected, force=force, resume=resume)
        try:
            with refusing_output_errors(folder):
                yield results
        finally:
            if results.is_published or not len(results):
                _clear(working)
            else:
                on_unfinished(
                    f"what is done is kept in {working} (photos: {len(results)}); run the same command with --resume "
                    "to go on"
                )


def _check(results: Results, expected: Sequence[PurePosixPath], *, force: bool, resume: bool) -> None:
    if len(results) and not resume:
        raise OutputRefused(
            f"cannot write into {results.folder}: a run that was cut off left what it had done there, in "
            f"{UNFINISHED_NAME} (photos: {len(results)}); add --resume to go on with that, or --force to start anew"
        )
    published = results.published() if resume else set()
    for relative in (PurePosixPath(RESULTS_NAME), *expected):
        target = results.folder / relative
        if target.is_dir():
            raise OutputRefused(
                f"cannot write {target}: it is a folder, expected a file or nothing; remove it or choose another place"
            )
        if str(relative) not in published:
            check_free(target, force=force)


@contextmanager
def _locked(folder: Path, working: Path) -> Iterator[None]:
    """Keep other processes out of the working folder, and take away what folders were made if nothing stays in them."""
    made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    lock = working / _LOCK
    try:
        with refusing_output_errors(folder):
            _check_own(working)
            working.mkdir(parents=True, exist_ok=True)
        with locked(lock, f"write results into {folder}"):
            try:
                yield
            finally:
                if list(working.iterdir()) == [lock]:
                    with contextlib.suppress(OSError):  # Windows removes no file that is held
                        lock.unlink()
    finally:
        for empty in (working, *made):
            with contextlib.suppress(OSError):  # it holds results, as it should
                empty.rmdir()


def _check_own(working: Path) -> None:
    """Refuse a working folder with links: it is emptied, and what a link names is not ours. We make none."""
    for path in (working, *working.rglob("*")):
        if path.is_symlink():
            raise OutputRefused(
                f"cannot write into {working.parent}: {path} is a link, expected a folder that skinseg-run made; "
                "remove it or choose another place"
            )


def _clear(working: Path) -> None:
    """Remove all but the lock, which is held."""
    for path in working.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != _LOCK:
            path.unlink(missing_ok=True)
