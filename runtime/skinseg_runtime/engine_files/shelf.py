"""The engines of one device in a bundle: which is current, which was before, and how a new one takes its place.

A new engine appears by two renames: its finished folder, then the pointer. Whoever reads meets the old engine or the
new one, whatever is killed in between. Writers hold the lock `engines/.lock`; readers need none.
"""

import contextlib
import logging
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from skinseg_edge.atomic_files import refusing_output_errors, write_bytes_atomically, write_json_atomically
from skinseg_edge.bundle import Bundle
from skinseg_edge.errors import EngineUnusable, FileMissing
from skinseg_edge.manifest_parts import ENGINES_FOLDER
from skinseg_edge.strict_json import Fields, parse_object, shown
from skinseg_runtime.engine_files.engine_folder import EngineFolder, sealed_records
from skinseg_runtime.engine_files.plain_file import read_plain
from skinseg_runtime.engine_files.receipt import Receipt
from skinseg_runtime.engine_files.sidecar import Sidecar
from skinseg_runtime.this_device import Device

__all__ = ["LOCK_NAME", "POINTER_SCHEMA", "Shelf", "Staging"]

LOCK_NAME = ".lock"
POINTER_SCHEMA = "skinseg.engine-pointer/1"

_LARGEST_POINTER = 4096  # bytes
_FOLDER = re.compile(r"(?P<precision>[a-z0-9]+)-[0-9a-f]{8}-(?P<count>[1-9][0-9]{0,8})")
_LARGEST_COUNT = 999_999_999  # of nine digits, as in _FOLDER
_UNFINISHED = ".skinseg-*.part"
_MEND = "so it is damaged; run skinseg-build again"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Pointer:
    current: str | None = None
    previous: str | None = None


class Staging:
    """A folder for an engine in the making, from `Shelf.staging`; *path*: where its plan and whatever else goes."""

    def __init__(self, path: Path, shelf: "Shelf", precision: str, name: str) -> None:
        self.path = path
        self._shelf = shelf
        self._precision = precision
        self._name = name

    def publish(self, sidecar: Sidecar, receipt: Receipt, *, keep: EngineFolder | None = None) -> EngineFolder:
        """Seal the engine, make it current and the one before it previous, and remove all others of its precision.

        The plan must be in the folder by now, unless *sidecar* names a file of the bundle. *keep*: the engine that
        becomes previous, where the current one is not worth going back to; None takes the current one.

        Raises OutputRefused if the system refuses, InputError if this device's key cannot be used, ValueError if the
        receipt is not an accepted one of this plan: what is not proved is never published.
        """
        if not receipt.accepted or receipt.engine_sha256 != sidecar.sha256:
            raise ValueError("an engine is published with the accepted receipt of its own plan only")
        for name, data in sealed_records(sidecar, receipt).items():
            write_bytes_atomically(self.path / name, data)
        return self._shelf._adopt(self.path, self._precision, self._name, keep)  # its own half of one step


class Shelf:
    """The engines of *device* in *bundle*; nothing need be there."""

    def __init__(self, bundle: Bundle, device: Device) -> None:
        self.root = bundle.path / ENGINES_FOLDER / device.key
        """The folder of this device's engines."""

    def current(self, precision: str) -> EngineFolder | None:
        """Return the engine that is to be used, None if none was published.

        Raises EngineUnusable if the pointer is damaged.
        """
        return self._named(self._pointer(precision).current)

    def previous(self, precision: str) -> EngineFolder | None:
        """Return the engine that was current before, None if there is none; raises what `current` raises."""
        return self._named(self._pointer(precision).previous)

    @contextmanager
    def staging(self, precision: str, key: str) -> Iterator[Staging]:
        """Give a folder for a new engine; unless the block publishes it, it vanishes.

        *precision*: one of `engines.PRECISIONS`. *key*: see `engine_key`.

        Raises OutputRefused if the folder cannot be made.
        """
        path = self.root / f".skinseg-{secrets.token_hex(8)}.part"
        with refusing_output_errors(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            self._remove_unfinished()
            path.mkdir()
        try:
            yield Staging(path, self, precision, f"{precision}-{key[:8]}-{self._next_count(precision)}")
        finally:
            shutil.rmtree(path, ignore_errors=True)
            for folder in (self.root, self.root.parent):
                with contextlib.suppress(OSError):  # it holds other engines or the lock
                    folder.rmdir()

    def roll_back(self, precision: str) -> EngineFolder:
        """Make the previous engine current, remove the one that was, and return the former.

        Raises EngineUnusable if there is no previous engine, OutputRefused if the system refuses.
        """
        previous = self.previous(precision)
        if previous is None:
            raise EngineUnusable(
                f"cannot go back to an earlier {precision} engine: {self.root} holds none, expected the one before the "
                "current one; run skinseg-build to make another"
            )
        self._point(precision, _Pointer(previous.name))
        self._prune(precision)
        return previous

    def note(self, name: str, document: object) -> None:
        """Write a JSON file beside the engines, whole or not at all.

        A link of that name is replaced: a bundle may bring one, and what it points to is none of its business.

        Raises OutputRefused if the system refuses.
        """
        path = self.root / name
        with refusing_output_errors(path):
            if path.is_symlink():
                path.unlink()
        write_json_atomically(path, document)

    def _adopt(self, path: Path, precision: str, name: str, keep: EngineFolder | None) -> EngineFolder:
        try:
            before = self._pointer(precision).current if keep is None else keep.name
        except EngineUnusable as error:
            _log.warning("the pointer to the %s engine is written anew: %s", precision, error)
            before = None
        target = self.root / name
        with refusing_output_errors(target):
            path.rename(target)
        try:
            self._point(precision, _Pointer(name, before))
        except BaseException:
            if not self._is_current(precision, name):  # Ctrl-C may come when the pointer is already written
                shutil.rmtree(target, ignore_errors=True)
            raise
        self._prune(precision)
        return EngineFolder(target)

    def _is_current(self, precision: str, name: str) -> bool:
        try:
            return self._pointer(precision).current == name
        except EngineUnusable:
            return False

    def _pointer(self, precision: str) -> _Pointer:
        what = f"{self.root.name}/{precision}.json"
        try:
            data = read_plain(self.root / f"{precision}.json", _LARGEST_POINTER)
        except FileMissing:
            return _Pointer()
        document = parse_object(data, what, mend=_MEND, error_class=EngineUnusable)
        fields = Fields(document, "it", ("schema", "current", "previous"), what=what, error_class=EngineUnusable)
        if fields.text("schema") != POINTER_SCHEMA:
            found = shown(fields.text("schema"))
            raise EngineUnusable(f"cannot read {what}: it is {found}, expected {POINTER_SCHEMA!r}, {_MEND}")
        return _Pointer(*(_checked(fields.text_or_none(name), precision, what) for name in ("current", "previous")))

    def _point(self, precision: str, pointer: _Pointer) -> None:
        self.note(f"{precision}.json", {"schema": POINTER_SCHEMA, **vars(pointer)})

    def _named(self, name: str | None) -> EngineFolder | None:
        return None if name is None else EngineFolder(self.root / name)

    def _next_count(self, precision: str) -> int:
        """Return a number above all that were given, also to engines whose builder was killed before the pointer."""
        given = {count for _, count in self._folders(precision)}
        following = 1 + max(given, default=0)
        if following <= _LARGEST_COUNT:
            return following
        return next(count for count in range(1, _LARGEST_COUNT) if count not in given)  # no builder went so far

    def _folders(self, precision: str) -> Iterator[tuple[Path, int]]:
        if not self.root.is_dir():
            return
        for path in self.root.iterdir():
            match = _FOLDER.fullmatch(path.name)
            if match and match["precision"] == precision:
                yield path, int(match["count"])

    def _prune(self, precision: str) -> None:
        pointer = self._pointer(precision)
        for path, _ in list(self._folders(precision)):
            if path.name not in (pointer.current, pointer.previous):
                shutil.rmtree(path, ignore_errors=True)

    def _remove_unfinished(self) -> None:
        # Whoever stages holds the lock, so these are of builders that were killed.
        for path in self.root.glob(_UNFINISHED):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _checked(name: str | None, precision: str, what: str) -> str | None:
    """Check that a pointer names a folder beside it, of its own precision."""
    match = _FOLDER.fullmatch(name or "")
    if name is None or (match and match["precision"] == precision):
        return name
    raise EngineUnusable(f"cannot read {what}: it names {shown(name)}, expected an engine's folder beside it, {_MEND}")
