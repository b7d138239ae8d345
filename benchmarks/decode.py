"""How long a photo takes to decode, whole and reduced to what a network of 256 x 256 needs.

Prints a table of medians with the date and the machine, and how far the network's input differs between the two.
Without a folder it draws its own photos.

    python benchmarks/decode.py [FOLDER of JPEG photos] [--repeats 15]
"""

import argparse
import datetime
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from skinseg_edge.contract import ModelContract
from skinseg_edge.image_io import Picture, decode
from skinseg_edge.preprocessing import to_network_input

CONTRACT = ModelContract(input_hw=(256, 256))
DRAWN_HW = ((768, 1024), (2000, 3000), (3024, 4032))


class Row(NamedTuple):
    """One photo: times in ms, difference in levels of 255."""

    name: str
    hw: tuple[int, int]
    kilobytes: int
    whole_ms: float
    whole_resize_ms: float
    reduced_ms: float
    reduced_resize_ms: float
    reduction: int
    mean_difference: float


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description="Measure whole and reduced decoding of JPEG photos.")
    parser.add_argument("folder", nargs="?", type=Path, help="a folder of JPEG photos; drawn ones when left out")
    parser.add_argument("--repeats", type=int, default=15, help="runs a figure is the median of")
    arguments = parser.parse_args()
    photos = files_in(arguments.folder) if arguments.folder else drawn_photos()
    rows = [measured(name, data, arguments.repeats) for name, data in photos]
    sys.stdout.write("\n".join([heading(arguments.repeats), *map(line, rows), summary(rows)]) + "\n")


def files_in(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of every JPEG file of *folder*, sorted."""
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".jpg", ".jpeg"))
    if not paths:
        raise SystemExit(f"cannot measure: {folder} holds no .jpg or .jpeg file; name a folder of photos")
    for path in paths:
        yield path.name, path.read_bytes()


def drawn_photos() -> Iterator[tuple[str, bytes]]:
    """Yield skin-like gradients with fine noise as JPEG of quality 90."""
    rng = np.random.default_rng(1)
    for rows, columns in DRAWN_HW:
        y, x = np.mgrid[:rows, :columns].astype(np.float32)
        shade = 0.7 + 0.2 * x / columns - 0.1 * y / rows
        lesion = ((x / columns - 0.5) / 0.2) ** 2 + ((y / rows - 0.5) / 0.25) ** 2 < 1
        levels = (shade * np.where(lesion, 0.5, 1.0))[:, :, None] * np.array([90, 120, 200]) + rng.normal(
            0, 4, (rows, columns, 1)
        )
        encoded = cv2.imencode(".jpg", np.clip(levels, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 90])[1]
        yield f"drawn {columns} x {rows}", encoded.tobytes()


def measured(name: str, data: bytes, repeats: int) -> Row:
    """Measure one photo: the four steps in turn, so that a busy moment of the machine does not hit one alone."""
    whole, reduced = decode(data), decode(data, at_least_hw=CONTRACT.input_hw)
    steps: tuple[Callable[[], object], ...] = (
        lambda: decode(data),
        lambda: network_pixels(whole),
        lambda: decode(data, at_least_hw=CONTRACT.input_hw),
        lambda: network_pixels(reduced),
    )
    runs = [[milliseconds(step) for step in steps] for _ in range(repeats)]
    whole_ms, whole_resize_ms, reduced_ms, reduced_resize_ms = map(statistics.median, zip(*runs, strict=True))
    difference = float(np.abs(network_pixels(whole) - network_pixels(reduced)).mean())
    return Row(
        name=name,
        hw=whole.full_hw,
        kilobytes=len(data) // 1000,
        whole_ms=whole_ms,
        whole_resize_ms=whole_resize_ms,
        reduced_ms=reduced_ms,
        reduced_resize_ms=reduced_resize_ms,
        reduction=reduced.reduction,
        mean_difference=difference,
    )


def network_pixels(picture: Picture) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    """Return what the network sees, as signed numbers that can be subtracted."""
    return to_network_input(picture.pixels, CONTRACT, photo_hw=picture.full_hw).pixels.astype(np.int16)


def milliseconds(step: Callable[[], object]) -> float:
    """Return how long one call takes, ms."""
    began = time.perf_counter()
    step()
    return 1000 * (time.perf_counter() - began)


def heading(repeats: int) -> str:
    """Say when and where this was measured, and head the table."""
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    machine = f"{processor()}, {os.cpu_count()} cores{load}, {platform.system()}, OpenCV {cv2.__version__}"
    return (
        f"{datetime.datetime.now(datetime.timezone.utc).date()}, {machine}, median of {repeats}\n\n"
        "| photo | px | kB | whole: decode + resize, ms | reduced: decode + resize, ms | by | difference, levels |\n"
        "|---|---|---|---|---|---|---|"
    )


def processor() -> str:
    """Name the processor as the system does."""
    described = Path("/proc/cpuinfo")
    rows = described.read_text().splitlines() if described.is_file() else []
    names = [row.split(":")[1].strip() for row in rows if row.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def line(row: Row) -> str:
    """Format one row of the table."""
    return (
        f"| {row.name} | {row.hw[1]} x {row.hw[0]} | {row.kilobytes} "
        f"| {row.whole_ms:.1f} + {row.whole_resize_ms:.1f} "
        f"| {row.reduced_ms:.1f} + {row.reduced_resize_ms:.1f} | 1/{row.reduction} | {row.mean_difference:.2f} |"
    )


def summary(rows: list[Row]) -> str:
    """Say how much faster the reduced way was, over all photos."""
    ratios = [
        (row.whole_ms + row.whole_resize_ms) / (row.reduced_ms + row.reduced_resize_ms)
        for row in rows
        if row.reduction > 1
    ]
    if not ratios:
        return "\nNo photo is large enough to be reduced."
    return (
        f"\nReduced is {statistics.median(ratios):.1f} times as fast (median of {len(ratios)} photos, "
        f"{min(ratios):.1f} to {max(ratios):.1f}); the network's input differs by at most "
        f"{max(row.mean_difference for row in rows):.2f} levels of 255 on average."
    )


if __name__ == "__main__":
    main()
