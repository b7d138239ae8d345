"""Archives of drawn pictures for benchmarks/batch.py: few are drawn, each file has bytes of its own."""

from pathlib import Path
from zlib import crc32

import cv2
import numpy as np

from skinseg_edge.datasets.synthetic_lesions import draw
from skinseg_edge.image_io import encode_png

__all__ = ["large_photos", "small_pictures"]


def small_pictures(folder: Path, count: int, *, distinct: int = 300, side: int = 160) -> Path:
    """Write *count* PNG files of *side* px, *distinct* drawings, a thousand files in each folder."""
    drawn = [encode_png(draw(seed, (side * 3 // 4, side)).photo) for seed in range(min(count, distinct))]
    for number in range(count):
        path = folder / f"{number // 1000:03}" / f"p{number:06}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_numbered_png(drawn[number % distinct], number))
    return folder


def large_photos(folder: Path, count: int, *, distinct: int = 6) -> Path:
    """Write *count* JPEG files of 12 megapixels, as a phone has them: 3000 x 4000, some 4 MB, the noise of a sensor."""
    folder.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0)
    drawn = []
    for seed in range(min(count, distinct)):
        photo = cv2.resize(draw(seed, (600, 800)).photo, (4000, 3000), interpolation=cv2.INTER_CUBIC)
        grain = noise.normal(0, 6, photo.shape[:2]).astype(np.float32)
        grainy = np.clip(photo + grain[:, :, None], 0, 255).astype(np.uint8)
        data = cv2.imencode(".jpg", cv2.cvtColor(grainy, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 90])[1]
        drawn.append(data.tobytes())
    for number in range(count):
        (folder / f"p{number:04}.jpg").write_bytes(_numbered_jpeg(drawn[number % distinct], number))
    return folder


def _numbered_png(png: bytes, number: int) -> bytes:
    text = b"tEXtnumber\0%d" % number
    chunk = (len(text) - 4).to_bytes(4, "big") + text + crc32(text).to_bytes(4, "big")
    return png[:33] + chunk + png[33:]  # behind IHDR


def _numbered_jpeg(jpeg: bytes, number: int) -> bytes:
    comment = b"%06d" % number
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + jpeg[2:]
