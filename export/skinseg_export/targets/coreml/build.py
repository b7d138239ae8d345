"""Build the Core ML package: an ML program that takes an RGB image and gives probabilities and a map of classes."""

import copy
import traceback
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import InputError, ToolMissing
from skinseg_export.deployed_graph import INPUT_NAME, OUTPUT_NAME
from skinseg_export.foreign_noise import quiet
from skinseg_export.network_shapes import check_network_shapes
from skinseg_export.targets.coreml.compression import compressed
from skinseg_export.targets.coreml.description import describe
from skinseg_export.targets.coreml.exact_scales import passes_with_exact_scales
from skinseg_export.targets.coreml.options import CoremlOptions, enumerated_sizes
from skinseg_export.targets.coreml.program_graph import CLASS_MAP_NAME, ProgramGraph
from skinseg_export.targets.coreml.reproducible import settle
from skinseg_export.targets.coreml.w8a8 import network_in_eight_bits

__all__ = ["coreml_version", "mlpackage_from_torch"]

_PLAIN = CoremlOptions()
_SAME = 1e-4  # logits and probabilities of a trace and of the network at another size: the same sums in another order


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
    kept: Collection[str] = (),
) -> None:
    """Write the .mlpackage of *network* (logits out), which is left as it is, to *folder*, which must not exist.

    The normalisation is part of the program, so the app hands over plain pixels. Outputs: `probability`, (1, K, H, W)
    float32, and `class_map`, (1, H, W) int32. *metadata* is stored under `skinseg.`.
    *calibration*: pictures as the network sees them, (H, W, 3) uint8 RGB of the contract's input_hw; w8a8 needs them.
    *kept*: names of values, as a conversion in fp32 gives them, that stay in float32 because half precision cannot hold
    them; `skinseg_export.targets.coreml.reach` finds them, and a package made without may hold infinities.
    The same network, options and texts give the same bytes: `skinseg_export.targets.coreml.reproducible`.

    Raises InputError if coremltools cannot express an operation, the network cannot take a size of options.sizes, or
    w8a8 lacks pictures; ToolMissing without coremltools.
    """
    _coremltools()
    sizes = enumerated_sizes(options, contract)
    _check_sizes(network, contract, options.sizes)
    if options.precision == "w8a8":
        own = network_in_eight_bits(network, contract, calibration)
    else:
        own = copy.deepcopy(network)
    graph = ProgramGraph(own, contract, half=options.precision != "fp32").eval()
    called = type(network).__name__
    model = compressed(_converted(graph, sizes, options, called, kept), options.precision)
    describe(model, contract, options.precision, sizes, name=name, metadata=metadata or {})
    with quiet():
        model.save(str(folder))
    settle(folder)


def _check_sizes(network: nn.Module, contract: ModelContract, sizes: Sequence[tuple[int, int]]) -> None:
    if not sizes:
        return
    still = copy.deepcopy(network).eval()
    for size in sizes:
        check_network_shapes(still, replace(contract, input_hw=size), name=type(network).__name__)


def _converted(
    graph: ProgramGraph, sizes: Sequence[tuple[int, int]], options: CoremlOptions, called: str, kept: Collection[str]
) -> Any:
    ct = _coremltools()
    shapes = [(1, 3, *size) for size in sizes]
    compute = ct.precision.FLOAT32 if options.precision == "fp32" else _half_but(ct, frozenset(kept))
    with quiet(), torch.no_grad():
        try:
            return ct.convert(
                _traced(graph, shapes, called),
                convert_to="mlprogram",
                inputs=[ct.ImageType(INPUT_NAME, shape=_shape(ct, shapes), color_layout=ct.colorlayout.RGB)],
                outputs=[ct.TensorType(OUTPUT_NAME, dtype=np.float32), ct.TensorType(CLASS_MAP_NAME, dtype=np.int32)],
                minimum_deployment_target=getattr(ct.target, f"iOS{options.ios}"),
                compute_precision=compute,
                pass_pipeline=passes_with_exact_scales(),
                skip_model_load=True,
            )
        except InputError:
            raise
        except Exception as error:  # coremltools raises whatever its converters stumble over
            # A failed conversion leaves a temporary folder behind in its frames; let it go while all is quiet.
            traceback.clear_frames(error.__traceback__)
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            advice = "; make a package for each size" if len(sizes) > 1 else ""
            raise InputError(f"cannot convert {called} to Core ML: {reason[:300]}{advice}") from error


def _half_but(ct: Any, kept: frozenset[str]) -> Any:
    return ct.transform.FP16ComputePrecision(
        op_selector=lambda operation: kept.isdisjoint(output.name for output in operation.outputs)
    )


def _shape(ct: Any, shapes: Sequence[tuple[int, ...]]) -> Any:
    return shapes[0] if len(shapes) == 1 else ct.EnumeratedShapes(shapes=shapes, default=shapes[0])


def _traced(graph: ProgramGraph, shapes: Sequence[tuple[int, ...]], called: str) -> Any:
    """Trace *graph* at the first shape and make sure that the others go through the trace as through the network."""
    traced: Any = torch.jit.trace(graph, torch.zeros(shapes[0]))  # type: ignore[no-untyped-call]  # untyped in torch
    for shape in shapes[1:]:
        pixels = torch.linspace(0, 255, int(np.prod(shape))).reshape(shape)
        expected = graph(pixels)[0]
        if not _agrees(traced, pixels, expected):
            raise InputError(
                f"cannot convert {called} to Core ML for pictures of {shape[2]} x {shape[3]} (rows x columns): traced "
                f"at {shapes[0][2]} x {shapes[0][3]} it computes something else there; make a package for each size"
            )
    return traced


def _agrees(traced: Any, pixels: Tensor, expected: Tensor) -> bool:
    try:
        probability: Tensor = traced(pixels)[0]
    except RuntimeError:  # a size that the trace froze
        return False
    return probability.shape == expected.shape and float((probability - expected).abs().max()) <= _SAME


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
