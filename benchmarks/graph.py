"""What the passes of `skinseg_export.graph_fusion` spare a network: nodes, time in ONNX Runtime, engine kernels.

Prints Markdown tables: the graph as onnxsim leaves it against the fused one. Time: one process on one thread, the two
in turn, median; wall clock, and processor time, which other programs on the machine disturb less. dp: the largest |dp|
over drawn pictures and noise. Kernels: in the text of a TensorRT-RTX engine (with --engines), built here, run nowhere.

    pip install -e '.[export]'
    python benchmarks/graph.py scsonet [CHECKPOINT ...] [--repeats 51] [--engines]
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
from numpy.typing import NDArray

from skinseg_edge import load_checkpoint
from skinseg_edge.contract import ModelContract
from skinseg_edge.datasets.synthetic_lesions import draw
from skinseg_export.graph_fusion import PASSES, fused
from skinseg_export.onnx_from_torch import onnx_from_torch
from skinseg_runtime.engines.onnxruntime import OnnxRuntimeEngine

if TYPE_CHECKING:
    from onnx import ModelProto

_COMPUTE_CAPABILITIES = ("8.6",)
_WARM_UP = 3


class Timing(NamedTuple):
    """Medians of one inference, ms: on the wall, and of the processor."""

    wall_ms: float
    processor_ms: float


def main() -> None:
    """Read the arguments, export, fuse, measure, print."""
    parser = argparse.ArgumentParser(description="Hold the fused graph against onnxsim's.")
    parser.add_argument("models", nargs="+", help="shipped models or checkpoint files")
    parser.add_argument("--repeats", type=int, default=51, help="inferences of each graph")
    parser.add_argument("--engines", action="store_true", help="build TensorRT-RTX engines and count their kernels")
    arguments = parser.parse_args()
    say(f"{datetime.date.today()}, {platform.machine()} {platform.system()}, ONNX Runtime CPU, 1 thread.\n")
    say(
        "| network | nodes | fused | ms | fused | ratio | processor ms | fused | ratio | max abs dp | kernels | fused |"
    )
    say("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    found = dict(row(model, arguments.repeats, engines=arguments.engines) for model in arguments.models)
    say("\n| pass | " + " | ".join(found) + " | spares |\n|---|" + "---:|" * len(found) + "---|")
    for each in PASSES:
        counts = " | ".join(str(rewritten[each.name]) for rewritten in found.values())
        say(f"| {each.name} | {counts} | {each.reason} |")


def row(name: str, repeats: int, *, engines: bool) -> tuple[str, dict[str, int]]:
    """Print the figures of one network; return its name, and how often each pass found its pattern."""
    checkpoint = load_checkpoint(name)
    plain = onnx_from_torch(checkpoint.network, checkpoint.contract, fuse=False).model
    outcome = fused(plain)
    pair = (plain, outcome.model)
    opened = [OnnxRuntimeEngine(each.SerializeToString(), checkpoint.contract, threads=1) for each in pair]
    images = pictures(checkpoint.contract)
    error = max(float(np.abs(opened[1].infer(image) - opened[0].infer(image)).max()) for image in images)
    before, after = in_turn([engine.infer for engine in opened], images[0], repeats)
    kernels = [str(kernel_count(each)) if engines else "" for each in pair]
    cells = [checkpoint.network_name, *(str(len(each.graph.node)) for each in pair)]
    for old, new in zip(before, after, strict=True):
        cells += [f"{old:.1f}", f"{new:.1f}", f"{new / old:.2f}"]
    say(f"| {' | '.join([*cells, f'{error:.1e}', *kernels])} |")
    return checkpoint.network_name, outcome.rewritten


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
