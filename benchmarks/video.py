"""What smoothing brings, and what three threads bring, on clips made from real photos.

A clip is a photo seen by a simulated camera of 320 x 240 pixels at 15 frames a second, with noise of 8 grey levels and
JPEG of quality 60: standing still, in a trembling hand (0.2 % of the width a frame, a random walk), drifting slowly
(0.5 % a frame) and quickly (3 % a frame). The drawn mask moves along, so each frame's Dice is known. Flicker is how
much two successive masks differ (1 - Dice) beyond what the drawn ones do. These are no films of real hands.

The second table runs one photo as a film through `run_stream`, and the same steps one after the other.

    python benchmarks/video.py BUNDLE DATA [--list validation.txt] [--photos 30]
"""

import argparse
import contextlib
import io
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_edge.command_line import Ui
from skinseg_edge.image_io import decode, decode_mask
from skinseg_edge.metrics import dice
from skinseg_runtime import Segmenter
from skinseg_runtime.video import StreamOptions, run_stream
from skinseg_runtime.video.capture import open_capture
from skinseg_runtime.video.finishing import Finishing
from skinseg_runtime.video.frame_rows import FrameRows
from skinseg_runtime.video.frames import Analysed, Frame
from skinseg_runtime.video.recording import Recording
from skinseg_runtime.video.smoothing import Smoother
from skinseg_runtime.video.stream_names import stream_from

HW, FRAMES, RATE = (240, 320), 20, 15
FILM_HW, FILM_FRAMES = (720, 1280), 40
ROUNDS = 5
SECONDS = (0.0, 0.2, 0.5, 1.0)
MOTIONS = ("still", "trembling", "slow drift", "quick drift")


def main() -> None:
    """Read the arguments, make the clips, print the two tables."""
    parser = argparse.ArgumentParser(description="Measure smoothing and threads on clips made from photos.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("data", type=Path, help="a folder with images/, masks/ and lists of names")
    parser.add_argument("--list", default="validation.txt")
    parser.add_argument("--photos", type=int, default=30)
    arguments = parser.parse_args()
    names = (arguments.data / arguments.list).read_text(encoding="utf-8").split()
    chosen = np.random.default_rng(1).choice(len(names), min(arguments.photos, len(names)), replace=False)
    pairs = [pair(arguments.data, names[index]) for index in sorted(chosen)]
    with Segmenter.open(arguments.bundle, engine="onnxruntime") as segmenter:
        print_smoothing(segmenter, pairs)
    print_threads(arguments.bundle, pairs[0][0])


def pair(data: Path, name: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return a photo and its mask (0 or 255) in three channels, the longer side at most 1200 px."""
    photo = decode(next((data / "images").glob(f"{name}*"))).pixels
    mask = decode_mask(next((data / "masks").glob(f"{name}*"))).astype(np.uint8) * np.uint8(255)
    scale = min(1.0, 1200 / max(photo.shape[:2]))
    size = (round(photo.shape[1] * scale), round(photo.shape[0] * scale))
    scaled = (cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in (photo, np.dstack([mask] * 3)))
    first, second = (np.asarray(one, np.uint8) for one in scaled)
    return first, second


def places(motion: str, randomness: np.random.Generator) -> list[tuple[float, float]]:
    """Return where the camera looks on each frame, in parts of a frame's width."""
    if motion == "trembling":
        return [(float(x), float(y)) for x, y in np.cumsum(randomness.normal(0, 0.002, (FRAMES, 2)), axis=0)]
    step = {"still": 0.0, "slow drift": 0.005, "quick drift": 0.03}[motion]
    return [(step * number - step * FRAMES / 2, 0.0) for number in range(FRAMES)]


def view(pixels: NDArray[np.uint8], place: tuple[float, float]) -> NDArray[np.uint8]:
    """Return what a camera there sees; beyond the photo's border it is mirrored."""
    scale = 1.2 * max(HW[1] / pixels.shape[1], HW[0] / pixels.shape[0])
    left = HW[1] / 2 - scale * pixels.shape[1] / 2 + place[0] * HW[1]
    top = HW[0] / 2 - scale * pixels.shape[0] / 2 + place[1] * HW[1]
    matrix = np.array([[scale, 0, left], [0, scale, top]])
    seen = cv2.warpAffine(pixels, matrix, (HW[1], HW[0]), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(seen, np.uint8)


def as_filmed(pixels: NDArray[np.uint8], randomness: np.random.Generator) -> NDArray[np.uint8]:
    """Add noise and JPEG."""
    noisy = np.clip(pixels + randomness.normal(0, 8, pixels.shape), 0, 255).astype(np.uint8)
    encoded = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 60])[1]
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)


def print_smoothing(segmenter: Segmenter, pairs: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]) -> None:
    """Print Dice and flicker of each motion with each time constant."""
    print(f"{len(pairs)} photos, {FRAMES} frames a clip\n")
    print("| camera | smooth s | Dice | flicker | frames averaged | largest loss of Dice in a clip |")
    print("|---|---:|---:|---:|---:|---:|")
    for motion in MOTIONS:
        clips = [scores(segmenter, one, motion) for one in pairs]
        for seconds in SECONDS:
            mean = np.mean([clip[seconds] for clip in clips], axis=0)
            loss = max(clip[0.0][0] - clip[seconds][0] for clip in clips)
            print(
                f"| {motion} | {seconds:g} | {mean[0]:.4f} | {mean[1]:.4f} | {mean[2]:.0%} | {loss:.3f} |", flush=True
            )


def scores(
    segmenter: Segmenter, photo_and_mask: tuple[NDArray[np.uint8], NDArray[np.uint8]], motion: str
) -> dict[float, tuple[float, float, float]]:
    """Return mean Dice, flicker and the share of averaged frames of one clip, by time constant."""
    photo, mask = photo_and_mask
    randomness = np.random.default_rng(2)
    path = places(motion, randomness)
    truths = [view(mask, place)[..., 0] > 127 for place in path]
    frames = [
        Frame(number, number / RATE, as_filmed(view(photo, place), randomness), 0, 0)
        for number, place in enumerate(path)
    ]
    segmentations = [segmenter.segment(frame.pixels) for frame in frames]
    found = {}
    for seconds in SECONDS:
        smoother, averaged, masks = Smoother(seconds) if seconds else None, 0, []
        for frame, segmentation in zip(frames, segmentations, strict=True):
            result, told = (segmentation, "") if smoother is None else smoother.smoothed(frame, segmentation)
            averaged += told == "averaged"
            masks.append(result.mask)
        accuracy = statistics.mean(map(dice, masks, truths))
        found[seconds] = (accuracy, change(masks) - change(truths), averaged / FRAMES)
    return found


def change(masks: list[NDArray[np.bool_]]) -> float:
    """Return how much successive masks differ in the mean, 0 to 1."""
    return statistics.mean(1 - dice(after, before) for before, after in pairwise(masks))


def print_threads(bundle: Path, photo: NDArray[np.uint8]) -> None:
    """Print how long a film takes in three threads and in one; each way in turn, median of ROUNDS."""
    print(f"\n{FILM_FRAMES} frames of {FILM_HW[1]} x {FILM_HW[0]}: decoded, segmented, measured, drawn, recorded\n")
    print("| how | the network's threads | frames a second | processor ms a frame |\n|---|---:|---:|---:|")
    ways = [(work, threads) for threads in (1, None) for work in (piped, in_turn)]
    found: dict[int, list[tuple[float, float]]] = {number: [] for number in range(len(ways))}
    with tempfile.TemporaryDirectory() as name:
        film = write_film(Path(name) / "film.avi", photo)
        for turn in range(ROUNDS):
            for number, (work, threads) in enumerate(ways):
                with Segmenter.open(bundle, engine="onnxruntime", threads=threads) as segmenter:
                    segmenter.segment(photo)
                    found[number].append(timed(work, segmenter, film, Path(name) / f"{turn}-{number}"))
    for number, (work, threads) in enumerate(ways):
        wall, processor = (statistics.median(column) for column in zip(*found[number], strict=True))
        how = "three threads" if work is piped else "one after the other"
        print(f"| {how} | {threads or 'all cores'} | {FILM_FRAMES / wall:.1f} | {1000 * processor / FILM_FRAMES:.0f} |")


def write_film(path: Path, photo: NDArray[np.uint8]) -> Path:
    """Write a film of one photo that moves a little."""
    large = np.asarray(cv2.resize(photo, (FILM_HW[1] + FILM_FRAMES, FILM_HW[0])), np.uint8)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30, (FILM_HW[1], FILM_HW[0]))
    for number in range(FILM_FRAMES):
        writer.write(cv2.cvtColor(large[:, number : number + FILM_HW[1]], cv2.COLOR_RGB2BGR))
    writer.release()
    return path


def timed(
    work: Callable[[Segmenter, Path, Path], None], segmenter: Segmenter, film: Path, folder: Path
) -> tuple[float, float]:
    """Return the seconds that *work* takes, by the clock and of the processor."""
    began = time.perf_counter(), time.process_time()
    work(segmenter, film, folder)
    return time.perf_counter() - began[0], time.process_time() - began[1]


def piped(segmenter: Segmenter, film: Path, folder: Path) -> None:
    """Run the film as the command does."""
    with contextlib.redirect_stdout(io.StringIO()):
        options = StreamOptions(record=folder / "out.avi")
        run_stream(Ui("skinseg-run", "skinseg.run/1"), segmenter, stream_from(str(film)), options, folder, model={})


def in_turn(segmenter: Segmenter, film: Path, folder: Path) -> None:
    """Do the same steps one after the other."""
    rows, recording = (
        FrameRows(folder, force=False),
        Recording(folder / "out.avi", 30, keeps_time=False, force=False),
    )
    finishing = Finishing(rows, recording, origin={}, scale_of=None, is_shown=False)
    for frame in frames_of(film):
        finishing.finish(Analysed(frame, segmenter.segment(frame.pixels)))
    rows.publish()
    recording.publish()


def frames_of(film: Path) -> Iterator[Frame]:
    """Read a film."""
    capture, number = open_capture(stream_from(str(film)), 10**8), 0
    while capture.grab() and (pixels := capture.retrieve()) is not None:
        yield Frame(number, number / 30, pixels, time.monotonic(), 0)
        number += 1
    capture.close()


if __name__ == "__main__":
    main()
