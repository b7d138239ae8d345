"""Hold the ONNX files against the torch network; a failure names the picture and the first layer that differs.

fp32 runs in ONNX Runtime, through the engine that devices use. Half precision runs in true half arithmetic, because
ONNX Runtime's CPU computes such files in fp32.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import ParityFailed
from skinseg_export.gates import replay_gates
from skinseg_export.golden import Golden
from skinseg_export.half_evaluation import HalfEngine, half_values
from skinseg_export.half_precision import half_value_names, kept_names
from skinseg_export.layer_values import Divergence, can_be_compared, first_divergence, single_values, torch_values
from skinseg_export.onnx_from_torch import OnnxExport, check_model
from skinseg_export.parity import HALF, SINGLE, PictureFigures, Tolerances, compare, named_pictures, noise_pictures
from skinseg_export.range_scan import SAFE_REACH, RangeScan, value_reaches
from skinseg_export.targets.onnx.build import HALF_PATH, SINGLE_PATH
from skinseg_runtime.engines import Engine
from skinseg_runtime.engines.onnxruntime import OnnxRuntimeEngine

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["Checks", "verify_half", "verify_single"]

# Where a wrong weight or operator begins, values differ at once by far more than rounding ever adds up to.
_SINGLE_LAYER_ERROR = 1e-3
_HALF_LAYER_ERROR = 5e-2
_TOSS_UP = 1e-3  # largest distance from a gate, relative to its layer, that rounding explains
_REACH_PICTURES = 2
_TOO_LARGE = "; which layer differs first was not looked for: their values would take more than 4 GiB"

Checks = dict[str, float | str | bool]


def verify_single(
    export: OnnxExport,
    contract: ModelContract,
    reference: Engine,
    golden: Sequence[Golden],
    allowed: Tolerances = SINGLE,
    *,
    noise: Sequence[NDArray[np.uint8]] | None = None,
    threads: int | None = None,
) -> Checks:
    """Return the figures of the fp32 file on golden and on random pictures.

    *noise*: the latter, (H, W, 3) uint8 RGB at network size; None takes `noise_pictures`. *threads*: as for
    `OnnxRuntimeEngine`.

    Raises ParityFailed naming the picture and the first layer whose values differ from torch's.
    """
    check_model(export.model)
    noise = noise_pictures(contract) if noise is None else noise
    engine = OnnxRuntimeEngine(export.model.SerializeToString(), contract, source=SINGLE_PATH, threads=threads)
    parity = compare(engine, reference, contract, golden, noise)
    pictures = named_pictures(contract, golden, noise)
    flips = 0
    for figures in parity.pictures:
        excess = figures.excess(allowed)
        if excess is not None and not can_be_compared(export.model):
            raise ParityFailed(f"cannot accept {SINGLE_PATH}: on {figures.name} its {excess}{_TOO_LARGE}")
        if excess is not None:
            tossed = _toss_ups(export, figures, pictures[figures.name])
            if tossed is None:
                ours = single_values(export.model, pictures[figures.name])
                theirs = torch_values(export.program, pictures[figures.name])
                divergence = first_divergence(export.model, ours, theirs, _SINGLE_LAYER_ERROR)
                raise ParityFailed(f"cannot accept {SINGLE_PATH}: on {figures.name} its {excess}{_where(divergence)}")
            flips += tossed
    return {**parity.checks(), "gate_toss_ups": flips}


def verify_half(
    half: "ModelProto",
    single: "ModelProto",
    contract: ModelContract,
    reference: Engine,
    golden: Sequence[Golden],
    allowed: Tolerances = HALF,
    *,
    scan: RangeScan | None = None,
    engine: Engine | None = None,
) -> Checks:
    """Return the figures of the half-precision file in true half arithmetic, and how far its values reach.

    *half* may be quantized, *single* then is its fp32 form. What the file itself keeps in fp32 may reach any number.
    *scan*: of *single*, where it ran the golden pictures already; None runs the first two for their reach. *engine*: a
    HalfEngine of *half*; None opens one.

    Raises ParityFailed naming the picture and the first layer whose values left those of the fp32 file, or the layer
    computed in half whose values come near the end of half's range.
    """
    check_model(half)
    OnnxRuntimeEngine(half.SerializeToString(), contract, source=HALF_PATH).close()  # it loads where it shall run
    pictures = named_pictures(contract, golden)
    layer, reach = _reach(half, single, list(pictures.values())[:_REACH_PICTURES], scan)
    if not reach <= SAFE_REACH:
        raise ParityFailed(
            f"cannot accept {HALF_PATH}: values of layer {layer} reach {reach:.3g}, allowed {SAFE_REACH:g} "
            "(half precision ends at 65504); export with --precision fp32"
        )
    parity = compare(engine or HalfEngine(half, contract), reference, contract, golden)

    def where(picture: str) -> str:
        if not can_be_compared(single):
            return _TOO_LARGE
        image = pictures[picture]
        return _where(first_divergence(half, half_values(half, image), single_values(single, image), _HALF_LAYER_ERROR))

    parity.check(HALF_PATH, allowed, where)
    reached: Checks = {"largest_value": float(f"{reach:.4g}"), "largest_value_layer": layer}
    return {**parity.checks(), "arithmetic": "true half", **reached, "kept_fp32": kept_names(half)}


def _toss_ups(export: OnnxExport, figures: PictureFigures, image: NDArray[np.uint8]) -> int | None:
    """Return how many gates rounding decided differently if that explains the error, None if it does not.

    0 is an answer, too: then the flip was in the reference's own run, and the replay agrees without one.
    """
    if figures.excess(HALF) is not None:
        return None
    replay = replay_gates(export.model, export.program, image)
    explained = replay.margin <= _TOSS_UP and replay.max_error <= SINGLE.max_error
    return replay.flips if explained else None


def _reach(
    half: "ModelProto", single: "ModelProto", images: Sequence[NDArray[np.uint8]], scan: RangeScan | None
) -> tuple[str, float]:
    """Return the layer whose fp32 values reach farthest, and how far: of those that half arithmetic holds.

    As *scan* found it, without one on *images*. Of equal ones the first in the order of computation.
    """
    from onnx import TensorProto

    in_half = half_value_names(half)
    casts = (node for node in half.graph.node if node.op_type == "Cast" and node.attribute[0].i == TensorProto.FLOAT16)
    held = in_half.union(node.input[0] for node in casts)
    makers = {name: node.name for node in single.graph.node for name in node.output}
    reaches: Mapping[str, float]
    if scan is None:
        by_value = value_reaches(single, images, held)
        reaches = {makers.get(name, ""): reach for name, reach in by_value.items()}
    else:
        layers = {makers[name] for name in held if name in makers}
        reaches = {layer: reach for layer, reach in scan.reaches.items() if layer in layers}
    return max(reaches.items(), key=lambda pair: pair[1], default=("", 0.0))


def _where(divergence: Divergence | None) -> str:
    return f"; the first layer that differs is {divergence}" if divergence else "; no single layer differs by much"
