"""Build the Core ML package: an ML program for iOS 17 whose input is an RGB image and whose output is `probability`."""

import json
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import InputError, ToolMissing
from skinseg_export.deployed_graph import INPUT_NAME, OUTPUT_NAME, PixelGraph
from skinseg_export.foreign_noise import quiet
from skinseg_export.targets.coreml.options import CoremlOptions

__all__ = ["coreml_version", "mlpackage_from_torch"]

_PLAIN = CoremlOptions()


def coreml_version() -> str | None:
    """Return the version of the installed coremltools, None without it."""
    try:
        return str(_coremltools().__version__)
    except ToolMissing:
        return None


def mlpackage_from_torch(
    network: nn.Module,
    contract: ModelContract,
    folder: Path,
    options: CoremlOptions = _PLAIN,
    *,
    name: str = "lesion segmentation",
    metadata: Mapping[str, str] | None = None,
    calibration: Iterable[NDArray[np.uint8]] = (),
) -> None:
    """Write the .mlpackage of *network* (logits out) to *folder*, which must not exist.

    The normalisation is part of the program, so the app hands over plain pixels. *metadata* is stored under `skinseg.`.
    *calibration*: pictures as the network sees them, (H, W, 3) uint8 RGB of the contract's input_hw; w8a8 needs them.

    Raises InputError if coremltools cannot express an operation, ToolMissing without coremltools.
    """
    model = _converted(network, contract, options.precision)
    _describe(model, contract, name, {"precision": options.precision, **(metadata or {})})
    with quiet():
        model.save(str(folder))
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)  # coremltools leaves one file readable by its owner only


def _converted(network: nn.Module, contract: ModelContract, precision: str) -> Any:
    ct = _coremltools()
    graph = PixelGraph(network, contract).eval()
    height, width = contract.input_hw
    compute = ct.precision.FLOAT16 if precision == "fp16" else ct.precision.FLOAT32
    with quiet(), torch.no_grad():
        try:
            return ct.convert(
                torch.jit.trace(graph, torch.zeros(1, 3, height, width)),  # type: ignore[no-untyped-call]  # untyped
                convert_to="mlprogram",
                inputs=[ct.ImageType(INPUT_NAME, shape=(1, 3, height, width), color_layout=ct.colorlayout.RGB)],
                outputs=[ct.TensorType(OUTPUT_NAME, dtype=np.float32)],
                minimum_deployment_target=ct.target.iOS17,
                compute_precision=compute,
                skip_model_load=True,
            )
        except Exception as error:  # coremltools raises whatever its converters stumble over
            # A failed conversion leaves a temporary folder behind in its frames; let it go while all is quiet.
            traceback.clear_frames(error.__traceback__)
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            raise InputError(f"cannot convert {type(network).__name__} to Core ML: {reason[:300]}") from error


def _describe(model: Any, contract: ModelContract, name: str, metadata: Mapping[str, str]) -> None:
    height, width = contract.input_hw
    classes = ", ".join(contract.classes)
    model.short_description = f"{name}: {classes}. Not a medical device."
    model.author = "skinseg-edge"
    model.input_description[INPUT_NAME] = f"RGB picture, {width} x {height} px, resized by {contract.resize}"
    model.output_description[OUTPUT_NAME] = (
        f"probability of {classes}, (1, {len(contract.classes)}, {height}, {width}), 0 to 1; " + _decision(contract)
    )
    entries = {"contract": json.dumps(contract.to_json(), sort_keys=True), "compute_units": "ALL", **metadata}
    for key, value in entries.items():
        model.user_defined_metadata[f"skinseg.{key}"] = value


def _decision(contract: ModelContract) -> str:
    if contract.is_binary:
        return f"a pixel belongs to it from {contract.threshold:g}"
    lesions = ", ".join(contract.classes[index] for index in contract.lesion_indices)
    return f"a pixel belongs to the class that has the highest; lesion: {lesions}"


def _coremltools() -> Any:
    try:
        with quiet():
            import coremltools
    except ImportError as error:
        raise ToolMissing(
            "cannot make a Core ML package: coremltools is not installed; run pip install 'skinseg-edge[coreml]' "
            "(x86-64 Linux and macOS)"
        ) from error
    return coremltools
