"""The precisions that only Core ML packages have: named for the engine coreml, and answered clearly elsewhere."""

from pathlib import Path

import pytest
from click import Command

from skinseg_edge.bundle import Bundle, BundleDraft
from skinseg_edge.errors import BundleUnusable, InputError, UnknownName
from skinseg_edge.image_io import encode_png
from skinseg_edge.manifest import Artefact, GoldenCase, Provenance
from skinseg_runtime import bench_cli, cli, verify_cli
from skinseg_runtime.benchmark import Job
from skinseg_runtime.comparison import forms_of, steps
from skinseg_runtime.engines import artefact_of_engine, choose_engine
from tests.runtime.calling import call, error_of, only_object
from tests.runtime.device_receipts import CONTRACT
from tests.runtime.engines.fake_coreml import fake_frameworks
from tests.runtime.tiny_bundle import Checks, binary_model, photo_and_mask


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    return write_packages(tmp_path / "tiny.skinseg", {"golden_dice": 0.9, "golden_area_drift": 0.04})


def write_packages(folder: Path, reached: Checks) -> Path:
    """Write a bundle with an fp32 ONNX file and two Core ML packages, the smaller of which *reached* so much."""
    folder.mkdir()
    draft = BundleDraft(folder)
    draft.add_bytes("model.onnx", binary_model())
    artefacts = [Artefact(name="onnx", path="model.onnx", precision="fp32", status="verified", checks={})]
    for name, path, precision in (
        ("coreml", "model.mlpackage", "fp16"),
        ("coreml-int4", "model.int4.mlpackage", "int4"),
    ):
        draft.add_bytes(f"{path}/Manifest.json", name.encode())
        checks = reached if precision == "int4" else {}
        artefacts.append(Artefact(name=name, path=path, precision=precision, status="verified", checks=checks))
    photo, mask = photo_and_mask()
    for name, picture in (("01.png", photo), ("01.mask.png", mask), ("01.probability.png", mask.astype("uint16"))):
        draft.add_bytes(f"golden/{name}", encode_png(picture))
    paths = {"image": "golden/01.png", "mask": "golden/01.mask.png", "probability": "golden/01.probability.png"}
    origin = Provenance(
        network="tiny",
        network_options={},
        checkpoint_sha256="0" * 64,
        trained=True,
        training_data="none",
        code_version="1",
        tools={},
        created="2025-01-31",
    )
    golden = [GoldenCase(**paths, min_dice=0.97, max_area_drift=0.03)]
    draft.finish(name="tiny", contract=CONTRACT, provenance=origin, artefacts=artefacts, golden=golden)
    return folder


def test_a_package_is_held_to_what_itself_reached(
    packages: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake_frameworks(monkeypatch, tmp_path)
    result = call(verify_cli.main, packages, "--engine", "coreml", "--precision", "int4", "--json")
    document = only_object(result.stdout)
    assert document["model"] == {"engine": "coreml", "precision": "int4", "fallback": None}
    assert "coreml-int4 fits the contract" in str(document["checks"])
    golden = document["golden"]
    assert isinstance(golden, list)
    assert [case["min_dice"] for case in golden] == [pytest.approx(0.89)]


def test_its_times_are_shown_as_its_own(packages: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_frameworks(monkeypatch, tmp_path)
    result = call(
        bench_cli.main,
        packages,
        *("--engine", "coreml", "--precision", "int4", "--runs", "2", "--warm-up", "0", "--json"),
    )
    assert result.exit_code == 0
    forms = only_object(result.stdout)["forms"]
    assert isinstance(forms, list)
    assert [(form["precision"], form["artefact"]) for form in forms] == [("int4", "coreml-int4")]


def test_a_comparison_for_core_ml_is_one_of_packages(packages: Path) -> None:
    bundle = Bundle.open(packages)
    assert [form.artefact.name for form in forms_of(bundle, "coreml")] == ["coreml", "coreml-int4"]
    assert [form.artefact.name for form in forms_of(bundle)] == ["onnx"]
    assert steps(bundle, Job(bundle=packages, engine="coreml", runs=1)) == 2


@pytest.mark.parametrize("command", [cli.main, verify_cli.main, bench_cli.main])
@pytest.mark.parametrize("engine", ["auto", "onnxruntime", "trt"])
def test_elsewhere_one_sentence_says_which_engine_has_it(packages: Path, command: Command, engine: str) -> None:
    picture = [packages / "golden/01.png"] if command is cli.main else []
    result = call(command, packages, *picture, "--engine", engine, "--precision", "palettized", "--json")
    assert (result.exit_code, error_of(result)["kind"]) == (2, "InputError")
    assert f"cannot run palettized with the engine {engine}: only Core ML packages come in it" in str(error_of(result))
    assert "on a Mac the engine coreml" in str(error_of(result))


def test_core_ml_has_no_mix_of_layers(packages: Path) -> None:
    with pytest.raises(InputError, match="cannot run auto with the engine coreml: only ONNX files come in it"):
        choose_engine(Bundle.open(packages), "coreml", "auto")


def test_a_package_that_was_not_made_is_told_with_those_that_were(
    packages: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake_frameworks(monkeypatch, tmp_path)
    with pytest.raises(BundleUnusable, match=r"coreml \(fp16\), coreml-int4 \(int4\)"):
        artefact_of_engine(Bundle.open(packages), "coreml", "w8a8")


def test_a_name_that_no_engine_knows_is_answered_with_those_of_the_engine(packages: Path) -> None:
    with pytest.raises(UnknownName, match="palettized"):
        artefact_of_engine(Bundle.open(packages), "coreml", "int2")
