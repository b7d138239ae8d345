"""What an export needs before it can quantize: calibration pictures apart from those that judge, and their ranges."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.contract import ModelContract
from skinseg_edge.datasets.readers import PicturePair
from skinseg_edge.datasets.split_lists import VALIDATION_LIST
from skinseg_edge.errors import DatasetUnusable, InputError
from skinseg_edge.image_io import decode
from skinseg_edge.networks.checkpoint import Checkpoint
from skinseg_edge.preprocessing import to_network_input
from skinseg_edge.progress import Progress
from skinseg_export.export_options import ExportOptions
from skinseg_export.gate_pictures import GatePictures, gate_pictures
from skinseg_export.quantization.calibration_pictures import (
    FEWEST_PICTURES,
    CalibrationPictures,
    calibration_pictures,
)
from skinseg_export.quantization.coverage import Coverage, coverage_of
from skinseg_export.quantization.near_duplicates import check_apart
from skinseg_export.truth import check_classes, read_lesion
from skinseg_runtime import Segmenter

__all__ = ["Calibration", "Sources", "prepared", "sources_of"]


@dataclass(frozen=True)
class Sources:
    """*calibration*: pictures to measure ranges on. *gate*: pictures to judge on.

    *why_none*: why 8 bits that were asked for cannot be made.
    """

    calibration: CalibrationPictures | None = None
    gate: GatePictures | None = None
    why_none: str = ""


@dataclass(frozen=True, eq=False)
class Calibration:
    """*images*: of *pictures*, (H, W, 3) uint8 RGB at network size. *coverage*: which kinds of pictures they are."""

    pictures: CalibrationPictures
    images: tuple[NDArray[np.uint8], ...]
    coverage: Coverage


def sources_of(options: ExportOptions, checkpoint: Checkpoint, drawn: CalibrationPictures | None = None) -> Sources:
    """Find the pictures that *options* ask for, and check that none of them both calibrates and judges.

    An untrained network is calibrated with few pictures of options.calibration, or with *drawn*, and nothing judges it.

    Raises InputError if 8 bits are asked for and there are no pictures to calibrate with or to judge on (`auto` goes on
    without, in half precision, where no folder was named), or the network is untrained and more is asked than `int8`;
    and what reading raises.
    """
    gate = None if options.validation is None else gate_pictures(options.validation)
    if options.wants_calibration and not checkpoint.trained:
        if options.precision != "int8":
            raise InputError(
                f"cannot export {options.precision} of an untrained network: it has no right masks to hold 8 bits "
                "against; use --precision fp16, or int8, which is then judged by numbers alone, or train it"
            )
        return Sources(drawn or calibration_pictures(options.calibration, {}, count=FEWEST_PICTURES), gate)
    if not options.wants_calibration and options.calibration is None:
        return Sources(gate=gate)
    try:
        calibration = calibration_pictures(options.calibration, checkpoint.training, count=options.calibration_count)
    except InputError as error:
        if options.calibration is not None or options.precision != "auto":
            raise
        return Sources(gate=gate, why_none=f"auto makes fp16 and no 8 bits: {error}")
    if options.wants_quantized and gate is None:
        gate = gate_pictures(_beside(calibration))
    if gate is not None:
        check_apart(calibration.paths, gate.paths)
    return Sources(calibration, gate)


def prepared(
    sources: Sources, reference: Segmenter, progress: Progress, *, is_trained: bool = True
) -> Calibration | None:
    """Bring the calibration pictures to network size by the one preprocessing; None without any.

    *reference*: the trained network, which outlines lesions that no expert has. Without *is_trained* nobody does, and
    what the pictures show is not counted.
    """
    pictures = sources.calibration
    if pictures is None:
        return None
    contract = reference.contract
    if not is_trained:  # which lesions they show is nobody's question
        images = tuple(_network_input(path, contract) for path in pictures.paths)
        return Calibration(pictures, images, Coverage(len(images), {}))
    check_classes(pictures.classes, contract)
    with progress(2 * len(pictures.paths), "calibration pictures") as advance:
        seen = []
        for path in pictures.paths:
            seen.append(_network_input(path, contract))
            advance()

        def lesion_of(path: Path, photo: NDArray[np.uint8]) -> NDArray[np.bool_]:
            advance()
            drawn = _drawn(path, pictures, contract)
            if drawn is None:
                return reference.segment(photo).mask
            if drawn.shape != photo.shape[:2]:
                raise DatasetUnusable(
                    f"cannot calibrate with {path.name}: its mask is {drawn.shape} px (rows, columns), the photo "
                    f"{photo.shape[:2]}"
                )
            return drawn

        coverage = coverage_of(pictures, lesion_of)
    return Calibration(pictures, tuple(seen), coverage)


def _beside(calibration: CalibrationPictures) -> Path:
    """Return the folder that the calibration pictures come from, which has a validation list."""
    pictures = calibration.paths[0].parent
    for folder in (pictures, pictures.parent):
        if (folder / VALIDATION_LIST).is_file():
            return folder
    raise InputError(
        f"cannot judge 8 bits: there is no {VALIDATION_LIST} beside the calibration pictures ({calibration.source}); "
        "name a folder of other pictures, with masks where there are some, with --validation"
    )


def _drawn(path: Path, pictures: CalibrationPictures, contract: ModelContract) -> NDArray[np.bool_] | None:
    """Return the lesion that an expert drew on the photo *path*, None where nobody did."""
    label = pictures.labels.get(path)
    if label is None:
        return None
    return read_lesion(PicturePair(path.stem, path, label), contract, pictures.classes)


def _network_input(path: Path, contract: ModelContract) -> NDArray[np.uint8]:
    photo = decode(path, at_least_hw=contract.input_hw)
    return to_network_input(photo.pixels, contract, photo_hw=photo.full_hw).pixels
