"""Cross-check of two quantizers: ours and nvidia-modelopt on the same layers, with the same calibration pictures.

Prints two Markdown tables. Masks: Dice at network size to the masks of the trained network, over validation pictures,
in ONNX Runtime on the processor. Scales: how many times theirs ours are, where both read |x| to its largest value; off
1.0 beyond the rounding up to half precision, one of the two is wrong. Without nvidia-modelopt, ours alone.

    pip install -e '.[export,modelopt]'
    python benchmarks/quantizers.py ../shared/data/isic2018 [--model scsonet] [--calibration 64] [--pictures 40]
"""

import argparse
import datetime
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.lines import say
from skinseg_edge import load_checkpoint
from skinseg_edge.contract import ModelContract
from skinseg_edge.datasets.readers import PicturePair, pairs
from skinseg_edge.errors import ToolMissing
from skinseg_edge.image_io import decode
from skinseg_edge.metrics import dice
from skinseg_edge.networks.checkpoint import Checkpoint
from skinseg_edge.networks.quantizable_layers import quantizable_layers
from skinseg_edge.preprocessing import to_network_input
from skinseg_export.half_precision import half_from_single
from skinseg_export.onnx_from_torch import onnx_from_torch
from skinseg_export.quantization.modelopt_quantizer import modelopt_qdq
from skinseg_export.quantization.qdq import convolutions_of, qdq_from_single
from skinseg_export.quantization.ranges import METHODS, Ranges, calibrate
from skinseg_export.torch_engine import TorchEngine
from skinseg_runtime.engines.onnxruntime import OnnxRuntimeEngine

if TYPE_CHECKING:
    from onnx import ModelProto


class Candidate(NamedTuple):
    """A file to look at: who made it, by which calibration, with the rest in which precision, in how many seconds."""

    maker: str
    method: str
    rest: str
    model: "ModelProto"
    seconds: float


def main() -> None:
    """Read the arguments, quantize, measure, print."""
    parser = argparse.ArgumentParser(description="Hold our quantizer against nvidia-modelopt.")
    parser.add_argument("data", type=Path, help="folder with images/, masks/, train.txt and validation.txt")
    parser.add_argument("--model", default="scsonet", help="shipped model or checkpoint file")
    parser.add_argument("--calibration", type=int, default=64, help="training pictures to calibrate with")
    parser.add_argument("--pictures", type=int, default=40, help="validation pictures to compare masks on")
    arguments = parser.parse_args()
    checkpoint = load_checkpoint(arguments.model)
    contract = checkpoint.contract
    training = spread(pairs(arguments.data, arguments.data / "train.txt"), arguments.calibration)
    validation = spread(pairs(arguments.data, arguments.data / "validation.txt"), arguments.pictures)
    calibration, judged = load(training, contract), load(validation, contract)
    single = onnx_from_torch(checkpoint.network, contract).typed_source
    choice = quantizable_layers(checkpoint.network, contract.input_hw)
    layers = tuple(convolutions_of(single, choice.quantizable))
    say(
        f"{checkpoint.source}: {len(layers)} of {len(choice.quantizable) + len(choice.left_alone)} layers, "
        f"{len(calibration)} calibration and {len(judged)} validation pictures; {datetime.date.today()}, "
        f"{platform.machine()} {platform.system()}, ONNX Runtime CPU."
    )
    candidates = [*ours(single, layers, calibration), *theirs(single, layers, calibration)]
    print_masks(candidates, single, checkpoint, judged)
    print_scales(candidates, single, layers)


def spread(chosen: Sequence[PicturePair], count: int) -> Sequence[PicturePair]:
    """Take *count*, evenly."""
    return chosen[:: max(1, len(chosen) // count)][:count]


def load(chosen: Sequence[PicturePair], contract: ModelContract) -> NDArray[np.uint8]:
    """Decode pictures to network size: (N, H, W, 3) uint8 RGB."""
    found = []
    for pair in chosen:
        picture = decode(pair.picture, at_least_hw=contract.input_hw)
        found.append(to_network_input(picture.pixels, contract, photo_hw=picture.full_hw).pixels)
    return np.stack(found)


def ours(single: "ModelProto", layers: Sequence[str], images: NDArray[np.uint8]) -> Iterator[Candidate]:
    """Quantize by this project's calibration, each method, with the rest in fp32 and in half precision."""
    inputs = {node.input[0] for nodes in convolutions_of(single, layers).values() for node in nodes}
    started = time.perf_counter()
    ranges: Ranges = calibrate(single, images, inputs)
    read = time.perf_counter() - started
    for method in METHODS:
        model, seconds = timed(partial(qdq_from_single, single, layers, ranges[method]))
        yield Candidate("skinseg", method, "fp32", model, read + seconds)
        half, more = timed(partial(half_from_single, model))
        yield Candidate("skinseg", method, "fp16", half, read + seconds + more)


def theirs(single: "ModelProto", layers: Sequence[str], images: NDArray[np.uint8]) -> Iterator[Candidate]:
    """Quantize by nvidia-modelopt, if it is there."""
    methods: tuple[Literal["max", "entropy"], ...] = ("max", "entropy")
    rests: tuple[Literal["fp32", "fp16"], ...] = ("fp32", "fp16")
    try:
        for method in methods:
            for rest in rests:
                model, seconds = timed(partial(modelopt_qdq, single, layers, images, method=method, rest=rest))
                yield Candidate("nvidia-modelopt", method, rest, model, seconds)
    except ToolMissing as error:
        say(f"\n{error}")


def timed(make: Callable[[], "ModelProto"]) -> tuple["ModelProto", float]:
    """Return what *make* makes, and its seconds."""
    started = time.perf_counter()
    return make(), time.perf_counter() - started


def print_masks(
    candidates: Sequence[Candidate], single: "ModelProto", checkpoint: Checkpoint, images: NDArray[np.uint8]
) -> None:
    """Print how near each file's masks are to the trained network's."""
    contract = checkpoint.contract
    truth = masks(TorchEngine(checkpoint.network, contract).infer(images), contract)
    say("\n| quantizer | calibration | rest | kB | mean Dice | 5th percentile | worst | seconds |")
    say("|---|---|---|---:|---:|---:|---:|---:|")
    for each in (Candidate("none", "", "fp32", single, 0.0), *candidates):
        engine = OnnxRuntimeEngine(each.model.SerializeToString(), contract)
        found = masks(engine.infer(images), contract)
        dices = np.array([dice(a, b) for a, b in zip(found, truth, strict=True)])
        cells = [each.maker, each.method, each.rest, f"{each.model.ByteSize() / 1000:.0f}", f"{dices.mean():.4f}"]
        cells += [f"{np.percentile(dices, 5):.4f}", f"{dices.min():.4f}", f"{each.seconds:.1f}"]
        say(f"| {' | '.join(cells)} |")


def masks(probability: NDArray[np.float32], contract: ModelContract) -> NDArray[np.bool_]:
    """Return the lesion masks (N, H, W) of probabilities (N, K, H, W)."""
    if len(contract.classes) == 1:
        return probability[:, 0] >= contract.threshold
    return np.isin(probability.argmax(axis=1), contract.lesion_labels)


def print_scales(candidates: Sequence[Candidate], single: "ModelProto", layers: Sequence[str]) -> None:
    """Print our scales by minmax over nvidia-modelopt's by max, of values and of weights."""
    models = {(each.maker, each.method): each.model for each in candidates if each.rest == "fp32"}
    mine, other = models[("skinseg", "minmax")], models.get(("nvidia-modelopt", "max"))
    if other is None:
        return
    nodes = [node.name for each in convolutions_of(single, layers).values() for node in each]
    say("\n| scale of | ours / theirs: lowest | median | highest |\n|---|---:|---:|---:|")
    for position, name in enumerate(("inputs", "weights")):
        a, b = scales(mine, nodes, position), scales(other, nodes, position)
        ratio = np.concatenate([a[node] / b[node] for node in nodes])
        say(f"| {name} | {ratio.min():.5f} | {np.median(ratio):.5f} | {ratio.max():.5f} |")


def scales(model: "ModelProto", nodes: Sequence[str], position: int) -> Mapping[str, NDArray[np.float32]]:
    """Map each convolution to the scales of its input (position 0) or weights (1)."""
    from onnx import numpy_helper

    stored = {weight.name: weight for weight in model.graph.initializer}
    back = {node.output[0]: node for node in model.graph.node if node.op_type == "DequantizeLinear"}
    found = {node.name: back[node.input[position]] for node in model.graph.node if node.name in nodes}
    return {name: np.ravel(numpy_helper.to_array(stored[node.input[1]])) for name, node in found.items()}


if __name__ == "__main__":
    main()
