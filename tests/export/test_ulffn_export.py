"""ULFFN with its two classes through every target, and SCSONet's rarer options to ONNX."""

from collections.abc import Mapping

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from skinseg_edge.contract import ModelContract
from skinseg_edge.networks import ULFFN, create
from skinseg_edge.networks.checkpoint import Checkpoint
from skinseg_export import ExportOptions, ExportReport, export_bundle
from skinseg_export.onnx_from_torch import onnx_from_torch
from skinseg_export.targets import TARGETS
from skinseg_export.torch_engine import TorchEngine
from tests.edge.networks.overfitting import overfit
from tests.export.one_gpu import ONE_GPU

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> ExportReport:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        network = ULFFN(2, base=8)
    overfit(network, classes=2, side=64, steps=30, learning_rate=1e-2)
    checkpoint = Checkpoint(
        network=network,
        network_name="ulffn",
        contract=ModelContract(input_hw=(64, 64), classes=("skin", "lesion")),
        options={"base": 8},
        sha256="0" * 64,
        source="four drawn pictures",
    )
    options = ExportOptions(targets=TARGETS, compute_capabilities=ONE_GPU)
    return export_bundle(checkpoint, tmp_path_factory.mktemp("ulffn") / "lesion.skinseg", options)


def test_ulffn_passes_every_target(report: ExportReport) -> None:
    assert report.failures == {}
    made = {artefact.name: artefact.status for artefact in report.manifest.artefacts}
    every = {"onnx", "onnx-fp16", "trt-rtx", "coreml", "triton"}
    assert {missing.artefact for missing in report.missing} | made.keys() == every
    assert set(made.values()) == {"verified"}


def test_its_numbers_stay_within_1e_4_in_fp32_and_5e_3_in_fp16(report: ExportReport) -> None:
    checks = {artefact.name: artefact.checks for artefact in report.manifest.artefacts}
    assert _largest_error(checks["onnx"]) < 1e-4
    assert _largest_error(checks["onnx-fp16"]) < 5e-3  # a network without hard gates, so the largest error counts


def test_the_attention_averages_in_two_stages(report: ExportReport) -> None:
    graph = onnx.load(report.path / "model.onnx").graph
    made_by = {name: node for node in graph.node for name in node.output}
    means = [node for node in graph.node if node.op_type == "ReduceMean" and "attention" in node.name]
    # At 512 px one sum over the map has 262,144 terms, more than half precision can add up.
    pools = [made_by[node.input[0]] for node in means]
    assert [pool.op_type for pool in pools] == ["AveragePool", "AveragePool"]
    assert all([8, 8] in [list(attribute.ints) for attribute in pool.attribute] for pool in pools)


def test_scsonet_with_several_kernels_and_a_dilated_convolution_becomes_an_onnx_file() -> None:
    contract = ModelContract(input_hw=(64, 64))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        network = create("scsonet", local="dilated", kernels=2).eval()
    image = np.random.default_rng(7).integers(0, 256, (1, 64, 64, 3), np.uint8)

    model = onnx_from_torch(network, contract).model

    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (probability,) = session.run(None, {"image": image})
    # Rounding may flip single hard gates, so the mean is held, not the largest error.
    expected = TorchEngine(network, contract).infer(image)
    assert np.abs(np.asarray(probability) - expected).mean() < 1e-4


def _largest_error(checks: Mapping[str, object]) -> float:
    error = checks["max_error"]
    assert isinstance(error, float)
    return error
