"""Small networks, converted and saved by the real coremltools, and read back from disk."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from skinseg_edge.contract import ModelContract
from skinseg_export.deployed_graph import INPUT_NAME, OUTPUT_NAME, PixelGraph
from skinseg_export.foreign_noise import quiet
from skinseg_export.targets.coreml.mil_reference import Evaluator, MilProgram, load_program

__all__ = ["evaluated", "saved", "saved_module", "saved_network"]


def saved_module(
    module: nn.Module, inputs: Sequence[Tensor], package: Path, *, precision: str = "fp32", ios: int = 17
) -> MilProgram:
    """Return *module* as a program read from *package*, where it was saved; its inputs are `x0`, `x1`, ..."""
    import coremltools as ct

    kinds = {torch.float32: np.float32, torch.int32: np.int32}
    named = [
        ct.TensorType(f"x{place}", shape=tuple(value.shape), dtype=kinds[value.dtype])
        for place, value in enumerate(inputs)
    ]
    with quiet(), torch.no_grad():
        traced = torch.jit.trace(module.eval(), tuple(inputs))  # type: ignore[no-untyped-call]  # torch's is untyped
    return saved(traced, package, precision, ct.target.iOS18 if ios == 18 else ct.target.iOS17, inputs=named)


def saved(network: object, package: Path, precision: str, target: object, **options: Any) -> MilProgram:
    """Convert *network* (a traced module, or MIL's program), save it as *package*, and read that."""
    import coremltools as ct

    with quiet():
        model: Any = ct.convert(
            network,
            convert_to="mlprogram",
            minimum_deployment_target=target,
            compute_precision=ct.precision.FLOAT16 if precision == "fp16" else ct.precision.FLOAT32,
            skip_model_load=True,
            **options,
        )
        model.save(str(package))
    return load_program(package)


def evaluated(program: MilProgram, inputs: Sequence[Tensor]) -> list[NDArray[Any]]:
    """Return what *program* makes of *inputs*, in the order of its outputs."""
    given = {value.value.name: array.numpy() for value, array in zip(program.inputs, inputs, strict=True)}
    results = Evaluator(program).evaluate(given)
    return [results[value.name] for value in program.outputs]


def saved_network(network: nn.Module, contract: ModelContract, package: Path, *, precision: str = "fp16") -> Path:
    """Save *network* as a package that takes an RGB image and gives `probability`, and return *package*."""
    import coremltools as ct

    shape = (1, 3, *contract.input_hw)
    with quiet(), torch.no_grad():
        graph = PixelGraph(network, contract).eval()
        traced = torch.jit.trace(graph, torch.zeros(shape))  # type: ignore[no-untyped-call]  # torch's is untyped
    saved(
        traced,
        package,
        precision,
        ct.target.iOS17,
        inputs=[ct.ImageType(INPUT_NAME, shape=shape, color_layout=ct.colorlayout.RGB)],
        outputs=[ct.TensorType(OUTPUT_NAME, dtype=np.float32)],
    )
    return package
