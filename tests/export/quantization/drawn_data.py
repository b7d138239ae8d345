"""A data set of drawn lesions, with lists, as an export finds it."""

from pathlib import Path

from skinseg_edge.datasets.synthetic_lesions import draw
from skinseg_edge.image_io import write_png

__all__ = ["PHOTO_HW", "write_drawn_data"]

PHOTO_HW = (120, 160)


def write_drawn_data(folder: Path, *, calibrating: int, judging: int) -> Path:
    """Write p00, p01, ...: so many pictures of `train.txt`, then so many of `validation.txt`; return *folder*."""
    names = [f"p{seed:02d}" for seed in range(calibrating + judging)]
    for seed, name in enumerate(names):
        lesion = draw(seed, PHOTO_HW)
        write_png(folder / "images" / f"{name}.png", lesion.photo)
        write_png(folder / "masks" / f"{name}.png", lesion.mask)
    for part, listed in (("train", names[:calibrating]), ("validation", names[calibrating:])):
        (folder / f"{part}.txt").write_text("".join(f"{name}\n" for name in listed))
    return folder
