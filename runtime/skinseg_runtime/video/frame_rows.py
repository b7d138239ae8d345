"""`frames.jsonl`: one line a segmented frame, written as they come, under its own name when the run is over."""

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path

from skinseg_edge.atomic_files import check_free, refusing_output_errors
from skinseg_runtime.video.half_files import HalfFile

__all__ = ["FRAMES_NAME", "ROW_SCHEMA", "FrameRows"]

FRAMES_NAME = "frames.jsonl"
ROW_SCHEMA = "skinseg.frame/1"


class FrameRows:
    """Writes rows to *folder*/frames.jsonl.

    Each row is handed to the system when it is there, so after a power cut or `kill -9` the rows until then are in a
    hidden file beside it; the next run brings them to light, see `half_files`.

    Raises OutputRefused if the file is there and not *force*, or the place cannot be written.
    """

    def __init__(self, folder: Path, *, force: bool) -> None:
        self.path = folder / FRAMES_NAME
        check_free(self.path, force=force)
        self._made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
        with refusing_output_errors(self.path):
            folder.mkdir(parents=True, exist_ok=True)
            self._half = HalfFile(folder)
            self._stream = self._half.path.open("w", encoding="utf-8")
        self.count = 0

    def add(self, row: Mapping[str, object]) -> None:
        """Write one row.

        Raises OutputRefused if the disk takes no more.
        """
        with refusing_output_errors(self.path):
            self._stream.write(json.dumps({"schema": ROW_SCHEMA, **row}, allow_nan=False) + "\n")
            self._stream.flush()
        self.count += 1

    def publish(self) -> Path | None:
        """Put the file in its place; None if there is no row.

        Raises OutputRefused if that is refused.
        """
        if self.count == 0:
            return None
        with refusing_output_errors(self.path):
            self._stream.close()
            self._half.publish(self.path)
        return self.path

    def discard(self) -> None:
        """Remove what is not published, and folders that hold nothing; a second call does nothing."""
        with contextlib.suppress(OSError):
            self._stream.close()
            self._half.discard()
        for folder in self._made:
            with contextlib.suppress(OSError):  # it holds results, as it should
                folder.rmdir()
