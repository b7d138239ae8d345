"""Whether memory stays flat: the same photos segmented again and again, for an hour.

Each round takes every photo to its mask, lesions, full-size probability, quality and overlay, and one photo that was
cut off to its error. Resident memory is read about once a minute, always at the end of a round, so that every reading
is of the same moment. The slope is the median of the slopes between all pairs of readings (Theil 1950, Sen 1968): one
odd reading does not move it. What the first minutes fill, caches and arenas, is told apart.

    python benchmarks/endurance.py BUNDLE [FOLDER of photos] [--minutes 60]
"""

import argparse
import datetime
import os
import platform
import statistics
import time
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import cv2

from benchmarks.lines import say
from skinseg_edge.datasets import synthetic_lesions
from skinseg_edge.errors import PictureUnreadable
from skinseg_edge.image_io import decode
from skinseg_runtime import Segmenter
from skinseg_runtime.overlay import draw
from skinseg_runtime.quality import assess

FLAT_MIB_PER_HOUR = 8.0  # at the end of a working day a process has then grown by less than one photo takes
WARM_UP = 0.1  # share of the time that arenas and caches may fill in
DRAWN_HW = ((768, 1024), (2000, 3000))


class Reading(NamedTuple):
    """Hours since the start, photos done, resident memory in MiB."""

    hours: float
    photos: int
    mib: float


def main() -> None:
    """Read the arguments, loop, print."""
    parser = argparse.ArgumentParser(description="Segment the same photos for an hour and watch the memory.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("folder", nargs="?", type=Path, help="a folder of photos; drawn ones when left out")
    parser.add_argument("--minutes", type=float, default=60)
    arguments = parser.parse_args()
    photos = [path.read_bytes() for path in sorted(arguments.folder.glob("*.jpg"))] if arguments.folder else drawn()
    say(
        f"{arguments.bundle.name}, {len(photos)} photos and a broken one a round, {datetime.date.today()}, "
        f"{platform.machine()} {platform.system()}, {len(os.sched_getaffinity(0))} of {os.cpu_count()} cores\n"
    )
    say("| minute | photos | resident MiB |\n|---|---|---|")
    with Segmenter.open(arguments.bundle) as segmenter:
        readings = watched(segmenter, photos, arguments.minutes * 60)
    say("\n" + verdict(readings))


def drawn() -> list[bytes]:
    """Return drawn photos as JPEG bytes."""
    found = []
    for seed, hw in enumerate(DRAWN_HW, 1):
        photo = synthetic_lesions.draw(seed, hw=hw).photo
        found.append(cv2.imencode(".jpg", cv2.cvtColor(photo, cv2.COLOR_RGB2BGR))[1].tobytes())
    return found


def watched(segmenter: Segmenter, photos: Sequence[bytes], seconds: float) -> list[Reading]:
    """Go round until the time is up; print and return a reading about every minute."""
    readings: list[Reading] = []
    started = time.monotonic()
    done = 0
    while time.monotonic() - started < seconds:
        one_round(segmenter, photos)
        done += len(photos)
        passed = time.monotonic() - started
        if passed >= min(60.0, seconds / 60) * len(readings):
            readings.append(Reading(passed / 3600, done, resident_mib()))
            say(f"| {passed / 60:.1f} | {done} | {readings[-1].mib:.1f} |")
    return readings


def one_round(segmenter: Segmenter, photos: Sequence[bytes]) -> None:
    """Take each photo to all that is made of one, and a broken one to its error."""
    for data in photos:
        result = segmenter.segment(data)
        pixels = decode(data).pixels
        assess(pixels, result)
        draw(pixels, result.mask)
        if result.probability.shape != result.mask.shape or len(result.lesions) > result.mask.size:
            raise SystemExit("cannot go on: a mask and its probability differ in shape")
    try:
        segmenter.segment(photos[0][:-500])
    except PictureUnreadable:
        return
    raise SystemExit("cannot go on: a photo that was cut off was segmented")


def verdict(readings: Sequence[Reading]) -> str:
    """Return one line: where memory settled, its slope, and whether that is flat."""
    settled = [reading for reading in readings if reading.hours > WARM_UP * readings[-1].hours]
    if len(settled) < 3:
        return "cannot tell a slope from fewer than three readings; run longer"
    pairs = combinations(settled, 2)
    slope = statistics.median((later.mib - earlier.mib) / (later.hours - earlier.hours) for earlier, later in pairs)
    found = [reading.mib for reading in settled]
    word = "pass" if slope <= FLAT_MIB_PER_HOUR else "FAIL"
    return (
        f"{readings[-1].photos} photos in {readings[-1].hours * 60:.0f} min; after warm-up {min(found):.1f} to "
        f"{max(found):.1f} MiB, slope {slope:+.2f} MiB/h (goal <= {FLAT_MIB_PER_HOUR:g}): {word}"
    )


def resident_mib() -> float:
    """Return this process's resident memory, MiB, as Linux counts it."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    main()
