"""What of a run is done: a line a photo, appended when its pictures are on the disk.

The file outlives Ctrl-C, `kill -9` and a power cut. A line that was cut off or is no such line counts for nothing: its
photo is done again. Nothing in it is trusted: whoever takes an entry over compares its files with those on the disk.
Paths stand in it as a URL has them, for a name on a disk may be no text in any encoding.
"""

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

from skinseg_edge.errors import InputError
from skinseg_edge.strict_json import Fields, parse_object

__all__ = ["Entry", "Journal", "Written"]

_WHAT = "the journal of a run"


@dataclass(frozen=True)
class Written:
    """A picture that was written: *path* relative to the output folder, *size* in bytes, *sha256* in hex."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Entry:
    """A photo that is done: *key* says of what bytes, by what, under what name; *files* by what they are; its *row*."""

    key: str
    files: Mapping[str, Written]
    row: Mapping[str, object]


class Journal:
    """The entries of the file at *path*, which need not be there; `append` may be called from several threads.

    Only the places of the entries are held in memory.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places: dict[str, tuple[int, int]] = {}
        self._lock = threading.Lock()
        self._end = 0
        if path.is_file():
            self._find()

    def __len__(self) -> int:
        return len(self._places)

    def keys(self) -> list[str]:
        """Return the key of every entry."""
        return list(self._places)

    def get(self, key: str) -> Entry | None:
        """Read an entry from the disk; None if there is none."""
        if key not in self._places:
            return None
        at, length = self._places[key]
        with self._path.open("rb") as stream:
            stream.seek(at)
            return _entry(stream.read(length))

    def append(self, entry: Entry) -> None:
        """Write an entry, on the disk when this returns; a later one of the same key counts.

        Raises OSError if the disk refuses; the entries before are then as they were.
        """
        document = {
            "key": entry.key,
            "files": {name: _document(file) for name, file in entry.files.items()},
            "row": dict(entry.row),
        }
        line = json.dumps(document, allow_nan=False).encode() + b"\n"
        with self._lock:
            self._write(line)
            self._places[entry.key] = (self._end, len(line))
            self._end += len(line)

    def _write(self, line: bytes) -> None:
        with self._path.open("r+b" if self._path.exists() else "xb") as stream:
            stream.truncate(self._end)  # what a write that failed has left
            stream.seek(self._end)
            stream.write(line)
            stream.flush()
            os.fsync(stream.fileno())

    def _find(self) -> None:
        with self._path.open("rb") as stream:
            for line in stream:
                if not line.endswith(b"\n"):
                    break
                entry = _entry(line)
                if entry is not None:
                    self._places[entry.key] = (self._end, len(line))
                self._end += len(line)


def _entry(line: bytes) -> Entry | None:
    """Take a line apart; None if it is none of ours."""
    try:
        document = parse_object(line, _WHAT, error_class=InputError)
        fields = Fields(document, "a line", ("key", "files", "row"), what=_WHAT, error_class=InputError)
        return Entry(fields.text("key"), _files(fields.mapping("files")), fields.mapping("row"))
    except InputError:
        return None


def _document(file: Written) -> dict[str, object]:
    return {**asdict(file), "path": quote(os.fsencode(file.path))}


def _files(document: Mapping[str, object]) -> dict[str, Written]:
    files = {}
    for name, value in document.items():
        fields = Fields(value, name, ("path", "size", "sha256"), what=_WHAT, error_class=InputError)
        path = os.fsdecode(unquote_to_bytes(fields.text("path")))
        files[name] = Written(path, fields.whole("size"), fields.text("sha256"))
    return files
