"""Core ML packages in whole bundles: which are made, how they are judged, what is told of those that fail."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from torch import nn

from skinseg_edge.bundle import Bundle
from skinseg_edge.errors import InputError, UnknownName
from skinseg_edge.networks.checkpoint import Checkpoint
from skinseg_export import ExportOptions, ExportReport, coreml_artefacts, export_bundle
from skinseg_export.cli import main
from skinseg_export.coreml_artefacts import packages_of
from skinseg_export.export_options import PRECISIONS
from skinseg_export.picture_sizes import sizes_from_text
from skinseg_export.targets.coreml.build import mlpackage_from_torch
from skinseg_export.targets.coreml.options import COREML_PRECISIONS as PACKAGE_PRECISIONS
from tests.export.darkness import Darkness
from tests.export.one_bar import OneBar
from tests.export.quantization.drawn_data import write_drawn_data
from tests.export.targets.coreml.planted import Spots

_ONLY = ("coreml",)


@pytest.fixture(scope="module")
def bars() -> OneBar:
    return OneBar()


@pytest.fixture(scope="module")
def report(checkpoint: Checkpoint, bars: OneBar, tmp_path_factory: pytest.TempPathFactory) -> ExportReport:
    pytest.importorskip("coremltools", reason="needs the coreml extra")
    path = tmp_path_factory.mktemp("bundle") / "lesion.skinseg"
    options = ExportOptions(targets=_ONLY, precision="int8", coreml_sizes=((32, 48),))
    return export_bundle(checkpoint, path, options, bars)


def test_int8_of_core_ml_alone_needs_no_calibration_and_makes_no_onnx_int8(report: ExportReport) -> None:
    assert {artefact.name: artefact.status for artefact in report.manifest.artefacts} == dict.fromkeys(
        ("onnx", "onnx-fp16", "coreml", "coreml-int8"), "verified"
    )
    assert (report.failures, report.warnings) == ({}, ())
    Bundle.open(report.path).verify()


@pytest.mark.usefixtures("report")
def test_no_bar_opens_inside_another(bars: OneBar) -> None:
    assert bars.nested == []
    assert [step for step in bars.seen if "ml" in step.lower()] == [
        "Core ML's numbers",
        "Core ML package model.mlpackage",
        "coreml against torch",
        "acceptance of coreml",
        "Core ML package model.int8.mlpackage",
        "coreml-int8 against torch",
        "acceptance of coreml-int8",
    ]


def test_each_package_has_the_figures_of_the_numbers_and_of_the_gate(report: ExportReport) -> None:
    half, eight = report.manifest.artefacts[2:]

    for artefact in (half, eight):
        assert artefact.checks["numbers_verified"] == "by the program's evaluation on this machine"
        assert (artefact.figure("mean_dice") or 0) >= 0.998
        assert (artefact.figure("max_error_32x48") or 1) < 0.05
    assert half.figure("golden_dice_01") is None  # what a golden case asks for holds
    assert (eight.figure("golden_dice_01") or 0) > 0.98
    judged = json.loads((report.path / "acceptance/coreml-int8.json").read_text())
    assert (judged["precision"], judged["source"]) == ("int8", "golden pictures, drawn")


def test_the_report_tells_what_each_package_is_and_that_no_apple_device_ran_it(report: ExportReport) -> None:
    found = json.loads((report.path / "coreml/report.json").read_text())
    page = (report.path / "coreml/report.md").read_text()

    assert found["run_on_an_apple_device"] is False
    assert [each["path"] for each in found["packages"]] == ["model.mlpackage", "model.int8.mlpackage"]
    first = found["packages"][0]
    assert (first["ios"], first["structure"]["compute_units"]) == (17, "ALL")
    assert first["structure"]["sizes"] == [[64, 96], [32, 48]]
    assert {"kind": "conv", "count": 2, "since": 13} in first["structure"]["operators"]
    assert "| conv | 13 | 2 | 2 |" in page
    assert page.startswith("# Core ML\n\nNo Apple device has run these packages.")
    assert report.remarks[-1].startswith(
        "Core ML by evaluation of the programs, not on an Apple device: model.mlpackage"
    )
    assert (report.path / "coreml-check/Package.swift").is_file()


def test_a_package_that_is_another_network_fails_with_a_sentence_on_what_is_wrong(
    checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("coremltools", reason="needs the coreml extra")

    def swapped(network: nn.Module, contract: Any, folder: Path, *args: Any, **options: Any) -> None:
        turned = Darkness()
        with torch.no_grad():
            turned.head.weight.mul_(-1)
            turned.head.bias.mul_(-1)  # type: ignore[union-attr]  # made with a bias
        used = network if folder.name.startswith("fresh") else turned
        mlpackage_from_torch(used, contract, folder, *args, **options)

    monkeypatch.setattr(coreml_artefacts, "mlpackage_from_torch", swapped)

    report = export_bundle(checkpoint, tmp_path / "a.skinseg", ExportOptions(targets=_ONLY))

    assert list(report.failures) == ["coreml"]
    assert "it answers as if its answer were the probability of background (1 - p)" in report.failures["coreml"]
    assert "## Refused" in (report.path / "coreml/report.md").read_text()
    assert Bundle.open(report.path).artefact("coreml").status == "failed"


def test_w8a8_needs_calibration_pictures_before_any_work(checkpoint: Checkpoint, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="with --calibration"):
        export_bundle(checkpoint, tmp_path / "a.skinseg", ExportOptions(targets=_ONLY, precision="w8a8"))
    untrained = replace(checkpoint, trained=False, sha256="")
    with pytest.raises(InputError, match="cannot export w8a8 of an untrained network"):
        export_bundle(untrained, tmp_path / "a.skinseg", ExportOptions(targets=_ONLY, precision="w8a8"))
    assert list(tmp_path.iterdir()) == []


def test_w8a8_is_calibrated_on_training_pictures_and_judged_on_validation_pictures(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    pytest.importorskip("coremltools", reason="needs the coreml extra")
    data = write_drawn_data(tmp_path / "drawn", calibrating=16, judging=3)
    options = ExportOptions(targets=_ONLY, precision="w8a8", calibration=data, validation=data)

    report = export_bundle(replace(checkpoint, network=Spots()), tmp_path / "a.skinseg", options)

    judged = json.loads((report.path / "acceptance/coreml-w8a8.json").read_text())
    assert (judged["precision"], judged["source"]) == ("w8a8", "drawn/validation.txt")
    assert {artefact.name for artefact in report.manifest.artefacts} == {"onnx", "onnx-fp16", "coreml", "coreml-w8a8"}
    assert "quantize " in str(report.manifest.artefacts[-1].checks["operation_kinds"])


def test_a_network_without_a_layer_for_8_bits_gets_the_other_package_and_the_reason(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    pytest.importorskip("coremltools", reason="needs the coreml extra")
    data = write_drawn_data(tmp_path / "drawn", calibrating=16, judging=3)

    report = export_bundle(
        checkpoint, tmp_path / "a.skinseg", ExportOptions(targets=_ONLY, precision="w8a8", calibration=data)
    )

    assert [artefact.name for artefact in report.manifest.artefacts] == ["onnx", "onnx-fp16", "coreml"]
    assert "none of its layers may compute in 8 bits; ask for int8" in report.unmade["coreml-w8a8"]


def test_an_untrained_network_is_verified_by_its_numbers_alone(checkpoint: Checkpoint, tmp_path: Path) -> None:
    pytest.importorskip("coremltools", reason="needs the coreml extra")
    untrained = replace(checkpoint, trained=False, sha256="")

    report = export_bundle(untrained, tmp_path / "a.skinseg", ExportOptions(targets=_ONLY, precision="int8"))

    checks = report.manifest.artefacts[-1].checks
    assert (report.failures, checks["numbers_verified"]) == ({}, "by the program's evaluation on this machine")
    assert "mean_dice" not in checks


@pytest.mark.parametrize("precision", PACKAGE_PRECISIONS)
def test_a_compressed_package_comes_beside_the_one_in_half_precision(precision: str) -> None:
    asked = packages_of(ExportOptions(targets=_ONLY, precision=precision, ios=18))

    expected = [precision] if precision in ("fp32", "fp16") else ["fp16", precision]
    assert [each.precision for each in asked] == expected
    assert {each.ios for each in asked} == {18}


def test_every_precision_of_a_package_can_be_asked_for() -> None:
    assert set(PACKAGE_PRECISIONS) | {"auto"} == set(PRECISIONS)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ExportOptions(targets=("onnx", "coreml"), precision="int4"),
            "int4 is for coreml: onnx was made in fp32 and fp16",
        ),
        (ExportOptions(targets=("trt",), precision="w8a8"), "w8a8 is for coreml: trt was made in fp32 and fp16"),
        (ExportOptions(targets=_ONLY, precision="auto"), "auto is fp16 for coreml"),
        (ExportOptions(targets=("onnx",), ios=18), "--ios did nothing: coreml was not asked for"),
        (ExportOptions(targets=("onnx",), coreml_sizes=((64, 64),)), "--coreml-sizes did nothing"),
    ],
)
def test_what_changes_nothing_is_told(options: ExportOptions, words: str) -> None:
    assert any(words in remark for remark in options.idle)


def test_what_was_asked_and_done_is_not_told_as_idle() -> None:
    asked = ExportOptions(targets=_ONLY, precision="int8", ios=18, coreml_sizes=((64, 64),))

    assert asked.idle == ()
    assert not asked.wants_quantized
    assert not asked.wants_calibration
    assert ExportOptions(targets=("coreml", "onnx"), precision="int8").wants_quantized


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--precision", "int4"), "weights of 4 bits in blocks need iOS 18"),
        (("--ios", "16"), "'16' is not one of '17', '18'"),
        (("--coreml-sizes", "256"), "'256' is not one, or is there twice; expected ROWSxCOLUMNS"),
        (("--coreml-sizes", "8x8"), "cannot make a Core ML package for pictures of size (8, 8)"),
        (("--precision", "int3"), "did you mean"),
    ],
)
def test_wrong_use_of_the_command_is_told_in_one_sentence(
    arguments: tuple[str, ...], words: str, checkpoint_path: Path, tmp_path: Path
) -> None:
    given = [str(checkpoint_path), "--target", "coreml", *arguments, "-o", str(tmp_path / "a.skinseg")]

    result = CliRunner().invoke(main, given)

    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr


def test_a_precision_that_is_none_is_refused_by_its_nearest_name(checkpoint: Checkpoint, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="did you mean 'palettized'"):
        export_bundle(checkpoint, tmp_path / "a.skinseg", ExportOptions(targets=_ONLY, precision="paletized"))


def test_sizes_are_rows_and_columns() -> None:
    assert sizes_from_text("256x256, 384x512") == ((256, 256), (384, 512))
    for wrong in ("", "256x", "0x16", "16x16,16x16", "16 x 16"):
        with pytest.raises(InputError, match="expected ROWSxCOLUMNS"):
            sizes_from_text(wrong)
