"""Decoding in processes of their own: a picture made to harm can take one of them down, never the server.

Each has a limit on memory, and is killed and replaced when a picture takes too long.
"""

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.errors import DeviceBusy, InputError, PictureTooLarge, PictureUnreadable

__all__ = ["Decoded", "DecodingProcesses"]

_MODULE = "skinseg_demo.pictures.decoding_child"
_LIMIT_S = 30.0
_MEMORY_BYTES = 2_500_000_000  # of addresses; a PNG of 60 million pixels of 16-bit RGBA was seen to take 1.4
_PICTURES_A_CHILD = 500  # then a fresh one, so that nothing a library loses adds up
_REFUSALS: dict[object, type[InputError]] = {
    "PictureTooLarge": PictureTooLarge,
    "PictureUnreadable": PictureUnreadable,
}


@dataclass(frozen=True, eq=False)
class Decoded:
    """A picture's pixels.

    *pixels*: (H, W, 3) uint8 RGB, the whole picture, upright. *working_jpeg*: for screens, empty if not asked for.
    *png*: the pixels as PNG, empty if not asked for.
    """

    pixels: NDArray[np.uint8]
    working_jpeg: bytes = b""
    png: bytes = b""


class DecodingProcesses:
    """Some processes that decode; any thread may ask.

    *places*: how many. *limit_s*: seconds for one picture. *memory_bytes*: of addresses that each may use.
    """

    def __init__(self, places: int = 2, *, limit_s: float = _LIMIT_S, memory_bytes: int = _MEMORY_BYTES) -> None:
        self._idle: queue.LifoQueue[_Child] = queue.LifoQueue()
        self._limit_s = limit_s
        self._children = [_Child(limit_s, memory_bytes) for _ in range(places)]
        for child in self._children:
            self._idle.put(child)

    def start(self) -> None:
        """Start them now, so that the first picture does not wait for it."""
        for child in self._children:
            child.start()

    def stop(self) -> None:
        """End them."""
        for child in self._children:
            child.end()

    def decode(self, data: bytes, *, max_pixels: int, working_side: int = 0, as_png: bool = False) -> Decoded:
        """Decode a picture.

        *working_side*: longest side of the JPEG for screens, px; 0 makes none. *as_png*: also encode it anew.

        Raises PictureUnreadable or PictureTooLarge as `image_io.decode` does, and PictureUnreadable if the process took
        too long, needed too much memory or died over it; DeviceBusy if none becomes free in time.
        """
        with self._child(self._limit_s) as child:
            return child.decode(_job(data, max_pixels, working_side, as_png), data)

    def decode_if_idle(self, data: bytes, *, max_pixels: int) -> Decoded | None:
        """Decode a picture if a process is free at once; else return None. Raises what `decode` raises."""
        try:
            with self._child(0) as child:
                return child.decode(_job(data, max_pixels), data)
        except DeviceBusy:
            return None

    @contextmanager
    def _child(self, wait_s: float) -> Iterator["_Child"]:
        try:
            child = self._idle.get(block=wait_s > 0, timeout=wait_s or None)
        except queue.Empty as error:
            raise DeviceBusy(
                "cannot decode the picture now: others are being decoded; send it again in some seconds"
            ) from error
        try:
            yield child
        finally:
            self._idle.put(child)


class _Child:
    """One process; one thread at a time asks it."""

    def __init__(self, limit_s: float, memory_bytes: int) -> None:
        self._limit_s = limit_s
        self._memory_bytes = memory_bytes
        self._process: subprocess.Popen[bytes] | None = None
        self._decoded = 0

    def start(self) -> "subprocess.Popen[bytes]":
        """Start it where it does not run."""
        if self._process is None or self._process.poll() is not None:
            self.end()
            self._process = subprocess.Popen(
                [sys.executable, "-m", _MODULE, str(self._memory_bytes)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # libraries speak there about bytes of a patient
                start_new_session=True,  # Ctrl-C at the terminal is for the server, which ends it
                env=_environment(),
            )
            self._decoded = 0
        return self._process

    def end(self) -> None:
        """Kill it, if it runs."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    _close(pipe)

    def decode(self, job: dict[str, int], data: bytes) -> Decoded:
        process = self.start()
        clock = threading.Timer(self._limit_s, process.kill)  # ends every wait below
        clock.start()
        try:
            answer, parts = _asked(process, job, data)
        except (OSError, ValueError) as error:
            was_late = not clock.is_alive()
            self.end()
            raise _died(was_late, self._limit_s) from error
        finally:
            clock.cancel()
        self._decoded += 1
        if answer.get("error") == "MemoryError" or self._decoded >= _PICTURES_A_CHILD:
            self.end()
        if "error" in answer:
            raise _refusal(answer)
        rows, columns = (int(side) for side in answer["hw"])
        pixels = np.frombuffer(parts[0], np.uint8).reshape(rows, columns, 3)
        return Decoded(pixels, bytes(parts[1]), bytes(parts[2]))


def _job(data: bytes, max_pixels: int, working_side: int = 0, as_png: bool = False) -> dict[str, int]:
    return {"bytes": len(data), "max_pixels": max_pixels, "working_side": working_side, "as_png": int(as_png)}


def _asked(
    process: "subprocess.Popen[bytes]", job: dict[str, int], data: bytes
) -> tuple[dict[str, Any], list[bytearray]]:
    """Send a job, return the answer; an OSError or ValueError means that the process died meanwhile."""
    source, sink = process.stdout, process.stdin
    if source is None or sink is None:
        raise ValueError("the process has no pipes")
    sink.write(json.dumps(job).encode() + b"\n")
    sink.write(data)
    sink.flush()
    answer: dict[str, Any] = json.loads(source.readline())
    return answer, [_read(source, length) for length in answer["parts"]]


def _read(source: IO[bytes], length: int) -> bytearray:
    part = bytearray(length)
    view, filled = memoryview(part), 0
    while filled < length:
        count = source.readinto(view[filled:])  # type: ignore[attr-defined]  # a BufferedReader, says Popen's manual
        if not count:
            raise ValueError("the process ended in the middle of its answer")
        filled += count
    return part


def _refusal(answer: dict[str, Any]) -> InputError:
    kind = _REFUSALS.get(answer["error"])
    if kind is not None:
        return kind(str(answer["message"]))
    return PictureTooLarge(
        "cannot decode the picture: it needs more memory than a picture may take on this box; choose a smaller size in "
        "the camera's settings"
    )


def _died(was_late: bool, limit_s: float) -> PictureUnreadable:
    how = f"it took longer than {limit_s:g} s" if was_late else "its decoder broke down over it"
    return PictureUnreadable(
        f"cannot decode the picture: {how}, which no photo of a phone's camera does; take the picture again"
    )


def _environment() -> dict[str, str]:
    """Return ours, with the places from which this process imports, and one thread for each library."""
    paths = os.pathsep.join(path for path in sys.path if path)
    return {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def _close(pipe: IO[bytes]) -> None:
    with contextlib.suppress(OSError):  # what was on its way to a process that is gone
        pipe.close()
