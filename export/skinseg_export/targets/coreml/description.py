"""What a Core ML package says about itself: to the reader of its page in Xcode, to the preview there, to programs."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from skinseg_edge._version import __version__
from skinseg_edge.class_colours import class_colours
from skinseg_edge.contract import ModelContract
from skinseg_export.deployed_graph import INPUT_NAME, OUTPUT_NAME
from skinseg_export.targets.coreml.options import CoremlPrecision
from skinseg_export.targets.coreml.program_graph import CLASS_MAP_NAME, class_names

__all__ = ["describe", "own_entries", "recommended_compute_units"]

_PREVIEW = "com.apple.coreml.model.preview"
_LICENCE = (
    "Apache-2.0 for the code that made the program; the weights' own licence stands in the bundle's MODEL_CARD.md"
)


def describe(
    model: Any,
    contract: ModelContract,
    precision: CoremlPrecision,
    sizes: Sequence[tuple[int, int]],
    *,
    name: str,
    metadata: Mapping[str, str],
) -> None:
    """Fill the description of a coremltools *model*.

    *sizes*: every (rows, columns) that it takes. *metadata* is stored under `skinseg.`, beside the contract, the
    precision and the recommended compute units, which it may replace.
    """
    classes = ", ".join(contract.classes)
    model.short_description = f"{name}: {classes}. Not a medical device."
    model.author = "skinseg-edge"
    model.license = _LICENCE
    model.version = __version__
    model.input_description[INPUT_NAME] = f"RGB picture, {_pixels(sizes)}, resized by {contract.resize}"
    model.output_description[OUTPUT_NAME] = (
        f"probability of {classes}, (1, {len(contract.classes)}, {_shape(sizes)}), 0 to 1; {_decision(contract)}"
    )
    numbered = ", ".join(f"{number} {label}" for number, label in enumerate(class_names(contract)))
    model.output_description[CLASS_MAP_NAME] = f"class of each pixel, (1, {_shape(sizes)}), whole numbers: {numbered}"
    for key, value in {**own_entries(contract, precision), **_prefixed(metadata)}.items():
        model.user_defined_metadata[key] = value


def recommended_compute_units(precision: CoremlPrecision) -> str:
    """Return the name of the compute units to load a package with; the Neural Engine computes in float16 only."""
    return "CPU_AND_GPU" if precision == "fp32" else "ALL"


def own_entries(contract: ModelContract, precision: CoremlPrecision) -> dict[str, str]:
    """Return what every package says for programs: to Xcode's preview, and under `skinseg.`."""
    labels = class_names(contract)
    colours = ["#" + bytes(colour).hex().upper() for colour in class_colours(len(labels))]
    own = {
        "contract": json.dumps(contract.to_json(), sort_keys=True),
        "precision": precision,
        "compute_units": recommended_compute_units(precision),
    }
    return {
        f"{_PREVIEW}.type": "imageSegmenter",
        f"{_PREVIEW}.params": json.dumps({"labels": labels, "colors": colours}),
        **_prefixed(own),
    }


def _prefixed(entries: Mapping[str, str]) -> dict[str, str]:
    return {f"skinseg.{key}": value for key, value in entries.items()}


def _pixels(sizes: Sequence[tuple[int, int]]) -> str:
    return " or ".join(f"{width} x {height}" for height, width in sizes) + " px"


def _shape(sizes: Sequence[tuple[int, int]]) -> str:
    return f"{sizes[0][0]}, {sizes[0][1]}" if len(sizes) == 1 else "rows, columns"


def _decision(contract: ModelContract) -> str:
    if contract.is_binary:
        return f"a pixel belongs to it from {contract.threshold:g}"
    lesions = ", ".join(contract.classes[index] for index in contract.lesion_indices)
    return f"a pixel belongs to the class that has the highest; lesion: {lesions}"
