"""Class maps: which class each pixel of a photo belongs to, drawn by somebody and kept in a file beside the photo.

A map is (H, W) uint8 at photo size with class numbers; the list of class names, background first, says what they mean.
One name is a binary set: 0 is background and 1 that class. What a file may be:

- a LabelMe file (`.json`), whose shapes are filled, see `skinseg_edge.datasets.labelme`;
- of one or two classes, a black-and-white mask in any picture format, or a coloured palette PNG of the numbers 0, 1;
- of more classes, a grey or palette PNG with a class number a pixel.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.datasets.labelme import read_labelme
from skinseg_edge.errors import DatasetUnusable
from skinseg_edge.image_io import decode, decode_mask, decode_numbers, has_palette

__all__ = ["CLASSES_FILE", "MELASMA_CLASSES", "classes_of", "lesion_classes_of", "mirror_partners", "read_label_map"]

CLASSES_FILE = "classes.txt"
"""Where a data folder keeps its class names: UTF-8, one a line, background first."""

MELASMA_CLASSES = ("BACKGROUND", "ET", "HHB", "XB", "LF", "RF")
"""HHBSNet's classes: all else, forehead, melasma, chin, left face, right face; a region is its skin without melasma."""

_LEFT_AND_RIGHT = (("LF", "RF"),)
_MOST_CLASSES = 256  # a class number is a byte
_GREY_WITHIN = 8  # levels; a palette whose used colours stay so close is grey


def lesion_classes_of(classes: Sequence[str]) -> tuple[str, ...]:
    """Return which of *classes* are lesion, for `ModelContract.lesion_classes`; () means every one but the first.

    Among other classes melasma alone is, also where some of the regions were not drawn.

    >>> lesion_classes_of(MELASMA_CLASSES), lesion_classes_of(("lesion",))
    (('HHB',), ())
    """
    return ("HHB",) if "HHB" in classes and len(classes) > 2 else ()


def mirror_partners(classes: Sequence[str]) -> tuple[int, ...]:
    """Return for every class the number of what it is in a mirror: left and right change places, the rest stays.

    >>> mirror_partners(MELASMA_CLASSES)
    (0, 1, 2, 3, 5, 4)
    """
    partners = {name: partner for pair in _LEFT_AND_RIGHT for name, partner in (pair, pair[::-1])}
    return tuple(
        classes.index(partners[name]) if partners.get(name) in classes else k for k, name in enumerate(classes)
    )


def classes_of(root: str | Path) -> tuple[str, ...] | None:
    """Return the class names of a data folder, or None if it has no `classes.txt`.

    Blank lines and lines that begin with `#` are skipped. One name is a binary set.

    Raises DatasetUnusable if the file is no UTF-8 text, names no class, more than 256, or one twice or unprintably.
    """
    file = Path(root) / CLASSES_FILE
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise DatasetUnusable(f"cannot read {file}: it is no UTF-8 text; expected one class name a line") from error
    except OSError as error:
        raise DatasetUnusable(
            f"cannot read {file}: {error.strerror or error}; expected one class name a line"
        ) from error
    names = tuple(name for name in (line.strip() for line in lines) if name and not name.startswith("#"))
    if not 1 <= len(names) <= _MOST_CLASSES:
        raise DatasetUnusable(
            f"cannot read {file}: it names {len(names)} classes, expected 1 to {_MOST_CLASSES}, one a line"
        )
    for name in names:
        if names.count(name) > 1 or not name.isprintable():
            raise DatasetUnusable(
                f"cannot read {file}: the class {name!r} comes twice or holds unprintable characters; correct it"
            )
    return names


def read_label_map(path: str | Path, classes: Sequence[str]) -> NDArray[np.uint8]:
    """Read the class map of a photo.

    *classes*: the names by number, background first; one name is a binary set. Returns (H, W) uint8, upright, values
    0 to len(classes) - 1, or 0 and 1 for one name.

    Raises DatasetUnusable if a number or label is none of *classes* or a LabelMe file is no such file, FileMissing if
    the path names nothing, PictureUnreadable and PictureTooLarge as `decode` does or if a picture is no class map.
    """
    file = Path(path)
    if file.suffix.lower() == ".json":
        return read_labelme(file, classes, drawn_last=lesion_classes_of(classes))
    if len(classes) > 2 or _has_coloured_palette(file):
        return _read_numbers(file, classes)
    return decode_mask(file).view(np.uint8)


def _read_numbers(file: Path, classes: Sequence[str]) -> NDArray[np.uint8]:
    numbers = decode_numbers(file)
    highest = max(len(classes), 2) - 1
    found = int(numbers.max())
    if found > highest:
        row, column = (int(place) for place in np.argwhere(numbers == found)[0])
        raise DatasetUnusable(
            f"cannot read {file} as a class map: the pixel in row {row}, column {column} has the number {found}, "
            f"expected 0 to {highest} ({', '.join(classes)}); {_advice(numbers)}"
        )
    return numbers.astype(np.uint8)


def _advice(numbers: NDArray[np.uint16]) -> str:
    if set(np.unique(numbers)) <= {0, 255}:
        return "it looks like a black-and-white mask, which tells two classes only"
    return "give the class names that the file was drawn with, or correct it"


def _has_coloured_palette(file: Path) -> bool:
    """Tell class numbers shown in colours from a black-and-white mask that some program saved with a palette."""
    if not has_palette(file):
        return False
    pixels = decode(file).pixels
    return int(np.max(pixels.max(axis=2) - pixels.min(axis=2))) > _GREY_WITHIN
