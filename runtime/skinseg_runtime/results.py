"""What `skinseg-run` leaves behind: masks, overlays and `results.jsonl`, all of them or none.

Everything is made in a hidden folder inside the output folder and moved to its place when all is done.
"""

import contextlib
import json
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.atomic_files import check_free, refusing_output_errors
from skinseg_edge.class_colours import class_colours
from skinseg_edge.errors import OutputRefused
from skinseg_edge.image_io import write_png
from skinseg_edge.index_png import write_index_png

__all__ = ["RESULTS_NAME", "Results", "results_folder"]

RESULTS_NAME = "results.jsonl"


class Results:
    """A run's results in the making; from `results_folder`."""

    def __init__(self, folder: Path, staging: Path) -> None:
        self.folder = folder
        self._staging = staging
        self._made: list[PurePosixPath] = []

    def add_png(self, relative: PurePosixPath, pixels: NDArray[np.bool_] | NDArray[np.uint8]) -> Path:
        """Write a picture and return the path it will have.

        Raises OutputRefused if it cannot be written.
        """
        return self._add(relative, lambda path: write_png(path, pixels))

    def add_class_map(self, relative: PurePosixPath, class_map: NDArray[np.uint8], count: int) -> Path:
        """Write the numbers of *count* classes, (H, W) uint8, as a palette PNG and return the path it will have.

        Raises OutputRefused if it cannot be written.
        """
        return self._add(relative, lambda path: write_index_png(path, class_map, class_colours(count)))

    def add_row(self, row: Mapping[str, object]) -> None:
        """Add one line to results.jsonl."""
        with (self._staging / RESULTS_NAME).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row, allow_nan=False) + "\n")

    def publish(self) -> None:
        """Move everything to its place; results.jsonl comes last, so where it stands all else does."""
        for relative in (*self._made, PurePosixPath(RESULTS_NAME)):
            target = self.folder / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            (self._staging / relative).replace(target)

    def _add(self, relative: PurePosixPath, write: Callable[[Path], None]) -> Path:
        try:
            write(self._staging / relative)
        except OutputRefused as error:  # the hidden folder is nobody's business
            raise OutputRefused(str(error).replace(str(self._staging), str(self.folder))) from error
        self._made.append(relative)
        return self.folder / relative


@contextmanager
def results_folder(folder: Path, expected: Sequence[PurePosixPath], *, force: bool) -> Iterator[Results]:
    """Give a place for results below *folder*; the block calls `publish` when all is done, or nothing stays.

    *expected*: files that the run may write, relative to *folder*. *force*: replace those that are there. Other files
    in the folder are left alone.

    Raises OutputRefused if one is there and not *force*, or the place cannot be written.
    """
    for relative in (PurePosixPath(RESULTS_NAME), *expected):
        check_free(folder / relative, force=force)
    staging = folder / f".skinseg-{secrets.token_hex(8)}.part"
    made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    with refusing_output_errors(folder):
        try:
            staging.mkdir(parents=True)
            yield Results(folder, staging)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
            for parent in made:
                with contextlib.suppress(OSError):  # it holds results, as it should
                    parent.rmdir()
