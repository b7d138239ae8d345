"""The ranges that an export quantizes by: measured here, kept from before, measured by another tool, or trained."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.errors import InputError
from skinseg_edge.progress import Progress
from skinseg_edge.quantization_scales import LARGEST_REACH, QUANTIZED_LIMIT
from skinseg_edge.strict_json import shown
from skinseg_export.quantization.fingerprint import CalibrationStale, Fingerprint, load_cache, save_cache
from skinseg_export.quantization.modelopt_quantizer import modelopt_qdq
from skinseg_export.quantization.ranges import METHODS, Ranges, calibrate

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

__all__ = ["measured_ranges"]


def measured_ranges(
    convolutions: Mapping[str, Sequence["NodeProto"]],
    single: "ModelProto",
    images: Sequence[NDArray[np.uint8]],
    fingerprint: Fingerprint,
    *,
    quantizer: str,
    cache: Path | None,
    training: Mapping[str, object],
    progress: Progress,
    largest: Mapping[str, float] | None = None,
) -> tuple[Ranges, str]:
    """Return the ranges of every input of *convolutions* (layer -> nodes of *single*), by method, and a remark or "".

    *images*: calibration pictures, (H, W, 3) uint8 RGB. *fingerprint*: of these, the preprocessing and the graph; a
    *cache* with another one is measured and written anew, and the remark says why. *quantizer*: "onnxruntime" measures
    here, "modelopt" leaves it to nvidia-modelopt. *training*: of the checkpoint; what quantization-aware training
    recorded there is one more method. *largest*: how far each value reaches on these very images, where that is all
    that the caller asks for and a scan found it: without a cache, nothing is run again then.

    Raises ToolMissing if modelopt is asked for and not installed, InputError if the cache is damaged or training
    recorded what is no reach.
    """
    readers = _readers(convolutions)
    if quantizer == "modelopt":
        with progress(1, "calibration by modelopt"):
            return {"modelopt": _reaches_in(modelopt_qdq(single, tuple(convolutions), np.stack(images)))}, ""
    if cache is None and largest is not None and readers.keys() <= largest.keys():
        return {"minmax": {value: largest[value] or 1.0 for value in readers}}, ""  # of nothing but zeros: as calibrate
    ranges, remark = _kept(cache, fingerprint, readers)
    if ranges is None:
        with progress(len(images), "calibration") as advance:
            ranges = calibrate(single, images, readers, advance)
        if cache is not None:
            save_cache(cache, fingerprint, ranges)
    trained = _trained_reaches(training)
    if trained:
        ranges = {"training": _as_trained(readers, trained, ranges["minmax"]), **ranges}
    return ranges, remark


def _readers(convolutions: Mapping[str, Sequence["NodeProto"]]) -> dict[str, set[str]]:
    """Map each value that is quantized to the layers that read it."""
    readers: dict[str, set[str]] = {}
    for layer, nodes in convolutions.items():
        for node in nodes:
            readers.setdefault(node.input[0], set()).add(layer)
    return readers


def _reaches_in(quantized: "ModelProto") -> dict[str, float]:
    """Return how far each value of a Q/DQ graph reaches in its 8 bits."""
    from onnx import numpy_helper

    stored = {weight.name: weight for weight in quantized.graph.initializer}
    return {
        node.input[0]: float(numpy_helper.to_array(stored[node.input[1]])) * QUANTIZED_LIMIT
        for node in quantized.graph.node
        if node.op_type == "QuantizeLinear" and node.input[0] not in stored
    }


def _kept(cache: Path | None, fingerprint: Fingerprint, values: Collection[str]) -> tuple[Ranges | None, str]:
    """Return what *cache* keeps, if it may be used, and why it may not."""
    if cache is None or not cache.exists():
        return None, ""
    try:
        ranges = load_cache(cache, fingerprint)
    except CalibrationStale as stale:
        return None, f"calibrated anew: {stale}"
    if ranges.keys() != set(METHODS) or any(reaches.keys() != set(values) for reaches in ranges.values()):
        return None, f"calibrated anew: {cache} was made by other methods or for other layers"
    return ranges, f"calibration read from {cache}"


def _trained_reaches(training: Mapping[str, object]) -> Mapping[str, float]:
    """Return how far quantization-aware training let the input of each layer reach; empty without such training.

    Raises InputError if a reach is no number that a scale can be made of.
    """
    recorded = training.get("quantization")
    reaches = recorded.get("input_reaches") if isinstance(recorded, Mapping) else None
    if not isinstance(reaches, Mapping):
        return {}
    for layer, reach in reaches.items():
        if isinstance(reach, bool) or not isinstance(reach, int | float) or not 0 <= reach <= LARGEST_REACH:
            raise InputError(
                f"cannot quantize by the checkpoint's training: it recorded that the input of {layer} reaches "
                f"{shown(reach)}, expected a number from 0 to {LARGEST_REACH:.3g}; train it again with --qat"
            )
    return reaches


def _as_trained(
    readers: Mapping[str, Collection[str]], trained: Mapping[str, float], otherwise: Mapping[str, float]
) -> dict[str, float]:
    """Return the reach of each value: the largest that training gave one of its readers, *otherwise* without any."""
    return {
        value: max((trained[layer] for layer in layers if layer in trained), default=otherwise[value])
        for value, layers in readers.items()
    }
