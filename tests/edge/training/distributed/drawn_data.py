"""Drawn lesions to train on."""

from pathlib import Path

from skinseg_edge.datasets.synthetic_lesions import draw
from skinseg_edge.image_io import write_png

__all__ = ["draw_data"]


def draw_data(root: Path) -> None:
    """Draw 21 lesions into *root*: pictures, masks, and lists of 16 to learn from and 5 to choose by."""
    names = [f"lesion{seed:02}" for seed in range(21)]
    for seed, name in enumerate(names):
        lesion = draw(seed, (40, 48))
        write_png(root / "images" / f"{name}.png", lesion.photo)
        write_png(root / "masks" / f"{name}.png", lesion.mask)
    (root / "train.txt").write_text("\n".join(names[:16]))
    (root / "validation.txt").write_text("\n".join(names[16:]))
