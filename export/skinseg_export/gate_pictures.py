"""The pictures an artefact is judged on before it is accepted: validation pictures, with expert masks where there are.

What the network was trained on proves nothing here, so names of a training list are never taken. There is no default:
a folder is named, and it holds pictures, or nothing is judged.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from skinseg_edge.datasets.folder_listing import Listing, by_stem, has_mask_name, listing_of
from skinseg_edge.datasets.label_maps import classes_of
from skinseg_edge.datasets.official_folders import official_parts
from skinseg_edge.datasets.readers import PicturePair, pairs
from skinseg_edge.datasets.split_lists import TRAINING_LIST, VALIDATION_LIST, names_if_there
from skinseg_edge.errors import DatasetUnusable
from skinseg_edge.known_names import first_names

__all__ = ["GatePicture", "GatePictures", "gate_pictures"]


@dataclass(frozen=True)
class GatePicture:
    """*name*: of the file, without suffix. *mask*: what an expert drew, a picture or a LabelMe file; None: nothing."""

    name: str
    picture: Path
    mask: Path | None = None

    @property
    def pair(self) -> PicturePair | None:
        """Photo and mask for `read_truth`, None without a mask."""
        return None if self.mask is None else PicturePair(self.name, self.picture, self.mask)


@dataclass(frozen=True)
class GatePictures:
    """*pictures*: at least one, sorted by name, no name twice. *source*: where they come from, in words, without paths.

    *classes*: names of the data set's classes, background first, where it tells them.
    """

    pictures: tuple[GatePicture, ...]
    source: str
    classes: tuple[str, ...] | None = None

    def __len__(self) -> int:
        """How many pictures there are."""
        return len(self.pictures)

    @property
    def paths(self) -> tuple[Path, ...]:
        """The photos, which calibration pictures must be apart from."""
        return tuple(each.picture for each in self.pictures)

    @property
    def experts(self) -> int:
        """How many of them an expert has drawn."""
        return sum(each.mask is not None for each in self.pictures)


def gate_pictures(folder: Path, *, training_names: Collection[str] = ()) -> GatePictures:
    """Find the pictures to judge on in *folder*.

    With a `validation.txt` there: the pairs it names. Else all pairs of one of the layouts of `datasets.readers`, less
    what a `train.txt` there names. A folder of photos without masks, or its `images`, gives photos without experts.
    *training_names*: file names without suffix of pictures that the network was trained or is calibrated on.

    Raises FileMissing if there is no such folder; DatasetUnusable if it holds no picture, two of one name or a layout
    that is none, a list names what is not there or has no mask, every picture is in `train.txt`, or a picture is in
    *training_names* or in both lists.
    """
    listing = listing_of(folder)
    photos = _bare_photos(folder, listing)
    where = folder.resolve().name
    validation, training = folder / VALIDATION_LIST, names_if_there(folder / TRAINING_LIST)
    if validation.is_file():
        found, source = _of_pairs(pairs(folder, validation)), f"{where}/{VALIDATION_LIST}"
        _check_apart(folder, found, training, f"its {TRAINING_LIST}")
    else:
        everything = _of_pairs(pairs(folder)) if photos is None else photos
        found = tuple(each for each in everything if each.name not in training)
        source = f"{where} without {TRAINING_LIST}" if training else where
        _check_any(folder, everything, found)
    _check_apart(folder, found, training_names, "the training or calibration pictures")
    return GatePictures(found, source, classes_of(folder))


def _bare_photos(folder: Path, here: Listing) -> tuple[GatePicture, ...] | None:
    """Return the photos of a folder in which nobody has drawn anything, None if there are masks."""
    inner = {each.name.lower(): each for each in here.folders}
    if inner.keys() & {"masks", "mask"}:
        return None
    images = inner.get("images") or inner.get("image")
    if images is None and any(official_parts(folder, here.folders)):
        return None
    listing = here if images is None else listing_of(images)
    photos = by_stem(listing.pictures)
    if any(label.stem in photos for label in listing.labels) or any(has_mask_name(path) for path in listing.pictures):
        return None
    twice = sorted(stem for stem, paths in photos.items() if len(paths) > 1)
    if twice:
        raise DatasetUnusable(
            f"cannot judge on {folder}: {len(twice)} names belong to more than one picture ({first_names(twice)}); "
            "rename or remove the extra ones"
        )
    return tuple(GatePicture(stem, paths[0]) for stem, paths in sorted(photos.items()))


def _of_pairs(found: Sequence[PicturePair]) -> tuple[GatePicture, ...]:
    return tuple(GatePicture(pair.name, pair.picture, pair.mask) for pair in found)


def _check_any(folder: Path, everything: Sequence[GatePicture], found: Sequence[GatePicture]) -> None:
    if not everything:
        raise DatasetUnusable(
            f"cannot judge on {folder}: it holds no picture (JPEG, PNG, WebP, BMP, TIFF); name a folder of validation "
            "pictures"
        )
    if not found:
        raise DatasetUnusable(
            f"cannot judge on {folder}: all of its {len(everything)} pictures are in its {TRAINING_LIST}; name a "
            f"folder of pictures that the network has not seen, or add a {VALIDATION_LIST}"
        )


def _check_apart(folder: Path, found: Sequence[GatePicture], seen: Collection[str], what: str) -> None:
    known = frozenset(seen)
    shared = [each.name for each in found if each.name in known]
    if shared:
        raise DatasetUnusable(
            f"cannot judge on {folder}: {len(shared)} of its {len(found)} pictures are also among {what} "
            f"({first_names(shared)}), so the masks would be judged on what was seen; leave them out of one"
        )
