"""The networks that are shipped, through every target: the main job of this package."""

from pathlib import Path

import pytest

from skinseg_edge.contract import ModelContract
from skinseg_edge.networks import create
from skinseg_edge.networks.checkpoint import Checkpoint, shipped_names
from skinseg_export import ExportOptions, export_bundle
from skinseg_export.model_source import load_model
from skinseg_export.targets import TARGETS


@pytest.mark.slow
def test_the_shipped_scsonet_passes_every_target(tmp_path: Path) -> None:
    if "scsonet" not in shipped_names():
        pytest.skip("no trained scsonet is shipped yet")

    report = export_bundle(load_model("scsonet"), tmp_path / "lesion.skinseg", ExportOptions(targets=TARGETS))

    assert report.failures == {}
    checks = {artefact.name: artefact.checks for artefact in report.manifest.artefacts}
    # Half precision flips single gates of SCSONet, so its mean error and its masks are bounded, not its largest error.
    assert isinstance(checks["onnx-fp16"]["average_error"], float)
    assert checks["onnx-fp16"]["average_error"] < 2e-3
    assert isinstance(checks["onnx-fp16"]["disagreement"], float)
    assert checks["onnx-fp16"]["disagreement"] < 5e-3
    # With equal gates the fp32 file is within 1e-4; where rounding tossed one up, the masks still agree.
    assert isinstance(checks["onnx"]["dice"], float)
    assert checks["onnx"]["dice"] > 0.98


@pytest.mark.slow
def test_a_fresh_network_builds_for_every_target(tmp_path: Path) -> None:
    checkpoint = Checkpoint(
        network=create("unet", base=8).eval(),
        network_name="unet",
        contract=ModelContract(input_hw=(64, 64)),
        options={"base": 8},
        trained=False,
    )

    report = export_bundle(checkpoint, tmp_path / "lesion.skinseg", ExportOptions(targets=TARGETS))

    made = {artefact.name: artefact.status for artefact in report.manifest.artefacts}
    assert made["onnx"] == "verified"
    every = {"onnx", "onnx-fp16", "trt-rtx", "coreml", "triton"}
    assert {missing.artefact for missing in report.missing} | made.keys() == every
