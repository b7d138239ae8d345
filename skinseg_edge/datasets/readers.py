"""Which picture belongs to which mask in a folder on disk; names only, no pixel is read.

Three layouts are known, and pairing is always by name, never by position:

- `images/` beside `masks/`: NAME.jpg with NAME.png, NAME_mask.png or NAME_segmentation.png, any picture suffix, or with
  the LabelMe file NAME.json, which may also lie beside the photo;
- the official folders of ISIC 2016 to 2018 and HAM10000 as they unpack, see `skinseg_edge.datasets.official_folders`;
  several parts below one root are read together;
- side by side in one folder: NAME.jpg with NAME_mask.png, NAME_segmentation.png or NAME.json.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from skinseg_edge.datasets.folder_listing import PICTURE_SUFFIXES, Listing, by_stem, listing_of
from skinseg_edge.datasets.official_folders import official_parts
from skinseg_edge.datasets.split_lists import read_names
from skinseg_edge.errors import DatasetUnusable
from skinseg_edge.known_names import first_names

__all__ = ["PICTURE_SUFFIXES", "PicturePair", "pairs"]

_MASK_ENDING = re.compile(r"_(mask|segmentation)$", re.IGNORECASE)
# ISIC 2016 and 2017 ship superpixel maps among the photos.
_NO_PICTURE_ENDING = "_superpixels"


@dataclass(frozen=True)
class PicturePair:
    """A picture and what was drawn on it.

    *name*: the picture's file name without suffix, unique in its dataset. *mask*: a picture or a LabelMe file (.json).
    """

    name: str
    picture: Path
    mask: Path


@dataclass(frozen=True)
class _Files:
    """The files of one set, by stem; a stem may occur with several suffixes."""

    pictures: dict[str, list[Path]]
    masks: dict[str, list[Path]]


def pairs(root: str | Path, split: str | Path | None = None) -> tuple[PicturePair, ...]:
    """List the picture-mask pairs below a folder, sorted by name.

    *root*: a folder in one of the three layouts above. *split*: a text file of picture names without suffix, one a
    line, UTF-8; blank lines and lines that begin with `#` are skipped. With a split only its names are returned, and
    only they must have masks. Masks without a picture are left out.

    Raises FileMissing if there is no such folder or split file; DatasetUnusable if the layout is unknown, holds no
    picture, a picture has no mask or several, two pictures share a name, or the split names what is not there.
    """
    folder = Path(root)
    sets = _sets_below(folder)
    names = sorted(_all_names(folder, sets)) if split is None else sorted(_names_in_split(folder, Path(split), sets))
    _check_unique(folder, names, sets)
    found: list[PicturePair] = []
    without: list[str] = []
    for name in names:
        files = next(files for files in sets if name in files.pictures)
        masks = _masks_of(name, files)
        if len(masks) > 1:
            listed = ", ".join(sorted(mask.name for mask in masks))
            raise DatasetUnusable(
                f"cannot pair the pictures in {folder}: {name} has {len(masks)} masks ({listed}); keep one"
            )
        if masks:
            found.append(PicturePair(name, files.pictures[name][0], masks[0]))
        else:
            without.append(name)
    if without:
        raise DatasetUnusable(
            f"cannot pair the pictures in {folder}: {len(without)} of {len(names)} have no mask"
            f" ({first_names(without)}); expected NAME, NAME_mask or NAME_segmentation with a picture suffix, or"
            " NAME.json; add the masks or give a split that leaves these names out"
        )
    return tuple(found)


def _sets_below(root: Path) -> list[_Files]:
    """Recognise the layout and list its files; exactly one scan a folder."""
    here = listing_of(root)
    by_name = {folder.name.lower(): folder for folder in here.folders}
    images = by_name.get("images") or by_name.get("image")
    masks = by_name.get("masks") or by_name.get("mask")
    if images or masks:
        return [_images_and_masks(root, images, masks)]
    official = [
        _Files(_pictures_among(picture for folder in photos for picture in folder.pictures), by_stem(truth.pictures))
        for photos, truth in official_parts(root, here.folders)
    ]
    return official or [_side_by_side(here)]


def _images_and_masks(root: Path, images: Path | None, masks: Path | None) -> _Files:
    photos = listing_of(images) if images else Listing([], [], [])
    drawn = listing_of(masks) if masks else Listing([], [], [])
    if not images or not (masks or photos.labels):
        there, lacking = ("images", "masks") if images else ("masks", "images")
        raise DatasetUnusable(
            f"cannot read the dataset {root}: it has a folder {there} but no folder {lacking} beside it"
        )
    return _Files(_pictures_among(photos.pictures), by_stem([*drawn.pictures, *drawn.labels, *photos.labels]))


def _side_by_side(here: Listing) -> _Files:
    pictures = {stem: paths for stem, paths in _pictures_among(here.pictures).items() if not _MASK_ENDING.search(stem)}
    masks = [file for file in here.pictures if file.stem not in pictures]
    return _Files(pictures, by_stem([*masks, *here.labels]))


def _pictures_among(files: Iterable[Path]) -> dict[str, list[Path]]:
    return {stem: paths for stem, paths in by_stem(files).items() if not stem.endswith(_NO_PICTURE_ENDING)}


def _all_names(root: Path, sets: Sequence[_Files]) -> set[str]:
    names = {name for files in sets for name in files.pictures}
    if not names:
        raise DatasetUnusable(
            f"cannot read the dataset {root}: no picture with a mask was found; expected images/ beside masks/,"
            " official ISIC or HAM10000 folders, or NAME.jpg beside NAME_mask.png or NAME.json"
        )
    return names


def _names_in_split(root: Path, split: Path, sets: Sequence[_Files]) -> list[str]:
    there = _all_names(root, sets)
    names = read_names(split)
    missing = [name for name in names if name not in there]
    if missing:
        suffixed = all(Path(name).stem in there for name in missing)
        advice = "write names without their suffix" if suffixed else "check that the split belongs to this dataset"
        raise DatasetUnusable(
            f"cannot select {split} from {root}: {len(missing)} of {len(names)} names are not there"
            f" ({first_names(missing)}); {advice}"
        )
    return names


def _check_unique(root: Path, names: Iterable[str], sets: Sequence[_Files]) -> None:
    twice = [name for name in names if sum(len(files.pictures.get(name, ())) for files in sets) > 1]
    if twice:
        raise DatasetUnusable(
            f"cannot pair the pictures in {root}: {len(twice)} names belong to more than one picture"
            f" ({first_names(twice)}); rename or remove the extra ones"
        )


def _masks_of(name: str, files: _Files) -> list[Path]:
    """Find the masks of a picture; a mask whose stem is itself another picture's name belongs to that one."""
    stems = [name] + [f"{name}_{ending}" for ending in ("mask", "Mask", "segmentation", "Segmentation")]
    return [path for stem in stems if stem == name or stem not in files.pictures for path in files.masks.get(stem, ())]
