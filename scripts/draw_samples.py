"""Draw eight synthetic lesions as JPEG photos, for a machine without real ones.

python scripts/draw_samples.py FOLDER prints their paths.
"""

import sys
from pathlib import Path

import cv2

from skinseg_edge.atomic_files import write_bytes_atomically
from skinseg_edge.datasets import synthetic_lesions

__all__ = ["draw_samples"]


def draw_samples(folder: Path, count: int = 8) -> list[Path]:
    """Write lesion-1.jpg to lesion-COUNT.jpg, the same ones each time, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(1, count + 1):
        lesion = synthetic_lesions.draw(number, hw=(768, 1024))
        _, encoded = cv2.imencode(".jpg", cv2.cvtColor(lesion.photo, cv2.COLOR_RGB2BGR))
        paths.append(folder / f"lesion-{number}.jpg")
        write_bytes_atomically(paths[-1], encoded.tobytes())
    return paths


if __name__ == "__main__":
    for path in draw_samples(Path(sys.argv[1])):
        print(path)
