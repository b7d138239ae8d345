"""What lies in a folder, by kind and by stem: names only, no file is opened."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from skinseg_edge.errors import DatasetUnusable, FileMissing

__all__ = ["LABEL_SUFFIX", "PICTURE_SUFFIXES", "Listing", "by_stem", "has_mask_name", "listing_of"]

PICTURE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
LABEL_SUFFIX = ".json"
"""Of LabelMe files."""
_MASK_ENDINGS = ("_segmentation", "_mask", ".mask")


class Listing(NamedTuple):
    """Sub-folders, picture files and label files (JSON) of a folder, each sorted."""

    folders: list[Path]
    pictures: list[Path]
    labels: list[Path]


def listing_of(folder: Path) -> Listing:
    """List a folder in one scan; hidden entries and files of other kinds are left out.

    Raises FileMissing if there is no such folder, DatasetUnusable if it is a file or cannot be read.
    """
    found = Listing([], [], [])
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                suffix = Path(entry.name).suffix.lower()
                if entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    found.folders.append(folder / entry.name)
                elif suffix in PICTURE_SUFFIXES:
                    found.pictures.append(folder / entry.name)
                elif suffix == LABEL_SUFFIX:
                    found.labels.append(folder / entry.name)
    except FileNotFoundError as error:
        raise FileMissing(f"cannot read the dataset {folder}: there is no such folder") from error
    except NotADirectoryError as error:
        raise DatasetUnusable(
            f"cannot read the dataset {folder}: it is a file, expected a folder of pictures"
        ) from error
    except OSError as error:
        raise DatasetUnusable(f"cannot read the dataset {folder}: {error.strerror or error}") from error
    for paths in found:
        paths.sort()
    return found


def by_stem(files: Iterable[Path]) -> dict[str, list[Path]]:
    """Group files by their name without suffix."""
    stems: dict[str, list[Path]] = {}
    for file in files:
        stems.setdefault(file.stem, []).append(file)
    return stems


def has_mask_name(path: Path) -> bool:
    """Say whether a picture is called as masks are: NAME_mask, NAME_segmentation, NAME.mask."""
    return path.stem.lower().endswith(_MASK_ENDINGS)
