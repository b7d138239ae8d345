"""The process in which foreign bytes become pixels: `python -m skinseg_demo.pictures.decoding_child MEMORY_BYTES`.

It reads a line of JSON and then the picture's bytes from stdin, and writes a line of JSON and then what it made to
stdout, again and again until stdin closes. It may use so much memory and no more, and can write no file.
"""

import json
import math
import sys
from typing import BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_edge.errors import InputError
from skinseg_edge.image_io import decode, encode_png

__all__ = ["main"]

_JPEG_QUALITY = 90
_Made = tuple[dict[str, object], list[bytes | memoryview]]


def main() -> None:
    """Answer jobs until stdin closes."""
    _shut_in(int(sys.argv[1]))
    cv2.setNumThreads(1)
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while line := source.readline(1000):
        job: dict[str, int] = json.loads(line)
        answer, parts = _answer(source, job)
        sink.write(json.dumps({**answer, "parts": [len(part) for part in parts]}).encode() + b"\n")
        for part in parts:
            sink.write(part)
        sink.flush()


def _answer(source: BinaryIO, job: dict[str, int]) -> _Made:
    data = source.read(job["bytes"])
    try:
        return _made(data, job)
    except InputError as error:
        return {"error": type(error).__name__, "message": str(error)}, []
    except (MemoryError, cv2.error):  # OpenCV's own error where it gets no memory
        return {"error": "MemoryError"}, []


def _made(data: bytes, job: dict[str, int]) -> _Made:
    picture = decode(data, max_pixels=job["max_pixels"])
    pixels = np.ascontiguousarray(picture.pixels)
    working = _working_jpeg(pixels, job["working_side"]) if job["working_side"] else b""
    kept = encode_png(pixels) if job["as_png"] else b""
    return {"hw": list(picture.full_hw)}, [pixels.reshape(-1).data, working, kept]


def _working_jpeg(pixels: NDArray[np.uint8], longest_side: int) -> bytes:
    """Return the picture for screens: upright, not larger than needed, and with nothing but pixels in it."""
    factor = math.ceil(max(pixels.shape[:2]) / longest_side)
    if factor > 1:  # whole numbers are averaged in a tenth of the time that others take
        rows, columns = (max(1, side // factor) for side in pixels.shape[:2])
        whole = pixels[: rows * factor, : columns * factor]
        pixels = np.asarray(cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return bytes(encoded.tobytes())


def _shut_in(memory_bytes: int) -> None:
    """Lower this process's limits for good."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for limit, most in ((resource.RLIMIT_AS, memory_bytes), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
        try:
            resource.setrlimit(limit, (most, most))
        except (ValueError, OSError):  # a lower one holds already, or the system has no such limit
            continue


if __name__ == "__main__":
    main()
