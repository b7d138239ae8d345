"""Small archives of drawn pictures for tests, and an executor in this process."""

from collections.abc import Generator, Iterable
from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

import pyarrow.parquet as pq

from skinseg_edge.datasets.synthetic_lesions import draw
from skinseg_edge.image_io import encode_png
from skinseg_runtime.batch.core import unit_done
from skinseg_runtime.batch.units import Unit, UnitDone
from skinseg_runtime.batch.work import Work
from skinseg_runtime.segmenter import Segmenter


@cache
def _drawn(seed: int) -> bytes:
    return encode_png(draw(seed, (48, 64)).photo)


def picture(number: int) -> bytes:
    """A PNG like no other number's; drawing is slow, so only some are drawn anew."""
    rest = _drawn(number % 12)
    text = b"tEXtnumber\0%d" % number
    chunk = len(text[4:]).to_bytes(4, "big") + text + crc32(text).to_bytes(4, "big")
    return rest[:33] + chunk + rest[33:]  # behind IHDR


def folder_of(root: Path, count: int, first: int = 0) -> Path:
    """Write *count* pictures, some in a folder below."""
    for number in range(first, first + count):
        path = root / f"p{number:03}.png" if number % 3 else root / "more" / f"p{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(number))
    return root


def rows_of(output: Path) -> list[dict[str, Any]]:
    """Read the whole table, as whoever uses it would, sorted by name."""
    rows: list[dict[str, Any]] = pq.read_table(output / "pictures").to_pylist()
    return sorted(rows, key=lambda row: str(row["name"]))


class Here:
    """An executor in this process, which counts; *stop_after*: units after which it raises *error*."""

    def __init__(self, segmenter: Segmenter, *, stop_after: int = 1 << 30, error: BaseException | None = None) -> None:
        self._segmenter = segmenter
        self._stop_after = stop_after
        self._error = error or KeyboardInterrupt()
        self.computed = 0

    def run(self, units: Iterable[Unit], work: Work) -> Generator[UnitDone, None, None]:
        for place, unit in enumerate(units):
            if place == self._stop_after:
                raise self._error
            done = unit_done(self._segmenter, unit, work)
            self.computed += len(done.made)
            yield done
