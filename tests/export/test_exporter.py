"""Whole bundles, with the real builders, of a network small enough for it."""

import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from skinseg_edge.bundle import Bundle
from skinseg_edge.datasets.synthetic_lesions import draw
from skinseg_edge.errors import BundleUnusable, FileMissing, OutputRefused, ParityFailed, ToolMissing
from skinseg_edge.image_io import write_png
from skinseg_edge.networks.checkpoint import Checkpoint
from skinseg_edge.signing import generate_key
from skinseg_export import ExportOptions, ExportReport, export_bundle, groundwork
from skinseg_export.onnx_from_torch import OnnxExport, onnx_from_torch
from skinseg_export.targets import TARGETS
from skinseg_export.targets.onnx.build import OnnxFiles, onnx_files
from skinseg_runtime import Segmenter
from tests.export.darkness import CONTRACT, Darkness


@pytest.fixture(scope="module")
def report(checkpoint: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> ExportReport:
    pytest.importorskip("tensorrt_rtx", reason="needs the trt-rtx extra")
    pytest.importorskip("coremltools", reason="needs the coreml extra")
    path = tmp_path_factory.mktemp("bundle") / "lesion.skinseg"
    return export_bundle(checkpoint, path, ExportOptions(targets=TARGETS))


def _names(report: ExportReport) -> dict[str, str]:
    return {artefact.name: artefact.status for artefact in report.manifest.artefacts}


def test_all_targets_are_made_and_verified(report: ExportReport) -> None:
    assert _names(report) == dict.fromkeys(("onnx", "onnx-fp16", "trt-rtx", "coreml", "triton"), "verified")
    assert (report.failures, report.missing) == ({}, ())
    Bundle.open(report.path).verify()


def test_the_bundle_segments_a_photo_through_the_runtime(report: ExportReport) -> None:
    lesion = draw(2, (120, 160))

    with Segmenter.open(report.path) as single, Segmenter.open(report.path, precision="fp16") as half:
        mask = single.segment(lesion.photo).mask
        again = half.segment(lesion.photo).mask

    assert 0 < mask.mean() < 1
    assert (mask != again).mean() < 0.01


def test_the_manifest_says_what_the_bundle_was_made_of(report: ExportReport, checkpoint: Checkpoint) -> None:
    manifest = report.manifest

    assert manifest.name == "lesion"
    assert manifest.provenance.checkpoint_sha256 == checkpoint.sha256
    assert manifest.provenance.training_data == "nothing at all"
    assert {"torch", "onnx", "onnxruntime", "python"} <= manifest.provenance.tools.keys()
    assert len(manifest.golden) == 8
    assert [plan["onnx"] for plan in manifest.device_plans] == ["model.fp16.onnx", "model.onnx"]
    sidecar = json.loads((report.path / "model.rtx.json").read_text())
    assert sidecar["onnx"]["sha256"] == manifest.files["model.fp16.onnx"].sha256
    assert sidecar["sha256"] == manifest.files["model.rtx.engine"].sha256


def test_the_card_tells_what_was_checked_and_what_was_not(report: ExportReport) -> None:
    card = (report.path / "MODEL_CARD.md").read_text()

    assert "came without a model card" in card
    assert "| onnx-fp16 | `model.fp16.onnx` | fp16 | verified |" in card
    assert "numbers_verified by the program's evaluation on this machine" in card
    assert "synthetic lesion, seed 0" in card


def test_the_same_day_gives_the_same_manifest(
    checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")  # 2026-01-01
    options = ExportOptions(targets=("onnx",))

    first = export_bundle(checkpoint, tmp_path / "one" / "lesion.skinseg", options)
    second = export_bundle(checkpoint, tmp_path / "two" / "lesion.skinseg", options)

    assert first.manifest.provenance.created == "2026-01-01"
    assert (first.path / "manifest.json").read_bytes() == (second.path / "manifest.json").read_bytes()


def test_fp32_alone_makes_nothing_in_half_precision(checkpoint: Checkpoint, tmp_path: Path) -> None:
    report = export_bundle(
        checkpoint, tmp_path / "a.skinseg", ExportOptions(targets=("trt", "coreml"), precision="fp32")
    )

    assert {artefact.name: artefact.precision for artefact in report.manifest.artefacts} == dict.fromkeys(
        ("onnx", "trt-rtx", "coreml"), "fp32"
    )
    assert [plan["precision"] for plan in report.manifest.device_plans] == ["fp32"]


def test_an_artefact_that_fails_stays_marked_and_the_runtime_refuses_it(
    checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The fp32 file is right; the half file is made of another network.
    def with_foreign_half(single: OnnxExport, **options: Any) -> OnnxFiles:
        other = Darkness()
        torch.nn.init.constant_(other.blur.weight, 1 / 75)
        foreign = onnx_from_torch(other, checkpoint.contract, metadata={"network": "another"})
        return replace(onnx_files(single, **options), half=onnx_files(foreign, **options).half)

    monkeypatch.setattr(groundwork, "onnx_files", with_foreign_half)

    report = export_bundle(checkpoint, tmp_path / "a.skinseg", ExportOptions(targets=("trt",)))

    assert _names(report) == {"onnx": "verified", "onnx-fp16": "failed", "trt-rtx": "failed"}
    assert "on golden/01 its" in report.failures["onnx-fp16"]
    assert "the first layer that differs is network/blur/Conv_" in report.failures["onnx-fp16"]
    assert "it is built of onnx-fp16" in report.failures["trt-rtx"]
    with pytest.raises(ParityFailed, match="its status is 'failed'"):
        Segmenter.open(report.path, precision="fp16")


def test_what_cannot_be_made_at_all_is_reported_beside_the_rest(
    checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Torch's exporter gives no such graph for the networks here; a user's loop would be one.
    def refuse(*_: object) -> None:
        raise ParityFailed("cannot write half precision: node turn is a Loop")

    monkeypatch.setattr("skinseg_export.targets.onnx.build.half_from_single", refuse)

    report = export_bundle(checkpoint, tmp_path / "a.skinseg", ExportOptions(targets=("trt",)))

    assert _names(report) == {"onnx": "verified"}
    assert "node turn is a Loop" in report.failures["onnx-fp16"]
    assert "its source model.fp16.onnx could not be made" in report.failures["trt-rtx"]


def test_weights_beyond_half_stay_single_and_are_named(checkpoint: Checkpoint, tmp_path: Path) -> None:
    loud = Darkness()
    with torch.no_grad():
        loud.blur.weight.mul_(1e-5)
        loud.head.weight.mul_(1e5)

    report = export_bundle(replace(checkpoint, network=loud), tmp_path / "a.skinseg", ExportOptions(targets=("onnx",)))

    assert _names(report) == {"onnx": "verified", "onnx-fp16": "verified"}
    checks = report.manifest.artefacts[1].checks
    assert "network/head/Conv_" in str(checks["kept_fp32"])
    assert checks["long_reductions_fp32"] == "none"  # 6,144 pixels are few


def test_the_report_on_tensorrt_names_every_typed_file_and_is_listed(report: ExportReport) -> None:
    found = json.loads((report.path / "tensorrt/report.json").read_text())

    assert {"tensorrt/report.json", "tensorrt/report.md"} <= report.manifest.files.keys()
    assert [each["path"] for each in found["files"]] == ["model.fp16.onnx", "model.onnx"]
    half, single = (each["tensorrt_rtx"] for each in found["files"])
    assert half["built"]
    assert single["reason"].startswith("parsed (")
    assert half["bytes"] == report.manifest.files["model.rtx.engine"].size
    assert "every file is documented to be read by 10.3, 10.16, 11.4" in report.remarks[0]


def test_the_engine_is_built_for_the_compute_capabilities_that_were_asked_for(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    pytest.importorskip("tensorrt_rtx", reason="needs the trt-rtx extra")
    options = ExportOptions(targets=("trt",), compute_capabilities=("8.9", "12.0"))

    report = export_bundle(checkpoint, tmp_path / "a.skinseg", options)

    assert _names(report)["trt-rtx"] == "verified"
    assert json.loads((report.path / "model.rtx.json").read_text())["compute_capabilities"] == ["8.9", "12.0"]


def test_without_tensorrt_rtx_the_typed_files_and_the_plan_are_made_all_the_same(
    checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt_rtx", None)

    report = export_bundle(checkpoint, tmp_path / "a.skinseg", ExportOptions(targets=("trt",)))

    assert _names(report) == {"onnx": "verified", "onnx-fp16": "verified"}
    assert [(missing.artefact, missing.is_fatal) for missing in report.missing] == [("trt-rtx", False)]
    assert len(report.manifest.device_plans) == 2
    found = json.loads((report.path / "tensorrt/report.json").read_text())
    assert found["tensorrt_rtx"] is None
    assert "pip install 'skinseg-edge[trt-rtx]'" in found["files"][0]["tensorrt_rtx"]["reason"]


def test_without_coremltools_all_makes_the_rest_and_coreml_alone_makes_nothing(
    checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "coremltools", None)

    report = export_bundle(checkpoint, tmp_path / "a.skinseg", ExportOptions(targets=("onnx", "coreml")))

    assert [(missing.artefact, missing.is_fatal) for missing in report.missing] == [("coreml", True)]
    with pytest.raises(ToolMissing, match=r"pip install 'skinseg-edge\[coreml\]'"):
        export_bundle(checkpoint, tmp_path / "b.skinseg", ExportOptions(targets=("coreml",)))
    assert not (tmp_path / "b.skinseg").exists()


def test_nothing_is_overwritten_without_force(checkpoint: Checkpoint, tmp_path: Path) -> None:
    path = tmp_path / "a.skinseg"
    export_bundle(checkpoint, path, ExportOptions(targets=("onnx",), precision="fp32"))

    with pytest.raises(OutputRefused, match="--force"):
        export_bundle(checkpoint, path, ExportOptions(targets=("onnx",)))
    again = export_bundle(checkpoint, path, ExportOptions(targets=("onnx",), force=True))

    assert "onnx-fp16" in _names(again)


def test_ctrl_c_in_the_middle_leaves_nothing(checkpoint: Checkpoint, tmp_path: Path) -> None:
    def interrupt(_total: int, step: str) -> AbstractContextManager[Callable[[], None]]:
        if step == "half precision":
            raise KeyboardInterrupt
        return nullcontext(lambda: None)

    with pytest.raises(KeyboardInterrupt):
        export_bundle(checkpoint, tmp_path / "a.skinseg", ExportOptions(targets=("onnx",)), interrupt)

    assert list(tmp_path.iterdir()) == []


def test_a_key_signs_the_bundle(checkpoint: Checkpoint, tmp_path: Path) -> None:
    pytest.importorskip("cryptography", reason="needs the signing extra")
    generate_key(tmp_path / "private.pem", tmp_path / "public.pem")
    options = ExportOptions(targets=("onnx",), precision="fp32", key=tmp_path / "private.pem")

    export_bundle(checkpoint, tmp_path / "a.skinseg", options)

    assert Bundle.open(tmp_path / "a.skinseg", trusted_key=tmp_path / "public.pem").signature == "verified"
    with pytest.raises(FileMissing, match="cannot read the key"):
        export_bundle(checkpoint, tmp_path / "b.skinseg", replace(options, key=tmp_path / "none.pem"))


def test_golden_pictures_come_from_the_validation_folder(checkpoint: Checkpoint, tmp_path: Path) -> None:
    write_png(tmp_path / "photos" / "one.png", draw(1, (100, 120)).photo)
    options = ExportOptions(targets=("onnx",), precision="fp32", validation=tmp_path / "photos")

    report = export_bundle(checkpoint, tmp_path / "a.skinseg", options)

    assert [case.image for case in report.manifest.golden] == ["golden/01.png"]
    assert "Golden pictures: one.png." in (report.path / "MODEL_CARD.md").read_text()


def test_an_untrained_network_is_marked_and_the_runtime_refuses_it(checkpoint: Checkpoint, tmp_path: Path) -> None:
    untrained = replace(checkpoint, trained=False, sha256="")

    report = export_bundle(untrained, tmp_path / "a.skinseg", ExportOptions(targets=("onnx",)))

    assert report.manifest.provenance.trained is False
    assert "**Untrained.**" in (report.path / "MODEL_CARD.md").read_text()
    with pytest.raises(BundleUnusable, match="untrained"):
        Segmenter.open(report.path)


def test_a_free_batch_axis_changes_nothing_for_the_runtime(
    checkpoint: Checkpoint, report: ExportReport, tmp_path: Path
) -> None:
    free = export_bundle(checkpoint, tmp_path / "a.skinseg", ExportOptions(targets=("onnx",), dynamic_batch=True))
    photo = draw(4, (120, 160)).photo

    with Segmenter.open(free.path) as one, Segmenter.open(report.path) as other:
        difference = one.segment(photo).network_probability - other.segment(photo).network_probability

    assert float(np.abs(difference).max()) < 1e-6
    assert one.contract == CONTRACT
