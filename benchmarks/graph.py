"""What fusing spares a network: nodes, time in ONNX Runtime, kernels of a TensorRT-RTX engine.

Three forms in turn in one process: the graph as onnxsim leaves it under ONNX Runtime's own layout (the plain export),
the same in the layout that suits the network, and the fused graph as it is deployed. Median of processor time, which
other programs disturb less, and of wall time. dp: the largest |dp| to the plain export over drawn pictures and noise.
Kernels: in the text of an engine, built here without a GPU and run nowhere. The goal is printed as held or FAIL.

    pip install -e '.[export]'
    python benchmarks/graph.py scsonet [NETWORK ...] [--repeats 51] [--threads 1] [--engines]

A shipped model is measured with its weights, every other network of the registry with fresh ones.
"""

import argparse
import datetime
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from skinseg_edge import load_checkpoint
from skinseg_edge.contract import ModelContract
from skinseg_edge.datasets.synthetic_lesions import draw
from skinseg_edge.errors import InputError
from skinseg_edge.networks import create
from skinseg_export.graph_fusion import PASSES, fused
from skinseg_export.onnx_from_torch import onnx_from_torch
from skinseg_runtime.engines.onnxruntime import OnnxRuntimeEngine

if TYPE_CHECKING:
    from onnx import ModelProto

_COMPUTE_CAPABILITIES = ("8.6",)
_WARM_UP = 3
_MOST_NODES, _MOST_TIME, _MOST_ERROR = 300, 0.6, 1e-5
_LAYOUT = "skinseg.layout"


class Timing(NamedTuple):
    """Medians of one inference, ms: on the wall, and of the processor."""

    wall_ms: float
    processor_ms: float


def main() -> None:
    """Read the arguments, export, fuse, measure, print."""
    parser = argparse.ArgumentParser(description="Hold the fused graph against the plain export.")
    parser.add_argument("networks", nargs="+", help="networks of the registry")
    parser.add_argument("--repeats", type=int, default=51, help="inferences of each form")
    parser.add_argument("--threads", type=int, default=1, help="threads of ONNX Runtime")
    parser.add_argument("--engines", action="store_true", help="build TensorRT-RTX engines and count their kernels")
    arguments = parser.parse_args()
    say(f"{datetime.date.today()}, {platform.machine()} {platform.system()}, threads: {arguments.threads}\n")
    say(
        "| network | nodes | fused | processor ms | in its layout | fused | ratio | wall ms | in its layout | fused | "
        "ratio | max abs dp | kernels | fused | goal |"
    )
    say("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|")
    found = {
        name: row(name, arguments.repeats, arguments.threads, engines=arguments.engines) for name in arguments.networks
    }
    say("\n| pass | " + " | ".join(found) + " | spares |\n|---|" + "---:|" * len(found) + "---|")
    for each in PASSES:
        counts = " | ".join(str(rewritten[each.name]) for rewritten in found.values())
        say(f"| {each.name} | {counts} | {each.reason} |")


def row(name: str, repeats: int, threads: int, *, engines: bool) -> dict[str, int]:
    """Print the figures of one network; return how often each pass found its pattern."""
    network, contract = network_of(name)
    suited = onnx_from_torch(network, contract, fuse=False).model
    outcome = fused(suited)
    forms = (without_layout(suited), suited, outcome.model)
    opened = [OnnxRuntimeEngine(each.SerializeToString(), contract, threads=threads) for each in forms]
    images = pictures(contract)
    error = max(float(np.abs(opened[2].infer(image) - opened[0].infer(image)).max()) for image in images)
    timings = in_turn([engine.infer for engine in opened], images[0], repeats)
    nodes = [len(suited.graph.node), len(outcome.model.graph.node)]
    cells = [name, *(str(count) for count in nodes)]
    for figures in zip(*timings, strict=True):  # the processor's last in Timing, first in the table
        cells[3:3] = [*(f"{figure:.1f}" for figure in figures), f"{figures[2] / figures[0]:.2f}"]
    kernels = [str(kernel_count(each)) if engines else "" for each in (suited, outcome.model)]
    is_fast = timings[2].processor_ms <= _MOST_TIME * timings[0].processor_ms
    is_held = (nodes[1] <= _MOST_NODES or is_fast) and error <= _MOST_ERROR
    say(f"| {' | '.join([*cells, f'{error:.1e}', *kernels, 'held' if is_held else 'FAIL'])} |")
    return outcome.rewritten


def network_of(name: str) -> tuple[nn.Module, ModelContract]:
    """Return a shipped network, else one with fresh weights and the shipped contract."""
    try:
        checkpoint = load_checkpoint(name)
    except InputError:
        torch.manual_seed(0)
        return create(name), load_checkpoint("scsonet").contract
    return checkpoint.network, checkpoint.contract


def without_layout(model: "ModelProto") -> "ModelProto":
    """Return a copy of *model* that leaves the memory layout to ONNX Runtime."""
    copy = type(model)()
    copy.CopyFrom(model)
    for place in reversed(range(len(copy.metadata_props))):
        if copy.metadata_props[place].key == _LAYOUT:
            del copy.metadata_props[place]
    return copy


def pictures(contract: ModelContract) -> list[NDArray[np.uint8]]:
    """Return drawn lesions and noise, each (1, H, W, 3) uint8 RGB."""
    drawn = [np.asarray(draw(seed, contract.input_hw).photo[None]) for seed in range(4)]
    rng = np.random.default_rng(0)
    return [*drawn, *(rng.integers(0, 256, (1, *contract.input_hw, 3), np.uint8) for _ in range(2))]


def in_turn(
    runs: Sequence[Callable[[NDArray[np.uint8]], object]], image: NDArray[np.uint8], repeats: int
) -> list[Timing]:
    """Time each of *runs* in turn."""
    took: list[list[Timing]] = [[] for _ in runs]
    for _ in range(_WARM_UP + repeats):
        for run, seen in zip(runs, took, strict=True):
            wall, processor = time.perf_counter(), time.process_time()
            run(image)
            seen.append(Timing(1000 * (time.perf_counter() - wall), 1000 * (time.process_time() - processor)))
    return [Timing(*map(statistics.median, zip(*seen[_WARM_UP:], strict=True))) for seen in took]


def kernel_count(model: "ModelProto") -> int | None:
    """Build an engine of *model* and count the kernels that its text names; None if it does not tell."""
    from skinseg_export.targets.tensorrt.engine_text import read_engine_text
    from skinseg_export.targets.tensorrt.rtx_builder import build_engine

    text = read_engine_text(build_engine(model.SerializeToString(), _COMPUTE_CAPABILITIES).data)
    return None if text is None else len(text.kernels)


def say(line: str) -> None:
    """Print *line* at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
