"""How many photos a second `skinseg-run` does, and whether its masks are those of one photo at a time.

Prints, over a folder of photos, the rate of one core on one photo after the other, of all cores on one after the
other, and of a core on each of several photos, to the last file on the disk. They take turns, and a figure is the
median of the rounds. The machine may be shared, so the ratio counts, and "at work": how many threads ran or stood ready
to, on average, which others' load does not change; 2 use two cores wherever two are free. Then every mask that the
folder gave is compared with that of its photo alone, on an engine with all threads, and a run is cut off with SIGKILL
half-way and resumed.

    python benchmarks/folder_run.py BUNDLE FOLDER [--photos 500] [--rounds 3]
"""

import argparse
import datetime
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from benchmarks.lines import say, word
from skinseg_edge.bundle import Bundle
from skinseg_edge.image_io import decode_mask
from skinseg_runtime import Segmenter
from skinseg_runtime.results import UNFINISHED_NAME
from skinseg_runtime.run import Asked, run
from skinseg_runtime.sources import Source, sources_from
from skinseg_runtime.usable_cores import usable_cores


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description="Measure skinseg-run over a folder.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    bundle = Bundle.open(arguments.bundle)
    photos = sources_from([str(arguments.folder)]).photos[: arguments.photos]
    say(
        f"{arguments.bundle.name}, {len(photos)} photos, {datetime.date.today()}, {platform.machine()} "
        f"{platform.system()}, {usable_cores()} cores, load {os.getloadavg()[0]:.1f}\n"
    )
    with tempfile.TemporaryDirectory() as scratch:
        compare_rates(bundle, photos, arguments.rounds, Path(scratch))
        compare_masks(bundle, photos, Path(scratch) / "masks")
        compare_resumed(arguments.bundle, photos, Path(scratch))


def compare_rates(bundle: Bundle, photos: Sequence[Source], rounds: int, scratch: Path) -> None:
    """Print photos a second for one job and for all cores, with one and with all threads a photo."""
    cores = usable_cores()
    ways = {"one job, one thread": (1, 1), "one job, all cores on it": (1, cores), "a job a core": (cores, 1)}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    processor: dict[str, list[float]] = {name: [] for name in ways}
    at_work: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds):
        for name, (jobs, threads) in ways.items():
            wall, busy, ready = timed(bundle, photos, scratch / f"{turn}-{jobs}-{threads}", jobs, threads)
            seconds[name].append(wall)
            processor[name].append(busy)
            at_work[name].append(ready)
    say(
        "| way | photos/s | times that of one job, one thread | processor ms a photo | at work |\n|---|---|---|---|---|"
    )
    first = next(iter(ways))
    for name in ways:
        # Rounds take turns, so what else ran in one is in both sides of its ratio.
        gain = statistics.median(base / wall for base, wall in zip(seconds[first], seconds[name], strict=True))
        rate = len(photos) / statistics.median(seconds[name])
        busy_ms = statistics.median(processor[name]) * 1000 / len(photos)
        say(f"| {name} | {rate:.1f} | {gain:.2f} | {busy_ms:.1f} | {statistics.median(at_work[name]):.2f} |")


def timed(
    bundle: Bundle, photos: Sequence[Source], output: Path, jobs: int, threads: int
) -> tuple[float, float, float]:
    """Return seconds by the clock, by the processor, and threads at work of a run, without loading the network."""
    cv2.setNumThreads(threads)
    with Segmenter.open(bundle, engine="onnxruntime", threads=threads) as segmenter:
        segmenter.segment(photos[0].path)
        readings = [(time.perf_counter(), run_or_ready_s())]
        busy = time.process_time()
        run(
            segmenter,
            photos,
            output,
            Asked(model={"bundle_sha256": bundle.sha256}),
            workers=jobs,
            advance=lambda: readings.append((time.perf_counter(), run_or_ready_s())),
        )
        wall, busy = time.perf_counter() - readings[0][0], time.process_time() - busy
    (started, ready_before), (ended, ready_after) = readings[0], readings[-1]  # while the threads were there
    return wall, busy, (ready_after - ready_before) / (ended - started)


def run_or_ready_s() -> float:
    """Return the seconds that this process's threads ran or stood ready to run, as Linux's scheduler counts them."""
    fields = [path.read_text(encoding="ascii").split() for path in Path("/proc/self/task").glob("*/schedstat")]
    return sum(int(ran) + int(waited) for ran, waited, _ in fields) / 1e9


def compare_masks(bundle: Bundle, photos: Sequence[Source], output: Path) -> None:
    """Print how many masks of the folder differ in any pixel from that of their photo alone."""
    timed(bundle, photos, output, usable_cores(), 1)
    cv2.setNumThreads(usable_cores())
    with Segmenter.open(bundle, engine="onnxruntime") as segmenter:
        differing = sum(
            not np.array_equal(segmenter.segment(photo.path).mask, decode_mask(output / f"{photo.stem}.mask.png"))
            for photo in photos
        )
    say(f"\nmasks that differ from those of one photo at a time: {differing} of {len(photos)}: {word(differing == 0)}")


def compare_resumed(bundle: Path, photos: Sequence[Source], scratch: Path) -> None:
    """Kill skinseg-run half-way, resume it, and print whether the files are those of a run that was left alone."""
    listed = [str(photo.path) for photo in photos]
    killed, whole = scratch / "killed", scratch / "whole"
    command = [sys.executable, "-m", "skinseg_runtime", str(bundle), *listed, "-q", "-o"]
    process = subprocess.Popen([*command, str(killed)], stdout=subprocess.DEVNULL)
    journal = killed / UNFINISHED_NAME / "done.jsonl"
    while process.poll() is None and lines_of(journal) < len(photos) // 2:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = lines_of(journal)
    for output, options in ((killed, ["--resume"]), (whole, [])):
        subprocess.run([*command, str(output), *options], check=True, stdout=subprocess.DEVNULL)
    masks = [{path.name: path.read_bytes() for path in folder.rglob("*.mask.png")} for folder in (killed, whole)]
    is_same = masks[0] == masks[1] and len(masks[0]) == len(photos)
    say(f"killed after {done} of {len(photos)} photos and resumed: the same {len(masks[0])} masks: {word(is_same)}")


def lines_of(journal: Path) -> int:
    """Return how many photos are done."""
    return journal.read_bytes().count(b"\n") if journal.is_file() else 0


if __name__ == "__main__":
    main()
