"""Which pictures the ranges of an INT8 file are taken from: training pictures, by name, and never any other kind.

Not drawn ones, for they have no hair, no glare and no sensor; not random numbers; not the validation pictures, for they
judge the result. So there is no default: a folder is named, or the checkpoint names its own, or nothing is quantized.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from skinseg_edge.datasets.folder_listing import has_mask_name, listing_of
from skinseg_edge.datasets.label_maps import classes_of
from skinseg_edge.datasets.readers import PicturePair, pairs
from skinseg_edge.datasets.split_lists import TRAINING_LIST, VALIDATION_LIST, names_if_there, names_sha256
from skinseg_edge.errors import DatasetUnusable, InputError
from skinseg_edge.image_io import decode
from skinseg_export.export_options import CALIBRATION_PICTURES
from skinseg_export.mask_among_photos import check_is_photo

__all__ = ["FEWEST_PICTURES", "CalibrationPictures", "calibration_pictures"]

FEWEST_PICTURES = 16
"""With fewer, one odd picture decides a range."""

_NAME_A_FOLDER = "name a folder of training pictures with --calibration"
_BLANK = 2.0  # grey levels; the flattest of the 2,000 pictures of ISIC 2018 used here has 3.7
_LOOKED_AT = 256  # px a side are enough to see whether a picture shows anything


@dataclass(frozen=True)
class CalibrationPictures:
    """Pictures to measure ranges on.

    *paths*: photos, sorted by name. *source*: where they come from, in words, without paths. *labels*: photo -> what an
    expert drew, a mask or a LabelMe file, for photos that have it. *classes*: names of the data set's classes,
    background first, where it tells them.
    """

    paths: tuple[Path, ...]
    source: str
    labels: Mapping[Path, Path] = field(default_factory=dict)
    classes: tuple[str, ...] | None = None


@dataclass(frozen=True)
class _Offer:
    """*photos*: photo -> its mask or None, all that may be taken. *what*: how messages and reports call them."""

    photos: Mapping[Path, Path | None]
    what: str
    classes: tuple[str, ...] | None


def calibration_pictures(
    folder: Path | None, training: Mapping[str, object], *, count: int = CALIBRATION_PICTURES
) -> CalibrationPictures:
    """Choose *count* calibration pictures, or all where there are fewer.

    *folder*: with a `train.txt`, the pictures it names; else all photos in it or its `images`, less those that a
    `validation.txt` there names. None: the `train.txt` of the data set that *training* (a checkpoint's record) names,
    looked for in the folder `SKINSEG_DATA`, below it and in the current folder; its names must be those the network was
    trained on. The choice follows the SHA-256 of the names, so it is spread and always the same.

    Raises InputError if *training* names no data set or none is found, or *count* is below 16; DatasetUnusable if
    fewer than 16 pictures are left, one shows nothing or is a mask, or the names are not those of the training;
    FileMissing if there is no such folder; PictureUnreadable or PictureTooLarge, naming the file, for one that cannot
    be decoded.
    """
    if count < FEWEST_PICTURES:
        raise InputError(f"cannot calibrate with {count} pictures: expected at least {FEWEST_PICTURES}; ask for more")
    offer = _offered_by(folder) if folder is not None else _offered_by_training(training)
    if len(offer.photos) < FEWEST_PICTURES:
        for path in sorted(offer.photos):  # what is wrong with a picture is the better answer to one that came alone
            _check_shows_something(path)
        raise DatasetUnusable(
            f"cannot calibrate with {offer.what}: there are {len(offer.photos)} pictures, expected at least "
            f"{FEWEST_PICTURES}; add training pictures or {_NAME_A_FOLDER}"
        )
    chosen = tuple(sorted(sorted(offer.photos, key=_draw)[:count], key=lambda path: path.name))
    for path in chosen:
        _check_shows_something(path)
    source = f"{len(chosen)} of {len(offer.photos)} pictures: {offer.what}"
    labels = {path: mask for path in chosen if (mask := offer.photos[path]) is not None}
    return CalibrationPictures(chosen, source, labels, offer.classes)


def _offered_by(folder: Path) -> _Offer:
    held = names_if_there(folder / VALIDATION_LIST)
    if (folder / TRAINING_LIST).is_file():
        everything = _with_masks(pairs(folder, folder / TRAINING_LIST))
        what = f"{TRAINING_LIST} of {_name_of(folder)}"
    else:
        everything, what = _all_photos(folder), f"the photos in {_name_of(folder)}"
    if not everything:
        raise DatasetUnusable(
            f"cannot calibrate with {folder}: it holds no picture (JPEG, PNG, WebP, BMP, TIFF); {_NAME_A_FOLDER}"
        )
    photos = {path: mask for path, mask in everything.items() if path.stem not in held}
    if not photos:
        raise DatasetUnusable(
            f"cannot calibrate with {folder}: its {VALIDATION_LIST} names all {len(everything)} pictures, and those "
            f"judge the result; {_NAME_A_FOLDER}"
        )
    less = f" that {VALIDATION_LIST} does not name" if len(photos) < len(everything) else ""
    return _Offer(photos, what + less, classes_of(folder))


def _all_photos(folder: Path) -> dict[Path, Path | None]:
    """List the photos of a folder without lists; masks are kept where each photo has one."""
    here = listing_of(folder)
    try:
        return _with_masks(pairs(folder))
    except DatasetUnusable:  # photos alone are enough
        images = [inner for inner in here.folders if inner.name.lower() in {"images", "image"}]
        found = listing_of(images[0]).pictures if images else here.pictures
        return dict.fromkeys(path for path in found if not has_mask_name(path))


def _with_masks(found: Iterable[PicturePair]) -> dict[Path, Path | None]:
    return {pair.picture: pair.mask for pair in found}


def _offered_by_training(training: Mapping[str, object]) -> _Offer:
    """Offer what the checkpoint was trained on, once its names prove to be the same."""
    name = _data_name(training)
    folder = _found(name)
    named = pairs(folder, folder / TRAINING_LIST)
    recorded = training.get("train_names_sha256")
    if recorded is not None and recorded != names_sha256(pair.name for pair in named):
        raise DatasetUnusable(
            f"cannot calibrate with {folder / TRAINING_LIST}: its {len(named)} names are not those the checkpoint was "
            f"trained on ({training.get('train_pictures', 'an unknown number of')} pictures); {_NAME_A_FOLDER}"
        )
    return _offered_by(folder)


def _data_name(training: Mapping[str, object]) -> str:
    name, described = training.get("data_folder"), training.get("data")
    if isinstance(name, str) and name not in {"", ".", ".."} and not re.search(r"[/\\\0]", name):
        return name
    if name is None and isinstance(described, str) and re.fullmatch(r"\w[\w.-]*", described):
        return described
    raise InputError(
        f"cannot calibrate: the checkpoint does not name the folder of its training pictures; {_NAME_A_FOLDER}"
    )


def _found(name: str) -> Path:
    data = os.environ.get("SKINSEG_DATA")
    named = [Path(data), Path(data) / name] if data else []
    places = [place for place in named if place.name == name] + [Path(name)]
    folder = next((place for place in places if (place / TRAINING_LIST).is_file()), None)
    if folder is None:
        looked = "SKINSEG_DATA and the current folder" if data else "the current folder (SKINSEG_DATA is not set)"
        raise InputError(
            f"cannot calibrate: the checkpoint was trained on {name!r}, and no folder {name} with a {TRAINING_LIST} "
            f"is in {looked}; {_NAME_A_FOLDER}"
        )
    return folder


def _name_of(folder: Path) -> str:
    return folder.resolve().name


def _draw(path: Path) -> bytes:
    return hashlib.sha256(path.stem.encode()).digest()


def _check_shows_something(path: Path) -> None:
    pixels = decode(path, at_least_hw=(_LOOKED_AT, _LOOKED_AT)).pixels
    spread = float(np.std(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)))
    if spread < _BLANK:
        raise DatasetUnusable(
            f"cannot calibrate with {path}: it shows nothing, its grey levels spread by {spread:.1f} of 255, expected "
            f"{_BLANK:.0f} or more; remove it from the calibration pictures"
        )
    check_is_photo(path, pixels, "calibrate with")
