"""Which folder of masks belongs to which folders of photos, in the official collections as their archives unpack.

- ISIC 2016, 2017 and 2018: `ISBI2016_ISIC_Part1_Training_Data` beside `ISBI2016_ISIC_Part1_Training_GroundTruth`,
  `ISIC-2017_Training_Data` beside `ISIC-2017_Training_Part1_GroundTruth`, `ISIC2018_Task1-2_Training_Input` beside
  `ISIC2018_Task1_Training_GroundTruth`; validation and test parts likewise.
- HAM10000: `HAM10000_images_part_1` and `HAM10000_images_part_2`, or both in one `HAM10000_images`, beside
  `HAM10000_segmentations_lesion_tschandl`.

A folder that holds nothing but a folder of its own name, as some programs unpack, counts as that inner one.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from skinseg_edge.datasets.folder_listing import Listing, listing_of
from skinseg_edge.errors import DatasetUnusable

__all__ = ["is_test_part", "official_parts"]

_ISIC_PICTURES = re.compile(r"^(IS[BI]I|ISIC).*_(Input|Data)$")
_ISIC_MASKS = re.compile(r"^(IS[BI]I|ISIC).*_GroundTruth$")
# Task 1 (2018) and part 1 (2016, 2017) are the lesion masks; other tasks keep their number and so find no photos.
_SEGMENTATION_TASK = re.compile(r"_(Task1-2|Task1|Part1)(?=_)")
_HAM_PICTURES = re.compile(r"^HAM10000_images(_part_?[12])?$", re.IGNORECASE)
_HAM_MASKS = "HAM10000_segmentations_lesion_tschandl"
_TEST_PART = re.compile(r"_Test(_|$)")


def official_parts(root: Path, folders: Sequence[Path]) -> Iterator[tuple[list[Listing], Listing]]:
    """Yield the folders of photos and the folder of masks of each official part among *folders*, which lie in *root*.

    Raises DatasetUnusable if photos are there and their masks are not.
    """
    yield from _isic_parts(root, folders)
    yield from _ham_parts(root, folders)


def is_test_part(picture: Path) -> bool:
    """Tell whether a photo lies in the test part of an official collection."""
    return bool(_TEST_PART.search(picture.parent.name) and _ISIC_PICTURES.match(picture.parent.name))


def _isic_parts(root: Path, folders: Sequence[Path]) -> Iterator[tuple[list[Listing], Listing]]:
    truths = {_part_of(folder): folder for folder in folders if _ISIC_MASKS.match(folder.name)}
    for folder in folders:
        if not _ISIC_PICTURES.match(folder.name):
            continue
        truth = truths.get(_part_of(folder))
        if truth is None:
            raise DatasetUnusable(
                f"cannot read the dataset {root}: {folder.name} has no ground truth folder of task 1 beside it;"
                " unpack it there"
            )
        yield [_unwrapped(folder)], _unwrapped(truth)


def _part_of(folder: Path) -> str:
    """Reduce an official folder name to what photos and masks share, such as ISIC2018_Training."""
    return _SEGMENTATION_TASK.sub("", folder.name.rpartition("_")[0] + "_").rstrip("_")


def _ham_parts(root: Path, folders: Sequence[Path]) -> Iterator[tuple[list[Listing], Listing]]:
    masks = next((folder for folder in folders if folder.name.lower() == _HAM_MASKS.lower()), None)
    # Kaggle's archive holds every photo twice, in folders whose names differ in case alone.
    pictures = {folder.name.lower(): folder for folder in folders if _HAM_PICTURES.match(folder.name)}
    if masks and pictures:
        yield [_unwrapped(pictures[name]) for name in sorted(pictures)], _unwrapped(masks)
    elif masks or pictures:
        there, lacking = (
            (min(pictures.values()).name, _HAM_MASKS) if pictures else (_HAM_MASKS, "HAM10000_images_part_1")
        )
        raise DatasetUnusable(f"cannot read the dataset {root}: {there} has no {lacking} beside it; unpack it there")


def _unwrapped(folder: Path) -> Listing:
    found = listing_of(folder)
    inner = next((inside for inside in found.folders if inside.name == folder.name), None)
    return listing_of(inner) if inner and not found.pictures else found
