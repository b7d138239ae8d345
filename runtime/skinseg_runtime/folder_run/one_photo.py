"""What is made of one photo: its row, its mask and, where asked for, its pictures; from bytes that are read once."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.class_colours import class_colours
from skinseg_edge.contract import ModelContract
from skinseg_edge.image_io import PictureBytes, decode, encode_png
from skinseg_edge.index_png import encode_index_png
from skinseg_runtime.dicom import OBJECT_NAMES, Network, objects_of_photo
from skinseg_runtime.measurements import Lesion, completed
from skinseg_runtime.overlay import draw, draw_classes
from skinseg_runtime.photo_scale import PhotoScale
from skinseg_runtime.quality import assess, hw_for_close_up
from skinseg_runtime.segmentation import Segmentation
from skinseg_runtime.segmenter import Segmenter

__all__ = ["Made", "described_photo", "made_of_photo", "names_of_photo"]

_COLOUR_HW = (512, 512)  # px of a photo that colours are read from, at least: they are averaged over a coarse grid


@dataclass(frozen=True)
class Made:
    """A photo's *row* for results.jsonl, but for where its pictures lie, and those *pictures*: files by kind."""

    row: Mapping[str, object]
    pictures: Mapping[str, bytes]


def names_of_photo(
    stem: PurePosixPath, contract: ModelContract, *, overlay: bool, dicom: bool = False
) -> dict[str, PurePosixPath]:
    """Return where the pictures of a photo go, by kind, relative to the output folder; *stem* as in `Source`.

    *dicom*: also those of `skinseg_runtime.dicom`.
    """
    endings = {"mask": "mask.png"}
    if overlay:
        endings["overlay"] = "overlay.png"
    if _has_class_maps(contract):
        endings["class_map"] = "classes.png"
        if overlay:
            endings["panel"] = "panel.png"
    if dicom:
        endings.update(OBJECT_NAMES)
    return {kind: stem.with_name(f"{stem.name}.{ending}") for kind, ending in endings.items()}


def made_of_photo(
    segmenter: Segmenter,
    data: bytes,
    scale_of: PhotoScale | None,
    *,
    overlay: bool,
    look: str = "once",
    network: Network | None = None,
) -> Made:
    """Segment a photo and make all that `names_of_photo` names.

    *data*: the file, best as `image_io.read_picture` gives it, so that errors name it. *scale_of*: where its scale
    comes from; where there is none to be read, sizes are in px and the row says why. *look*: see `Segmenter.segment`.
    *network*: the one that DICOM objects name; None makes none, and *data* must be a DICOM file otherwise.

    Raises what `Segmenter.segment` raises, and PictureUnreadable if a DICOM file does not say whose it is.
    """
    segmentation = segmenter.segment(data, look=look)
    described, pixels, lesions = described_photo(
        segmentation, data, scale_of, whole=overlay, max_pixels=segmenter.max_pixels
    )
    row: dict[str, object] = {
        "sha256": hashlib.sha256(data).hexdigest(),
        **described,
        "timings_ms": {step: round(ms, 2) for step, ms in segmentation.timings_ms.items()},
    }
    pictures = {"mask": encode_png(segmentation.mask)}
    if overlay:
        pictures["overlay"] = encode_png(draw(pixels, segmentation.mask))
    if _has_class_maps(segmentation.contract):
        row["class_areas_px"] = _class_areas(segmentation)
        pictures.update(_pictures_of_classes(segmentation, pixels if overlay else None))
    if network is not None:
        name = data.name if isinstance(data, PictureBytes) else PictureBytes.name
        pictures.update(objects_of_photo(data, name, segmentation.mask, lesions, network))
    return Made(row, pictures)


def described_photo(
    segmentation: Segmentation, data: bytes, scale_of: PhotoScale | None, *, whole: bool, max_pixels: int
) -> tuple[dict[str, object], NDArray[np.uint8], tuple[Lesion, ...]]:
    """Measure and judge a photo that was segmented: its row, the pixels that were looked at, and the lesions as such.

    *data*, *scale_of*: see `made_of_photo`. *whole*: the pixels are wanted at full size, not only as many as measuring
    needs. Returns plain values, the same of the same photo and mask, and (H, W, 3) uint8 RGB, upright.

    Raises what `image_io.decode` raises.
    """
    at_least_hw = None if whole or (scale_of is not None and scale_of.needs_whole_photo) else _needed_hw(segmentation)
    pixels = decode(data, at_least_hw=at_least_hw, max_pixels=max_pixels).pixels
    scale, problem = (None, {}) if scale_of is None else scale_of.read(pixels, segmentation.photo_hw, data)
    lesions = completed(segmentation.lesions, segmentation.photo_hw, pixels, scale)
    row = {
        "photo_hw": list(segmentation.photo_hw),
        "look": segmentation.look.to_json(),
        "lesions": [lesion.to_json() for lesion in lesions],
        **problem,
        "quality": assess(pixels, segmentation).to_json(),
    }
    return row, pixels, lesions


def _needed_hw(segmentation: Segmentation) -> tuple[int, int]:
    """Return the fewest rows and columns of the photo on which colours and quality can be taken."""
    largest = segmentation.lesions[0] if segmentation.lesions else None
    rows, columns = hw_for_close_up(segmentation.photo_hw, largest)
    return max(rows, _COLOUR_HW[0]), max(columns, _COLOUR_HW[1])


def _class_areas(segmentation: Segmentation) -> dict[str, int]:
    counts = np.bincount(segmentation.class_map.ravel(), minlength=len(segmentation.contract.classes))
    return {name: int(counts[number]) for number, name in enumerate(segmentation.contract.classes)}


def _pictures_of_classes(segmentation: Segmentation, photo: NDArray[np.uint8] | None) -> dict[str, bytes]:
    class_map, classes = segmentation.class_map, segmentation.contract.classes
    pictures = {"class_map": encode_index_png(class_map, class_colours(len(classes)))}
    if photo is not None:
        pictures["panel"] = encode_png(draw_classes(photo, class_map, classes))
    return pictures


def _has_class_maps(contract: ModelContract) -> bool:
    """Answer whether a class map says more than the mask."""
    return len(contract.classes) > 2
