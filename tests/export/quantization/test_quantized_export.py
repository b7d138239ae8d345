"""Whole exports in 8 bits, of a network that bears them and of one with a planted layer that does not."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from click.testing import CliRunner

from skinseg_edge.bundle import Bundle
from skinseg_edge.datasets.synthetic_lesions import draw
from skinseg_edge.errors import BundleUnusable, DatasetUnusable, InputError, ParityFailed
from skinseg_edge.image_io import write_png
from skinseg_edge.networks import register
from skinseg_edge.networks.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from skinseg_edge.networks.registry import _factories
from skinseg_export import ExportOptions, ExportReport, export_bundle
from skinseg_export.cli import main
from skinseg_export.quantization import layers_in_reach
from skinseg_export.quantization.measured_ranges import measured_ranges
from skinseg_export.quantization.ranges import Ranges
from skinseg_runtime import Segmenter
from tests.export.darkness import CONTRACT
from tests.export.one_bar import OneBar
from tests.export.quantization.drawn_data import PHOTO_HW, write_drawn_data
from tests.export.quantization.planted import Planted


@pytest.fixture(scope="module", autouse=True)
def _registered() -> None:
    if "planted" not in _factories:
        register("planted", Planted)


def _checkpoint(folder: Path, loudness: float) -> Path:
    path = folder / f"loud{loudness:g}.safetensors"
    save_checkpoint(
        path,
        Planted(loudness=loudness).state_dict(),
        network_name="planted",
        contract=CONTRACT,
        options={"loudness": loudness},
        training={"data": "drawn"},
    )
    return path


@pytest.fixture(scope="module")
def loud_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _checkpoint(tmp_path_factory.mktemp("loud"), 4000.0)


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return load_checkpoint(_checkpoint(tmp_path_factory.mktemp("calm"), 0.0))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty drawn pictures to calibrate with and twelve others to judge on."""
    return write_drawn_data(tmp_path_factory.mktemp("data") / "drawn", calibrating=20, judging=12)


def _options(data: Path, **others: object) -> ExportOptions:
    given: dict[str, object] = {"targets": ("onnx",), "precision": "int8", "calibration": data, **others}
    return ExportOptions(**given)  # type: ignore[arg-type]  # the tests name what they change


@pytest.fixture(scope="module")
def report(calm: Checkpoint, data: Path, tmp_path_factory: pytest.TempPathFactory) -> ExportReport:
    pytest.importorskip("tensorrt_rtx", reason="needs the trt-rtx extra")
    path = tmp_path_factory.mktemp("bundle") / "calm.skinseg"
    return export_bundle(calm, path, _options(data, targets=("trt",)))


def _statuses(report: ExportReport) -> dict[str, str]:
    return {artefact.name: artefact.status for artefact in report.manifest.artefacts}


def test_int8_of_a_network_that_bears_it_is_accepted(report: ExportReport) -> None:
    assert _statuses(report) == dict.fromkeys(("onnx", "onnx-fp16", "onnx-int8", "trt-rtx"), "verified")
    story, tensorrt = report.remarks
    assert "int8: 3 layers in 8 bits, calibrated by" in story
    assert "on 12 pictures, which passes" in story
    assert "the engine of model.int8.onnx has" in tensorrt
    Bundle.open(report.path).verify()


def test_the_artefact_carries_the_figures_of_the_gate(report: ExportReport) -> None:
    checks = report.manifest.artefacts[2].checks

    assert float(checks["mean_dice"]) >= 0.985
    assert checks["gate_pictures"] == 12
    assert checks["layers_in_8_bits"] == 3
    assert checks["trt_rtx_builds"] is True
    assert 0.9 < float(checks["golden_dice"]) <= 1
    whole = json.loads((report.path / "acceptance" / "onnx-int8.json").read_text())
    assert whole["schema"] == "skinseg.acceptance/1"
    assert len(whole["pictures"]) == 12


def test_the_manifest_and_the_report_say_what_calibrated(report: ExportReport) -> None:
    found = json.loads((report.path / "quantization" / "report.json").read_text())

    assert report.manifest.calibration == found["calibration"]["fingerprint"]["digest"]
    assert found["calibration"]["source"] == "20 of 20 pictures: train.txt of drawn"
    assert set(found["methods"]) == {"minmax", "percentile", "entropy"}
    assert found["method"] == "minmax"  # all are as near but for noise, and it cuts nothing off
    assert found["methods"]["minmax"] > max(found["methods"].values()) - 0.002
    assert found["layers"]["quantizable"] == ["before", "loud", "after"]
    assert set(found["layers"]["left_alone"]) == {"stem", "head"}
    thin = found["calibration"]["coverage"]["thin"]
    assert thin
    assert all(each in report.warnings[0] for each in thin)
    assert report.warnings[-1].startswith("8 bits were judged on 12 pictures, which say little")


def test_the_runtime_runs_the_quantized_file(report: ExportReport) -> None:
    photo = draw(2, PHOTO_HW).photo

    with Segmenter.open(report.path) as single, Segmenter.open(report.path, precision="int8") as quantized:
        whole, rounded = single.segment(photo), quantized.segment(photo)

    difference = np.abs(whole.network_probability - rounded.network_probability)
    assert 1e-5 < difference.max() < 0.2
    assert (whole.mask != rounded.mask).mean() < 0.02


def test_a_jetson_builds_the_quantized_file_first_and_the_engine_here_is_made_of_it(report: ExportReport) -> None:
    assert [plan["onnx"] for plan in report.manifest.device_plans] == [
        "model.int8.onnx", "model.fp16.onnx", "model.onnx",
    ]  # fmt: skip
    sidecar = json.loads((report.path / "model.rtx.json").read_text())
    assert sidecar["onnx"]["sha256"] == report.manifest.files["model.int8.onnx"].sha256


def test_the_report_on_tensorrt_says_which_ordered_layers_run_in_8_bits(report: ExportReport) -> None:
    found = json.loads((report.path / "tensorrt/report.json").read_text())

    quantized, half, single = (each["tensorrt_rtx"].get("eight_bits") for each in found["files"])
    assert quantized["ordered"] == 3
    assert (half, single) == (None, None)


def test_a_layer_that_int8_destroys_fails_the_gate_with_exit_code_1(
    loud_path: Path, data: Path, tmp_path: Path
) -> None:
    words = ["--target", "onnx", "--precision", "int8", "--calibration", str(data), "-o", str(tmp_path / "a.skinseg")]

    result = CliRunner().invoke(main, [str(loud_path), *words])

    assert result.exit_code == 1
    assert "onnx-int8 │ failed" in result.stdout
    assert "onnx-int8: cannot accept onnx-int8: " in result.stderr
    assert "mean Dice 0.0000 to the trained masks on 12 pictures, which does not pass" in result.stderr
    assert "try --precision auto" in result.stderr
    assert (tmp_path / "a.worst" / "onnx-int8.png").read_bytes().startswith(b"\x89PNG")
    assert Bundle.open(tmp_path / "a.skinseg").artefact("onnx-int8").checks["mean_dice"] == 0
    with pytest.raises(ParityFailed, match="its status is 'failed'"):
        Segmenter.open(tmp_path / "a.skinseg", precision="int8")


def test_the_engine_is_not_built_of_a_refused_file(loud_path: Path, data: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorrt_rtx", reason="needs the trt-rtx extra")

    report = export_bundle(load_checkpoint(loud_path), tmp_path / "a.skinseg", _options(data, targets=("trt",)))

    engine = next(artefact for artefact in report.manifest.artefacts if artefact.name == "trt-rtx")
    assert (engine.precision, engine.status) == ("fp16", "verified")
    assert set(report.failures) == {"onnx-int8"}


def test_auto_restores_that_layer_and_says_so(loud_path: Path, data: Path, tmp_path: Path) -> None:
    report = export_bundle(
        load_checkpoint(loud_path), tmp_path / "a.skinseg", _options(data, precision="auto", targets=("trt",))
    )

    assert report.failures == {}
    statuses = _statuses(report)
    assert statuses["onnx-auto"] == "verified"
    assert "onnx-int8" not in statuses  # it did not pass, and nobody asked for it
    assert any("Restored 1 of 3 layers to half precision: loud" in remark for remark in report.remarks)
    found = json.loads((report.path / "quantization" / "report.json").read_text())
    assert found["walk"]["restored"] == ["loud"]
    assert found["sensitivity"]["layers"][0]["layer"] == "loud"
    assert found["int8"]["passed"] is False
    page = (report.path / "quantization" / "report.md").read_text()
    assert "| gate | refuses | passes |" in page
    assert "Restored 1 of 3 layers" in page
    assert (report.path / "quantization" / "sensitivity.png").read_bytes().startswith(b"\x89PNG")
    engine = next(artefact for artefact in report.manifest.artefacts if artefact.name == "trt-rtx")
    assert engine.precision == "fp16"  # TensorRT-RTX gains nothing from 8 bits


def test_without_matplotlib_the_bundle_is_made_and_its_pictures_are_missed(
    loud_path: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)

    refused = export_bundle(load_checkpoint(loud_path), tmp_path / "a.skinseg", _options(data))
    walked = export_bundle(load_checkpoint(loud_path), tmp_path / "b.skinseg", _options(data, precision="auto"))

    assert _statuses(refused)["onnx-int8"] == "failed"
    assert any("there is no picture of what onnx-int8 did worst on" in warning for warning in refused.warnings)
    assert _statuses(walked)["onnx-auto"] == "verified"
    assert any("there is no chart of sensitivities" in warning for warning in walked.warnings)


def test_no_bar_opens_inside_another(loud_path: Path, data: Path, tmp_path: Path) -> None:
    bars = OneBar()

    export_bundle(load_checkpoint(loud_path), tmp_path / "a.skinseg", _options(data, precision="auto"), bars)

    assert bars.nested == []
    assert {"calibration", "calibration methods", "sensitivity of each layer", "acceptance of onnx-fp16"} <= {
        *bars.seen
    }


def test_auto_quantizes_everything_where_everything_passes(calm: Checkpoint, data: Path, tmp_path: Path) -> None:
    report = export_bundle(calm, tmp_path / "a.skinseg", _options(data, precision="auto"))

    assert {"onnx-int8", "onnx-auto"} <= _statuses(report).keys()
    assert any("All 3 layers stay in INT8" in remark for remark in report.remarks)
    files = report.manifest.files
    assert files["model.auto.onnx"] == files["model.int8.onnx"]


def test_without_pictures_int8_is_refused_and_auto_makes_fp16_and_says_why(
    calm: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SKINSEG_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    options = ExportOptions(targets=("onnx",), precision="int8")

    with pytest.raises(InputError, match="cannot calibrate: the checkpoint was trained on 'drawn'"):
        export_bundle(calm, tmp_path / "a.skinseg", options)
    report = export_bundle(calm, tmp_path / "b.skinseg", replace(options, precision="auto"))

    assert not (tmp_path / "a.skinseg").exists()
    assert _statuses(report) == {"onnx": "verified", "onnx-fp16": "verified"}
    assert report.warnings[0].startswith("auto makes fp16 and no 8 bits: cannot calibrate: ")


def test_the_training_list_that_the_checkpoint_names_is_the_default(
    calm: Checkpoint, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKINSEG_DATA", str(data.parent))

    report = export_bundle(calm, tmp_path / "a.skinseg", ExportOptions(targets=("onnx",), precision="int8"))

    assert _statuses(report)["onnx-int8"] == "verified"


def test_pictures_that_calibrate_and_judge_are_refused_by_name(calm: Checkpoint, data: Path, tmp_path: Path) -> None:
    same = tmp_path / "same"
    for seed in range(16, 32):  # under other names; the last twelve are the validation pictures
        write_png(same / f"copy{seed}.png", draw(seed, PHOTO_HW).photo)

    with pytest.raises(DatasetUnusable, match=r"copy2\d.* p2\d"):
        export_bundle(calm, tmp_path / "a.skinseg", _options(data, calibration=same, validation=data))


@pytest.mark.parametrize(
    ("levels", "words"), [((), "it holds no picture"), ((0,), "shows nothing")], ids=["empty", "one black picture"]
)
def test_a_folder_that_shows_nothing_is_refused_by_name(
    levels: tuple[int, ...], words: str, calm: Checkpoint, data: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for level in levels:
        write_png(folder / "black.png", np.full((*PHOTO_HW, 3), level, np.uint8))

    with pytest.raises(DatasetUnusable, match=words):
        export_bundle(calm, tmp_path / "a.skinseg", _options(data, calibration=folder, validation=data))


def test_a_cache_of_another_preprocessing_is_not_used_and_named(calm: Checkpoint, data: Path, tmp_path: Path) -> None:
    cache = tmp_path / "ranges.json"
    options = _options(data, calibration_cache=cache)
    other = replace(calm, contract=replace(calm.contract, resize="letterbox"))

    first = export_bundle(calm, tmp_path / "a.skinseg", options)
    again = export_bundle(calm, tmp_path / "b.skinseg", options)
    foreign = export_bundle(other, tmp_path / "c.skinseg", options)

    assert not any("calibrat" in remark.split(",")[0] for remark in first.remarks)
    assert any(remark.startswith("calibration read from") for remark in again.remarks)
    assert any("calibrated anew" in remark and "another preprocessing" in remark for remark in foreign.remarks)
    assert first.manifest.calibration == again.manifest.calibration != foreign.manifest.calibration


def test_an_untrained_network_has_no_masks_to_choose_layers_by(calm: Checkpoint, data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot export auto of an untrained network: it has no right masks"):
        export_bundle(_untrained(calm), tmp_path / "a.skinseg", _options(data, precision="auto"))


@pytest.mark.parametrize("is_named", [True, False])
def test_int8_of_an_untrained_network_is_judged_by_numbers_alone_and_says_so(
    calm: Checkpoint, data: Path, tmp_path: Path, is_named: bool
) -> None:
    options, bars = ExportOptions(targets=("onnx",), precision="int8", calibration=data if is_named else None), OneBar()

    report = export_bundle(_untrained(calm), tmp_path / "a.skinseg", options, bars)

    assert _statuses(report) == dict.fromkeys(("onnx", "onnx-fp16", "onnx-int8"), "verified")
    assert bars.nested == []
    checks = report.manifest.artefacts[-1].checks
    assert checks["judged"] == "untrained: nothing was judged by masks"
    assert (checks["calibration_method"], checks["layers_in_8_bits"]) == ("minmax", 3)
    source = "16 of 20 pictures: train.txt of" if is_named else "4 drawn lesions, seeds 1000 to 1003"
    assert str(checks["calibration_source"]).startswith(source)
    assert not any(name.startswith("acceptance/") for name in report.manifest.files)
    with pytest.raises(BundleUnusable, match="its network is untrained"):
        Segmenter.open(report.path)


def test_ranges_of_an_untrained_network_come_from_the_scan_unless_a_cache_shall_keep_every_method(
    calm: Checkpoint, data: Path, tmp_path: Path
) -> None:
    options, bars = ExportOptions(targets=("onnx",), precision="int8", calibration=data), OneBar()
    caching, others = replace(options, calibration_cache=tmp_path / "kept.json"), OneBar()

    scanned = export_bundle(_untrained(calm), tmp_path / "a.skinseg", options, bars)
    measured = export_bundle(_untrained(calm), tmp_path / "b.skinseg", caching, others)

    assert "calibration" not in bars.seen
    assert "calibration" in others.seen
    one, other = (_activation_scales(each.path / "model.int8.onnx") for each in (scanned, measured))
    assert len(one) == 3
    np.testing.assert_allclose(one, other, rtol=1e-5)


def test_a_broken_scale_of_an_untrained_network_is_found_by_its_numbers(
    calm: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def clipped(*arguments: Any, **named: Any) -> tuple[Ranges, str]:
        ranges, remark = measured_ranges(*arguments, **named)
        return {method: dict.fromkeys(reaches, 1e-3) for method, reaches in ranges.items()}, remark

    monkeypatch.setattr(layers_in_reach, "measured_ranges", clipped)

    report = export_bundle(_untrained(calm), tmp_path / "a.skinseg", ExportOptions(targets=("onnx",), precision="int8"))

    assert "cannot accept model.int8.onnx: on golden/03 its mean |dp|" in report.failures["onnx-int8"]


def _activation_scales(path: Path) -> list[float]:
    """Return the scales of the Q nodes that read values, not stored weights, in the order of computation."""
    graph = onnx.load(path).graph
    stored = {weight.name: onnx.numpy_helper.to_array(weight) for weight in graph.initializer}
    readers = (node for node in graph.node if node.op_type == "QuantizeLinear" and node.input[0] not in stored)
    return [float(stored[node.input[1]]) for node in readers]


def _untrained(checkpoint: Checkpoint) -> Checkpoint:
    return replace(checkpoint, trained=False, sha256="")


def test_half_precision_is_judged_on_the_validation_pictures_that_are_named(
    calm: Checkpoint, data: Path, tmp_path: Path
) -> None:
    options = ExportOptions(targets=("onnx",), validation=data)

    report = export_bundle(calm, tmp_path / "a.skinseg", options)

    checks = report.manifest.artefacts[1].checks
    assert checks["gate_pictures"] == 12
    assert float(checks["mean_dice"]) >= 0.998
    assert "expert_dice_drop" in checks


def test_a_stricter_contract_refuses_what_the_defaults_accept(calm: Checkpoint, data: Path, tmp_path: Path) -> None:
    limits = replace(calm.contract.limits, int8=replace(calm.contract.limits.int8, mean_dice=1.0))
    strict = replace(calm, contract=replace(calm.contract, limits=limits))

    report = export_bundle(strict, tmp_path / "a.skinseg", _options(data))

    assert _statuses(report)["onnx-int8"] == "failed"
    assert set(report.worst) == {"onnx-int8"}
