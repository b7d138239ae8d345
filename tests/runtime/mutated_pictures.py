"""Small JPEG, PNG, WebP and TIFF files, each changed in one of many ways, by seed; and a process that opens them all.

    python -m tests.runtime.mutated_pictures BUNDLE COUNT

segments COUNT of them and prints one JSON object: how each ended, and resident memory before and after. A file that
takes longer than HANG_S ends the process with a traceback on stderr, and so does any error that is not ours.
"""

import faulthandler
import io
import json
import os
import re
import struct
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from PIL import Image

from skinseg_edge.errors import InputError, SkinsegError
from skinseg_runtime import Segmenter
from tests.runtime.tiny_bundle import photo_and_mask

__all__ = ["MUTATIONS", "WHOLE", "mutated"]

HANG_S = 20  # the slowest takes some milliseconds
SMALL = 2_000_000  # px; a changed size must not make the test slow

_Field: TypeAlias = tuple[int, int, Literal["big", "little"]]

_EXIF = (274, 271, 306)  # orientation, maker, date: a directory of three entries


def _saved(picture_format: str, mode: str = "RGB", **options: object) -> bytes:
    exif = Image.Exif()
    for tag, value in zip(_EXIF, (6, "a camera", "2026:01:31 12:00:00"), strict=True):
        exif[tag] = value
    out = io.BytesIO()
    Image.fromarray(photo_and_mask((48, 66))[0]).convert(mode).save(out, picture_format, exif=exif, **options)
    return out.getvalue()


WHOLE: Sequence[tuple[str, bytes]] = (
    ("JPEG", _saved("JPEG")),
    ("JPEG", _saved("JPEG", progressive=True, subsampling=0)),
    ("JPEG", _saved("JPEG", "CMYK")),
    ("PNG", _saved("PNG", "RGBA")),
    ("PNG", _saved("PNG", "P")),
    ("WebP", _saved("WebP")),
    ("WebP", _saved("WebP", "RGBA", lossless=True)),
    ("TIFF", _saved("TIFF")),
    ("TIFF", _saved("TIFF", compression="tiff_lzw")),
    ("TIFF", _saved("TIFF", compression="tiff_adobe_deflate")),
    ("TIFF", _saved("TIFF", compression="jpeg")),
)


def _bits_flipped(data: bytearray, rng: np.random.Generator) -> None:
    for place in rng.integers(0, len(data), int(rng.integers(1, 9))):
        data[int(place)] ^= 1 << int(rng.integers(8))


def _bits_flipped_at_the_start(data: bytearray, rng: np.random.Generator) -> None:
    for place in rng.integers(0, min(len(data), 200), int(rng.integers(1, 5))):
        data[int(place)] ^= 1 << int(rng.integers(8))


def _cut_off(data: bytearray, rng: np.random.Generator) -> None:
    del data[int(rng.integers(len(data))) :]


def _spliced(data: bytearray, rng: np.random.Generator) -> None:
    """Go on with the middle of another file, or with an own part once more."""
    other = WHOLE[int(rng.integers(len(WHOLE)))][1] if rng.random() < 0.5 else bytes(data)
    start, end = sorted(int(place) for place in rng.integers(0, len(other), 2))
    at = int(rng.integers(len(data)))
    data[at : at + int(rng.integers(0, 60))] = other[start:end]


def _length_changed(data: bytearray, rng: np.random.Generator) -> None:
    """Write another number, often an extreme one, where the format keeps a length, a count or an offset."""
    fields = _length_fields(bytes(data))
    place, size, order = fields[int(rng.integers(len(fields)))]
    top = 2 ** (8 * size)
    known = int.from_bytes(data[place : place + size], order)
    chosen = (0, 1, top - 1, top // 2, top // 2 - 1, known - 1, known + 1, known * 2, len(data), int(rng.integers(top)))
    data[place : place + size] = (chosen[int(rng.integers(len(chosen)))] % top).to_bytes(size, order)


def _exif_mangled(data: bytearray, rng: np.random.Generator) -> None:
    """Change bytes of the EXIF directory: its header, tags, types, counts, offsets."""
    found = re.search(rb"(II\*\0|MM\0\*)", bytes(data))
    start = found.start() if found else 0
    for place in rng.integers(start, min(len(data), start + 60), int(rng.integers(1, 6))):
        data[int(place)] = int(rng.integers(256))


MUTATIONS: Sequence[Callable[[bytearray, np.random.Generator], None]] = (
    _bits_flipped,
    _bits_flipped_at_the_start,
    _cut_off,
    _spliced,
    _length_changed,
    _exif_mangled,
)


def mutated(seed: int) -> tuple[str, bytes]:
    """Return format and bytes of a changed file; seeds go round the formats and the ways of changing."""
    rng = np.random.default_rng(seed)
    kind, whole = WHOLE[seed % len(WHOLE)]
    data = bytearray(whole)
    MUTATIONS[seed // len(WHOLE) % len(MUTATIONS)](data, rng)
    # Checksums would keep most changes of a PNG from the decoder, so every other one is put right.
    return kind, _checksums_put_right(bytes(data)) if kind == "PNG" and rng.random() < 0.5 else bytes(data)


def _length_fields(data: bytes) -> Sequence[_Field]:
    """Return place, size and byte order of what tells lengths, counts and offsets; of a file that is whole."""
    if data.startswith(b"\xff\xd8"):
        return [(found.start() + 2, 2, "big") for found in re.finditer(rb"\xff[\xc0-\xc4\xda-\xef]", data)]
    if data.startswith(b"\x89PNG"):
        starts = [found.start() - 4 for found in re.finditer(rb"IHDR|PLTE|tRNS|eXIf|IDAT|IEND", data)]
        return [(place, 4, "big") for place in (*starts, 16, 20)]  # with width and height
    if data.startswith(b"RIFF"):
        starts = [found.start() + 16 for found in re.finditer(rb"VP8[ LX]|EXIF", data[12:])]
        return [(place, 4, "little") for place in (4, *starts)]
    (directory,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, directory)
    counts = [directory + 2 + 12 * entry + 4 for entry in range(entries)]
    return [(place, 4, "little") for place in (4, *counts, *(place + 4 for place in counts))]


def _checksums_put_right(data: bytes) -> bytes:
    """Walk over a PNG's chunks as far as they go."""
    out, at = bytearray(data), 8
    while at + 12 <= len(out):
        (length,) = struct.unpack_from(">I", out, at)
        end = at + 8 + length
        if end + 4 > len(out):
            break
        struct.pack_into(">I", out, end, zlib.crc32(out[at + 4 : end]))
        at = end + 4
    return bytes(out)


def _ended(segmenter: Segmenter, data: bytes) -> str:
    """Return how a file ended: "mask", or the name of our error, whose words are looked at."""
    try:
        result = segmenter.segment(data)
    except InputError as error:
        if not str(error).startswith("cannot read the picture") or "\n" in str(error):
            raise SkinsegError(f"these are no words for a bad picture: {error}") from error
        return type(error).__name__
    if result.mask.shape != result.photo_hw or not (0 < result.mask.size <= SMALL):
        raise SkinsegError(f"a mask of {result.mask.shape} is none of a photo of {result.photo_hw}")
    return "mask"


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main(bundle: Path, count: int) -> None:
    """Open the files of the seeds below *count*; print what came."""
    ends: Counter[str] = Counter()
    has_memory = Path("/proc/self/statm").is_file()
    memory = []
    with Segmenter.open(bundle) as segmenter:
        segmenter.max_pixels = SMALL
        for seed in range(count):
            kind, data = mutated(seed)
            faulthandler.dump_traceback_later(HANG_S, exit=True)
            ends[f"{kind} {_ended(segmenter, data)}"] += 1
            faulthandler.cancel_dump_traceback_later()
            if has_memory and seed in (count // 2, count - 1):
                memory.append(_resident_mib())
    sys.stdout.write(json.dumps({"ends": ends, "resident_mib": memory}) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
