"""Golden cases on a device: held to the bundle's floors, and at a quantized precision to what the export reached."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from skinseg_edge.bundle import Bundle
from skinseg_edge.manifest import Artefact, FileRecord, GoldenCase, Manifest
from skinseg_runtime import Segmenter
from skinseg_runtime.verification import GoldenFloors, golden_outcomes
from skinseg_runtime.verify_cli import main
from tests.runtime.calling import call, only_object
from tests.runtime.tiny_bundle import Checks, binary_model, write_bundle

CASE = GoldenCase(
    image="golden/01.png",
    mask="golden/01.mask.png",
    probability="golden/01.probability.png",
    min_dice=0.97,
    max_area_drift=0.03,
)
REACHED = {"golden_dice": 0.9, "golden_area_drift": 0.15}


def artefact(precision: str, checks: Mapping[str, float | str | bool]) -> Artefact:
    name, path = f"onnx-{precision}", f"model.{precision}.onnx"
    return Artefact(name=name, path=path, precision=precision, status="verified", checks=checks)


def bundle_with(folder: Path, precision: str, checks: Mapping[str, float | str | bool]) -> Path:
    """A bundle whose golden mask lies 8 px (of 320) beside what its network finds, with one artefact more."""
    write_bundle(folder, golden=lambda mask: np.roll(mask, 8, axis=1))
    added, model = artefact(precision, checks), binary_model()
    (folder / added.path).write_bytes(model)
    path = folder / "manifest.json"
    manifest = Manifest.from_bytes(path.read_bytes())
    files = {**manifest.files, added.path: FileRecord.of(model)}
    path.write_bytes(dataclasses.replace(manifest, files=files, artefacts=(*manifest.artefacts, added)).to_bytes())
    return folder


def checks_of(stdout: str) -> dict[str, tuple[bool, str]]:
    checks = only_object(stdout)["checks"]
    assert isinstance(checks, list)
    return {check["name"]: (check["passed"], check["detail"]) for check in checks}


@pytest.mark.parametrize(
    ("checks", "floors"),
    [
        ({}, (0.97, 0.03)),
        (REACHED, (0.89, 0.16)),
        ({"golden_dice": 1.0, "golden_area_drift": 0.0}, (0.97, 0.03)),  # better asks for no more
        ({"golden_dice": 0.001, "golden_area_drift": 0.025}, (0.0, 0.035)),
        ({"golden_dice": 0.9}, (0.89, 0.03)),
        ({"golden_dice": "0.9", "golden_area_drift": True}, (0.97, 0.03)),
    ],
)
def test_floors_are_what_the_case_asks_for_or_what_the_artefact_reached_less_a_hundredth(
    checks: Mapping[str, float | str | bool], floors: tuple[float, float]
) -> None:
    found = GoldenFloors.of(CASE, artefact("int8", checks))

    assert (found.min_dice, found.max_area_drift) == pytest.approx(floors)


def test_what_was_reached_on_the_case_itself_goes_before_the_worst_of_all() -> None:
    worst = {"golden_dice": 0.2, "golden_area_drift": 5.0, "golden_dice_02": 0.1}
    own = {**worst, "golden_dice_01": 0.95, "golden_area_drift_01": 0.06}
    found = GoldenFloors.of(CASE, artefact("int8", own))
    assert (found.min_dice, found.max_area_drift) == pytest.approx((0.94, 0.07))
    assert (found.are_telling, GoldenFloors.of(CASE, artefact("int8", worst)).are_telling) == (True, False)


def test_golden_cases_that_an_empty_mask_would_pass_vouch_for_nothing(tmp_path: Path) -> None:
    folder = bundle_with(tmp_path / "b.skinseg", "int8", {"golden_dice": 0.0, "golden_area_drift": 1.0})

    result = call(main, folder, "--precision", "int8")

    assert result.exit_code == 1
    assert "none of 1 asks for a Dice of 0.8" in result.stderr
    assert "not judged" in result.stdout


def test_a_refusal_without_figures_is_told_with_its_reason(tmp_path: Path) -> None:
    checks: dict[str, Checks] = {"int8": {"failure": "TensorRT cannot build it\n\x1b[31m"}}
    forms = {"int8": binary_model()}
    folder = write_bundle(tmp_path / "b.skinseg", forms=forms, failed=("int8",), checks=checks)

    found = checks_of(call(main, folder, "--precision", "int8", "--json").stdout)["acceptance"]

    assert found == (False, r"TensorRT cannot build it\n\x1b[31m")


def test_without_an_artefact_the_case_decides() -> None:
    assert GoldenFloors.of(CASE) == GoldenFloors(0.97, 0.03)


@pytest.mark.parametrize("precision", ["int8", "auto"])
def test_a_quantized_artefact_is_held_to_what_it_reached_and_single_precision_to_the_case(
    tmp_path: Path, precision: str
) -> None:
    folder = bundle_with(tmp_path / "b.skinseg", precision, REACHED)

    with Segmenter.open(folder, precision=precision) as segmenter:
        [quantized] = golden_outcomes(Bundle.open(folder), segmenter, precision=precision)
        [single] = golden_outcomes(Bundle.open(folder), segmenter)

    assert quantized.dice == single.dice
    assert 0.89 < quantized.dice < 0.97
    assert (quantized.passed, single.passed) == (True, False)
    assert quantized.to_json()["min_dice"] == pytest.approx(0.89)
    assert single.to_json()["min_dice"] == 0.97


def test_a_half_precision_artefact_is_held_to_the_case_whatever_its_checks_say(tmp_path: Path) -> None:
    folder = bundle_with(tmp_path / "b.skinseg", "fp16", REACHED)

    assert checks_of(call(main, folder, "--precision", "fp16", "--json").stdout)["golden cases"][0] is False


def test_the_command_judges_a_quantized_artefact_by_its_own_floors_and_shows_them(tmp_path: Path) -> None:
    folder = bundle_with(tmp_path / "b.skinseg", "int8", REACHED)

    quantized, single = call(main, folder, "--precision", "int8"), call(main, folder)

    assert (quantized.exit_code, single.exit_code) == (0, 1)
    assert "0.8900" in quantized.stdout
    assert "16.00%" in quantized.stdout


def test_a_quantized_artefact_that_gives_less_than_it_gave_fails(tmp_path: Path) -> None:
    folder = bundle_with(tmp_path / "b.skinseg", "int8", {"golden_dice": 0.96, "golden_area_drift": 0.01})

    result = call(main, folder, "--precision", "int8")

    assert result.exit_code == 1
    assert "1 of 1 left their tolerance" in result.stderr


def test_the_command_shows_what_the_artefact_was_accepted_on(tmp_path: Path) -> None:
    folder = bundle_with(tmp_path / "b.skinseg", "auto", {**REACHED, "mean_dice": 0.99123, "gate_pictures": 398})

    by_gate = checks_of(call(main, folder, "--precision", "auto", "--json").stdout)["acceptance"]
    by_golden = checks_of(call(main, folder, "--json").stdout)["acceptance"]

    assert by_gate == (True, "mean Dice 0.9912 to the trained network's masks, 398 pictures, where it was made")
    assert by_golden == (True, "golden cases only")


def test_an_artefact_that_failed_its_acceptance_shows_the_figures_that_it_failed_with(tmp_path: Path) -> None:
    folder = bundle_with(tmp_path / "b.skinseg", "int8", {"mean_dice": 0.31, "gate_pictures": 398})
    path = folder / "manifest.json"
    manifest = Manifest.from_bytes(path.read_bytes())
    failed = tuple(dataclasses.replace(each, status="failed") for each in manifest.artefacts)
    path.write_bytes(dataclasses.replace(manifest, artefacts=failed).to_bytes())

    result = call(main, folder, "--precision", "int8", "--json")

    assert result.exit_code == 1
    assert checks_of(result.stdout)["acceptance"][0] is False
    assert "mean Dice 0.3100" in checks_of(result.stdout)["acceptance"][1]
