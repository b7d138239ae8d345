"""A real graph with one layer that INT8 destroys: sensitivity names it, and the walk restores it and no other.

Three convolutions are quantized by ONNX Runtime's own pairs, calibrated on drawn lesions.
"""

from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray

from skinseg_edge.datasets.synthetic_lesions import draw
from skinseg_edge.metrics import dice
from skinseg_edge.preprocessing import to_network_input
from skinseg_export.deployed_graph import INPUT_NAME, OUTPUT_NAME
from skinseg_export.onnx_from_torch import onnx_from_torch
from skinseg_export.quantization.qdq import convolutions_of, qdq_from_single, weights_of
from skinseg_export.quantization.ranges import calibrate
from skinseg_export.quantization.sensitivity import Sensitivity, Trial, measure_sensitivity
from skinseg_export.quantization.walk import Verdict, walk
from skinseg_export.torch_engine import TorchEngine
from tests.export.darkness import CONTRACT
from tests.export.quantization.planted import CHANNELS, LAYERS, Planted


def pictures(seeds: range) -> NDArray[np.uint8]:
    photos = [draw(seed, (120, 160)).photo for seed in seeds]
    return np.stack([to_network_input(photo, CONTRACT).pixels for photo in photos])


def masks_of(model: onnx.ModelProto, images: NDArray[np.uint8]) -> NDArray[np.bool_]:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    answers = [np.asarray(session.run([OUTPUT_NAME], {INPUT_NAME: image[None]})[0]) for image in images]
    return np.asarray(np.concatenate(answers)[:, 0] >= CONTRACT.threshold)  # (N, 1, H, W) -> (N, H, W)


def mean_dice(ours: NDArray[np.bool_], theirs: NDArray[np.bool_]) -> float:
    return float(np.mean([dice(*pair) for pair in zip(ours, theirs, strict=True)]))


@pytest.fixture(scope="module")
def planted() -> tuple[onnx.ModelProto, Trial]:
    network = Planted().eval()
    single = onnx_from_torch(network, CONTRACT).model
    values = [nodes[0].input[0] for nodes in convolutions_of(single, LAYERS).values()]
    reaches = calibrate(single, pictures(range(8)), values)["minmax"]
    judged = pictures(range(100, 108))
    trained = TorchEngine(network, CONTRACT).infer(judged)[:, 0] >= CONTRACT.threshold
    assert 0.01 < trained.mean() < 0.9  # there is a mask to lose

    def trial(quantized: frozenset[str]) -> float:
        model = qdq_from_single(single, quantized, reaches)
        return mean_dice(masks_of(model, judged), trained)

    return single, trial


@pytest.fixture(scope="module")
def sensitivity(planted: tuple[onnx.ModelProto, Trial]) -> Sensitivity:
    single, trial = planted
    return measure_sensitivity(LAYERS, trial, weights_of(single, LAYERS))


def test_sensitivity_names_the_layer_that_int8_destroys(sensitivity: Sensitivity) -> None:
    assert sensitivity.none_dice > 0.999
    assert sensitivity.all_dice < 0.5
    assert sensitivity.ranking[0] == "loud"
    first, *others = sensitivity.sorted_layers
    assert first.loss_alone > 0.5
    assert first.gain_restored > 0.5
    assert all(each.share < 0.01 for each in others)
    assert first.weights == (CHANNELS + 1) * CHANNELS * 9


@pytest.mark.parametrize("limit", [0.95, 0.985])
def test_the_walk_restores_that_layer_and_no_other(
    planted: tuple[onnx.ModelProto, Trial], sensitivity: Sensitivity, limit: float
) -> None:
    passes = _gate(planted[1], limit)
    result = walk(LAYERS, sensitivity, passes)
    assert result.restored == ("loud",)
    assert result.quantized == {"before", "after"}
    assert "Restored 1 of 3 layers to half precision: loud, because" in result.story()


def _gate(trial: Trial, limit: float) -> Callable[[frozenset[str]], Verdict]:
    def gate(quantized: frozenset[str]) -> Verdict:
        reached = trial(quantized)
        return Verdict(reached >= limit, reached, "" if reached >= limit else f"mean Dice {reached:.4f} is too low")

    return gate
