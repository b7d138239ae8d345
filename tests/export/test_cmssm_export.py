"""The state-space network through every target: the selective scan needs nothing but plain operators."""

from pathlib import Path
from typing import Any

import onnx
import pytest
import torch

from skinseg_edge.contract import ModelContract
from skinseg_edge.networks import create
from skinseg_edge.networks.checkpoint import Checkpoint
from skinseg_export import ExportOptions, export_bundle
from skinseg_export.half_precision import half_value_names
from skinseg_export.targets import TARGETS
from tests.export.one_gpu import ONE_GPU

pytestmark = pytest.mark.slow

# The whole layout with one narrow block a stage, on a picture that is cut into few steps: the small variant's 15 blocks
# at 64 px hold as well (2,414 nodes), but take a minute and a half. With fewer channels, the last normalisation has too
# few values to be steady in half precision.
_OPTIONS: dict[str, Any] = {
    "channels": 24,
    "encoder_depths": [1, 1, 1, 1],
    "decoder_depths": [1, 1, 1, 1],
    "ratio": 1,
    "scan_state": 4,
}


def _checkpoint() -> Checkpoint:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = create("cmssm", **_OPTIONS).eval()
    return Checkpoint(
        network=network,
        network_name="cmssm",
        contract=ModelContract(input_hw=(32, 32)),
        options=_OPTIONS,
        trained=False,
    )


def test_the_state_space_network_passes_every_target(tmp_path: Path) -> None:
    report = export_bundle(
        _checkpoint(), tmp_path / "lesion.skinseg", ExportOptions(targets=TARGETS, compute_capabilities=ONE_GPU)
    )

    assert report.failures == {}
    artefacts = {artefact.name: artefact for artefact in report.manifest.artefacts}
    assert {missing.artefact for missing in report.missing} | artefacts.keys() == {
        "onnx",
        "onnx-fp16",
        "trt-rtx",
        "coreml",
        "triton",
    }
    error = artefacts["onnx"].checks["max_error"]
    assert isinstance(error, float)
    assert error <= 1e-4
    half_error = artefacts["onnx-fp16"].checks["max_error"]
    assert isinstance(half_error, float)
    assert half_error <= 5e-3
    half = onnx.load(tmp_path / "lesion.skinseg" / "model.fp16.onnx")
    in_half = half_value_names(half)
    scans = [node for node in half.graph.node if node.op_type in ("Exp", "ReduceSum", "Pad")]
    assert scans
    assert not any(in_half.intersection(node.output) for node in scans)
