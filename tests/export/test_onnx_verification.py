"""What happens to an ONNX file that is not the network: the picture and the layer are named."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from onnx import ModelProto, numpy_helper

from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import ParityFailed
from skinseg_edge.image_io import decode, encode_png
from skinseg_edge.preprocessing import to_network_input
from skinseg_export import layer_values
from skinseg_export.gates import replay_gates
from skinseg_export.golden import Golden
from skinseg_export.half_precision import half_from_single, kept_names
from skinseg_export.layer_values import (
    can_be_compared,
    first_divergence,
    single_values,
    torch_values,
)
from skinseg_export.onnx_from_torch import OnnxExport, onnx_from_torch
from skinseg_export.targets.onnx.build import onnx_files
from skinseg_export.targets.onnx.verify import verify_half, verify_single
from skinseg_export.torch_engine import TorchEngine
from skinseg_runtime import Segmenter
from tests.export.darkness import CONTRACT, Darkness, Gate

# A red value of 128 lies on the gate's threshold but for rounding.
_GATE_CONTRACT = ModelContract(input_hw=(128, 128), mean=(128 / 255, 0.5, 0.5))


def _changed(model: ModelProto, weight: str, by: float) -> ModelProto:
    """Return *model* with *by* added to the first number of *weight*."""
    other = ModelProto()
    other.CopyFrom(model)
    tensor = next(tensor for tensor in other.graph.initializer if tensor.name.endswith(weight))
    values = numpy_helper.to_array(tensor).copy()
    values.flat[0] += by
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    return other


def test_the_exported_file_agrees_with_torch(
    exported: OnnxExport, reference: TorchEngine, golden: tuple[Golden, ...]
) -> None:
    checks = verify_single(exported, CONTRACT, reference, golden)

    assert isinstance(checks["max_error"], float)
    assert checks["max_error"] <= 1e-6
    assert checks["dice"] == 1
    assert checks["gate_toss_ups"] == 0


def test_a_changed_weight_is_found_in_its_layer(
    exported: OnnxExport, reference: TorchEngine, golden: tuple[Golden, ...]
) -> None:
    broken = OnnxExport(_changed(exported.model, "network.blur.weight", 0.05), exported.program)

    with pytest.raises(
        ParityFailed, match=r"model.onnx: on golden/01 its max .* first layer that differs is network/blur/Conv_\d+ "
    ):
        verify_single(broken, CONTRACT, reference, golden)


def test_half_precision_agrees_within_its_tolerance(
    exported: OnnxExport, reference: TorchEngine, golden: tuple[Golden, ...]
) -> None:
    checks = verify_half(half_from_single(exported.model), exported.model, CONTRACT, reference, golden)

    assert isinstance(checks["average_error"], float)
    assert 0 < checks["average_error"] < 1e-3
    assert checks["arithmetic"] == "true half"


def test_a_changed_half_weight_is_found_in_its_layer(
    exported: OnnxExport, reference: TorchEngine, golden: tuple[Golden, ...]
) -> None:
    broken = _changed(half_from_single(exported.model), "network.head.weight.half", 3)

    with pytest.raises(ParityFailed, match=r"on golden/01 .* first layer that differs is network/head/Conv_\d+ "):
        verify_half(broken, exported.model, CONTRACT, reference, golden)


def _loud(factor: float) -> Darkness:
    """Return a network whose middle is *factor* times as large and whose answer is that of Darkness."""
    network = Darkness()
    with torch.no_grad():
        network.blur.weight.mul_(factor)
        network.head.weight.div_(factor)
    return network


def _scanned(golden: tuple[Golden, ...]) -> list[NDArray[np.uint8]]:
    photos = (decode(case.image).pixels for case in golden)
    return [to_network_input(photo, CONTRACT).pixels[None] for photo in photos]


@pytest.mark.parametrize("factor", [3e4, 6e4])
def test_values_near_the_end_of_half_are_refused_by_layer(golden: tuple[Golden, ...], factor: float) -> None:
    loud = _loud(factor)
    files = onnx_files(onnx_from_torch(loud, CONTRACT), half=True)
    assert files.half is not None

    with pytest.raises(ParityFailed, match=r"values of layer network/blur/Conv_\d+ reach .*, allowed 32768"):
        verify_half(files.half, files.single.model, CONTRACT, TorchEngine(loud, CONTRACT), golden)


def test_values_beyond_half_stay_fp32_where_a_scan_found_them(golden: tuple[Golden, ...]) -> None:
    loud = _loud(1e6)  # beyond half in its values and in a weight's
    files = onnx_files(onnx_from_torch(loud, CONTRACT), half=True, scan=_scanned(golden))
    assert files.half is not None
    assert files.scan is not None

    checks = verify_half(files.half, files.single.model, CONTRACT, TorchEngine(loud, CONTRACT), golden)

    assert files.scan.largest[1] > 65504
    assert "network/blur/Conv_" in str(checks["kept_fp32"])
    assert isinstance(checks["largest_value"], float)
    assert checks["largest_value"] <= 32768
    assert checks["dice"] == 1


def test_a_scan_of_the_golden_pictures_tells_the_same_reach(golden: tuple[Golden, ...]) -> None:
    network = Darkness()
    files = onnx_files(onnx_from_torch(network, CONTRACT), half=True, scan=_scanned(golden[:2]))
    assert files.half is not None

    reference = TorchEngine(network, CONTRACT)
    ran = verify_half(files.half, files.single.model, CONTRACT, reference, golden)
    shared = verify_half(files.half, files.single.model, CONTRACT, reference, golden, scan=files.scan)

    assert shared == ran
    assert shared["largest_value_layer"]


def test_without_a_scan_nothing_is_kept_beyond_the_rule(exported: OnnxExport) -> None:
    files = onnx_files(onnx_from_torch(Darkness(), CONTRACT), half=True)

    assert files.scan is None
    assert files.half is not None
    assert kept_names(files.half) == "none"
    assert files.half.SerializeToString() == half_from_single(exported.model).SerializeToString()


def test_an_fp32_value_that_half_layers_read_is_held_to_half_s_range(
    exported: OnnxExport, golden: tuple[Golden, ...]
) -> None:
    loud = _loud(6e4)
    single = onnx_from_torch(loud, CONTRACT).model
    convolution = next(node.name for node in single.graph.node if node.name.startswith("network/blur/Conv"))
    half = half_from_single(single, {convolution})  # the layer, but not those that read it

    with pytest.raises(ParityFailed, match=f"values of layer {convolution} reach .*, allowed 32768"):
        verify_half(half, single, CONTRACT, TorchEngine(loud, CONTRACT), golden)


def test_every_layer_of_torch_is_matched_by_name(exported: OnnxExport) -> None:
    image = np.random.default_rng(0).integers(0, 256, (1, *CONTRACT.input_hw, 3), np.uint8)

    ours, theirs = single_values(exported.model, image), torch_values(exported.program, image)

    made = [node.output[0] for node in exported.model.graph.node if node.op_type in ("Conv", "ReduceMean")]
    assert len(made) == 3
    assert set(made) <= ours.keys() & theirs.keys()
    assert first_divergence(exported.model, ours, theirs, 1e-6) is None


def test_values_that_do_not_fit_memory_are_not_compared(exported: OnnxExport, monkeypatch: pytest.MonkeyPatch) -> None:
    assert can_be_compared(exported.model)
    monkeypatch.setattr(layer_values, "_MOST_BYTES", 1000)
    assert not can_be_compared(exported.model)


def test_the_replay_counts_other_decisions_and_tells_how_near_they_were() -> None:
    contract = ModelContract(input_hw=(16, 16))
    export = onnx_from_torch(Gate(), contract)
    image = np.full((1, 16, 16, 3), 128, np.uint8)  # (128 / 255 - 0.5) / 0.5 = 1 / 255
    image[0, :, :4] = 200
    nudged = _changed(export.model, "pixels.shift", -0.00393)

    replay = replay_gates(nudged, export.program, image)

    root_mean_square = np.sqrt((4 * (200 / 127.5 - 1) ** 2 + 12 / 255**2) / 16)
    assert replay.flips == 16 * 12
    assert replay.margin == pytest.approx(1 / 255 / root_mean_square, rel=1e-3)
    assert replay.max_error < 1e-2


@pytest.fixture(scope="module")
def gate_export() -> OnnxExport:
    return onnx_from_torch(Gate(), _GATE_CONTRACT)


def _gate_case(reference: TorchEngine) -> Golden:
    pixels = np.random.default_rng(3).integers(0, 256, (*_GATE_CONTRACT.input_hw, 3), np.uint8)
    image = encode_png(pixels)
    result = Segmenter(_GATE_CONTRACT, reference).segment(image)
    return Golden("01", image, "noise", result.mask, result.network_probability)


def test_gates_that_rounding_decides_are_counted_and_no_fault(gate_export: OnnxExport) -> None:
    reference = TorchEngine(Gate(), _GATE_CONTRACT)
    nudged = _changed(gate_export.model, "pixels.shift", -1e-6)  # as much as another order of adding would

    checks = verify_single(OnnxExport(nudged, gate_export.program), _GATE_CONTRACT, reference, [_gate_case(reference)])

    assert isinstance(checks["gate_toss_ups"], int)
    assert checks["gate_toss_ups"] > 10  # about one red value in 256 is the threshold itself
    assert isinstance(checks["max_error"], float)
    assert checks["max_error"] > 0.1


def test_gates_that_more_than_rounding_decides_are_a_fault(gate_export: OnnxExport) -> None:
    reference = TorchEngine(Gate(), _GATE_CONTRACT)
    nudged = _changed(gate_export.model, "pixels.shift", -4e-3)

    with pytest.raises(ParityFailed, match=r"cannot accept model.onnx: on golden/01 its .* differs is Add_3 "):
        verify_single(OnnxExport(nudged, gate_export.program), _GATE_CONTRACT, reference, [_gate_case(reference)])


def test_a_gate_that_decides_the_same_on_both_sides_has_no_flips(gate_export: OnnxExport) -> None:
    image = np.random.default_rng(0).integers(0, 256, (1, 128, 128, 3), np.uint8)
    image[image == 128] = 0

    replay = replay_gates(gate_export.model, gate_export.program, image)

    assert (replay.flips, replay.margin) == (0, 0)
    assert replay.max_error < 1e-6
