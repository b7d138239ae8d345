"""Selective scans that are written out behind torch's exporter: the graph and the numbers that it would have made."""

from collections import Counter
from contextlib import nullcontext

import numpy as np
import onnx
import pytest
import torch
from onnx import helper
from torch import Tensor, nn

from skinseg_edge.contract import ModelContract
from skinseg_edge.networks.blocks.scan_2d import Scan2d
from skinseg_export import onnx_from_torch as module
from skinseg_export import written_scans
from skinseg_export.layer_values import first_divergence, single_values, torch_values
from skinseg_export.onnx_from_torch import OnnxExport, onnx_from_torch
from skinseg_export.torch_engine import TorchEngine
from skinseg_export.written_scans import write_scans
from skinseg_runtime.engines.onnxruntime import OnnxRuntimeEngine

_CONTRACT = ModelContract(input_hw=(16, 24))  # 384 steps: 96 chunks of 4, in 24 groups, in 6
_ODD = ModelContract(input_hw=(17, 19))  # 323 chunks of one step


class Scanning(nn.Module):
    """One scan over the pixels of a photo, and what it sums up as a logit."""

    def __init__(self) -> None:
        super().__init__()
        self.scan = Scan2d(3, states=2)

    def forward(self, image: Tensor) -> Tensor:
        scanned: Tensor = self.scan(image.permute(0, 2, 3, 1))
        return scanned.permute(0, 3, 1, 2)[:, :1]


@pytest.fixture(scope="module")
def network() -> Scanning:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Scanning().eval()


@pytest.fixture(scope="module")
def exported(network: Scanning) -> OnnxExport:
    return onnx_from_torch(network, _CONTRACT)


def _noise(contract: ModelContract, count: int = 1) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(0).integers(0, 256, (count, *contract.input_hw, 3), np.uint8)


def test_the_graph_is_the_one_that_torch_s_exporter_makes_of_the_operations(
    network: Scanning, exported: OnnxExport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "scans_kept_whole", nullcontext)
    theirs = onnx_from_torch(network, _CONTRACT)

    assert Counter(node.op_type for node in exported.model.graph.node) == Counter(
        node.op_type for node in theirs.model.graph.node
    )
    ours, others = (
        OnnxRuntimeEngine(each.model.SerializeToString(), _CONTRACT).infer(_noise(_CONTRACT))
        for each in (exported, theirs)
    )
    np.testing.assert_array_equal(ours, others)
    np.testing.assert_allclose(ours, TorchEngine(network, _CONTRACT).infer(_noise(_CONTRACT)), atol=1e-6)
    assert len(exported.program.graph.nodes) < len(theirs.program.graph.nodes) / 2


def test_pictures_side_by_side_are_scanned_as_torch_does_in_a_sequence_that_has_no_chunks(network: Scanning) -> None:
    model = onnx_from_torch(network, _ODD, dynamic_batch=True).model
    pictures = _noise(_ODD, 3)

    found = OnnxRuntimeEngine(model.SerializeToString(), _ODD).infer(pictures)

    np.testing.assert_allclose(found, TorchEngine(network, _ODD).infer(pictures), atol=1e-6)


def test_nodes_of_a_scan_are_named_after_its_module(exported: OnnxExport) -> None:
    exponentials = [node.name for node in exported.model.graph.node if node.op_type == "Exp"]

    assert exponentials
    assert all(name.startswith("network/scan/") for name in exponentials)
    assert {each.domain for each in exported.model.opset_import} == {""}


def test_the_first_layer_that_differs_is_found_behind_a_scan(exported: OnnxExport) -> None:
    changed = onnx.ModelProto()
    changed.CopyFrom(exported.model)
    rates = next(each for each in changed.graph.initializer if each.dims == [4, 1, 2, 6])  # K x 1 x S x E
    rates.CopyFrom(onnx.numpy_helper.from_array(3 * onnx.numpy_helper.to_array(rates), rates.name))
    picture = _noise(_CONTRACT)
    theirs = torch_values(exported.program, picture)

    assert first_divergence(exported.model, single_values(exported.model, picture), theirs, 1e-3) is None
    found = first_divergence(changed, single_values(changed, picture), theirs, 1e-3)

    assert found is not None
    assert "network/scan/Reshape_" in found.layer  # what joins the steps of the sequence


def test_a_call_that_has_no_onnx_form_yet_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(written_scans, "chunked_scan", lambda u, *_: (torch.sin(u), None))
    values = [helper.make_tensor_value_info(name, 1, [1, 4, 6, 2]) for name in "uvabc"]
    scan = helper.make_node("selective_scan", list("uvabc"), ["y"], domain="skinseg", chunk=2)
    model = helper.make_model(helper.make_graph([scan], "g", values, [helper.make_tensor_value_info("y", 1, None)]))

    with pytest.raises(AssertionError, match=r"the scan calls torch's sin, which is not written as ONNX yet"):
        write_scans(model)
