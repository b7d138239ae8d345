"""What a quantized export refuses, leaves alone or tells, though nobody asked."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from skinseg_edge.bundle import Bundle
from skinseg_edge.datasets.synthetic_lesions import draw
from skinseg_edge.errors import DatasetUnusable, InputError, ToolMissing
from skinseg_edge.image_io import write_png
from skinseg_edge.networks import register
from skinseg_edge.networks.checkpoint import Checkpoint
from skinseg_edge.networks.registry import _factories
from skinseg_export import ExportOptions, ExportReport, export_bundle
from skinseg_export.quantization import modelopt_quantizer
from tests.export.darkness import CONTRACT
from tests.export.quantization.drawn_data import PHOTO_HW, write_drawn_data
from tests.export.quantization.planted import Planted


class Loud(Planted):
    """Planted with a layer whose input is carried to *power* of ten and back."""

    def __init__(self, classes: int = 1, power: float = 12.0) -> None:
        super().__init__(classes, loudness=0.0)
        self.power = power
        self.far = torch.nn.Conv2d(8, 8, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits, N x 1 x H x W."""
        dark = self.stem(images)
        features = torch.relu(self.before(dark - dark.mean((2, 3), keepdim=True)))
        far = torch.tanh(self.far(torch.exp(torch.tanh(features) * 0.01 + 2.302585 * self.power)))
        features = features + 1e-3 * self.after(far)
        logits: Tensor = self.head(torch.relu(self.loud(torch.cat((features, features[:, :1]), 1))))
        return logits


@pytest.fixture(scope="module", autouse=True)
def _registered() -> Iterator[None]:
    known = {name for name in ("planted", "far") if name not in _factories}
    for name in known:
        register(name, {"planted": Planted, "far": Loud}[name])
    yield
    for name in known:
        del _factories[name]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen drawn pictures to calibrate with and eight others to judge on."""
    return write_drawn_data(tmp_path_factory.mktemp("data") / "drawn", calibrating=16, judging=8)


def _checkpoint(loudness: float = 0.0) -> Checkpoint:
    return Checkpoint(
        network=Planted(loudness=loudness).eval(),
        network_name="planted",
        contract=CONTRACT,
        options={"loudness": loudness},
        sha256="0" * 64,
    )


def _export(checkpoint: Checkpoint, path: Path, data: Path, **others: object) -> ExportReport:
    given: dict[str, object] = {"targets": ("onnx",), "precision": "int8", "calibration": data, **others}
    return export_bundle(checkpoint, path, ExportOptions(**given))  # type: ignore[arg-type]  # the tests name them


def test_masks_among_the_calibration_pictures_are_refused_by_name(data: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetUnusable, match=r"cannot calibrate with .*masks.p\d\d\.png: .* as in a mask"):
        _export(_checkpoint(), tmp_path / "a.skinseg", data / "masks", validation=data)


def test_masks_among_the_pictures_to_judge_on_are_refused_by_name(data: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetUnusable, match=r"cannot judge on .*masks.p00\.png: .* as in a mask"):
        _export(_checkpoint(), tmp_path / "a.skinseg", data, precision="fp16", validation=data / "masks")


def test_a_network_of_one_class_calibrates_on_pictures_drawn_in_several(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "several"
    for seed in range(24):
        lesion = draw(seed, PHOTO_HW)
        write_png(folder / "images" / f"p{seed:02d}.png", lesion.photo)
        write_png(folder / "masks" / f"p{seed:02d}.png", np.where(lesion.mask, np.uint8(2), np.uint8(0)))
    for name in ("train.txt", "validation.txt"):
        (folder / name).write_text((data / name).read_text())
    (folder / "classes.txt").write_text("skin\nhair\nlesion\n")

    one, several = (_export(_checkpoint(), tmp_path / f"{each.name}.skinseg", each) for each in (data, folder))

    assert _coverage(several)["counts"] == _coverage(one)["counts"]


def _coverage(report: ExportReport) -> dict[str, object]:
    found = json.loads((report.path / "quantization" / "report.json").read_text())
    coverage: dict[str, object] = found["calibration"]["coverage"]
    return coverage


def test_a_layer_that_reads_what_no_scale_reaches_is_left_alone_and_named(data: Path, tmp_path: Path) -> None:
    network = Loud(power=12.0).eval()
    checkpoint = replace(_checkpoint(), network=network, network_name="far", options={"power": 12.0})

    report = _export(checkpoint, tmp_path / "a.skinseg", data)

    found = json.loads((report.path / "quantization" / "report.json").read_text())
    assert "far" not in found["layers"]["quantizable"]
    assert "its input reaches" in found["layers"]["left_alone"]["far"]
    assert {"before", "after", "loud"} == set(found["layers"]["quantizable"])


def test_what_training_recorded_must_be_reaches(data: Path, tmp_path: Path) -> None:
    training = {"quantization": {"method": "qat", "input_reaches": {"before": float("nan")}}}

    with pytest.raises(InputError, match="it recorded that the input of before reaches"):
        _export(replace(_checkpoint(), training=training), tmp_path / "a.skinseg", data)


def test_a_cache_of_other_methods_is_measured_anew(data: Path, tmp_path: Path) -> None:
    cache = tmp_path / "ranges.json"
    _export(_checkpoint(), tmp_path / "a.skinseg", data, calibration_cache=cache)
    kept = json.loads(cache.read_text())
    kept["ranges"] = {"guessed": kept["ranges"]["minmax"]}
    cache.write_text(json.dumps(kept))

    report = _export(_checkpoint(), tmp_path / "b.skinseg", data, calibration_cache=cache)

    assert any("calibrated anew" in remark and "other methods" in remark for remark in report.remarks)
    assert set(json.loads(cache.read_text())["ranges"]) == {"minmax", "percentile", "entropy"}


def test_an_earlier_refusal_leaves_no_pictures_beside_an_accepted_bundle(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.skinseg"
    refused = _export(_checkpoint(loudness=4000.0), path, data)
    assert refused.worst["onnx-int8"].is_file()

    accepted = _export(_checkpoint(), path, data, force=True)

    assert accepted.worst == {}
    assert [each.name for each in tmp_path.iterdir()] == ["a.skinseg"]


def test_no_device_is_told_to_build_what_the_gate_refuses(data: Path, tmp_path: Path) -> None:
    report = _export(_checkpoint(loudness=4000.0), tmp_path / "a.skinseg", data, targets=("trt",))

    assert "onnx-int8" in report.failures
    assert [plan["onnx"] for plan in report.manifest.device_plans] == ["model.fp16.onnx", "model.onnx"]


def test_the_figures_tell_which_pictures_judged(data: Path, tmp_path: Path) -> None:
    judged = _export(_checkpoint(), tmp_path / "a.skinseg", data)
    drawn = export_bundle(_checkpoint(), tmp_path / "b.skinseg", ExportOptions(targets=("onnx",)))

    assert [artefact.checks.get("gate_source") for artefact in judged.manifest.artefacts] == [
        None, "drawn/validation.txt", "drawn/validation.txt",
    ]  # fmt: skip
    assert drawn.manifest.artefacts[1].checks["gate_source"] == "golden pictures, drawn"
    whole = json.loads((judged.path / "acceptance" / "onnx-int8.json").read_text())
    assert (whole["source"], whole["scope"]) == ("drawn/validation.txt", "the lesion mask")


def test_each_golden_picture_has_the_figures_that_a_device_must_reach(data: Path, tmp_path: Path) -> None:
    report = _export(_checkpoint(), tmp_path / "a.skinseg", data)

    checks = Bundle.open(report.path).manifest.artefacts[2].checks
    dice = [float(checks[f"golden_dice_{number:02d}"]) for number in range(1, 9)]
    drift = [float(checks[f"golden_area_drift_{number:02d}"]) for number in range(1, 9)]
    assert (min(dice), max(drift)) == (checks["golden_dice"], checks["golden_area_drift"])


@pytest.mark.skipif(not modelopt_quantizer.missing_modules(), reason="modelopt is installed here")
def test_a_missing_modelopt_is_told_before_any_work(tmp_path: Path) -> None:
    # Were it told later, the missing folder of calibration pictures would be what is told.
    with pytest.raises(ToolMissing, match="cannot quantize with nvidia-modelopt"):
        _export(_checkpoint(), tmp_path / "a.skinseg", tmp_path / "nowhere", quantizer="modelopt")


def test_options_that_do_nothing_are_told(data: Path, tmp_path: Path) -> None:
    cache = tmp_path / "ranges.json"

    report = _export(
        _checkpoint(), tmp_path / "a.skinseg", data, precision="fp16", quantizer="modelopt", calibration_cache=cache
    )

    assert report.remarks == ("--quantizer and --calibration-cache did nothing: fp16 has no 8 bits",)
    assert not cache.exists()
