"""The Core ML engine against stand-ins of Apple's frameworks: what it hands over, reads back, and refuses."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_edge.bundle import Bundle, BundleDraft
from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import BundleUnusable, ContractInvalid, IntegrityFailed, ParityFailed, ToolMissing, UnknownName
from skinseg_edge.manifest import Artefact, ArtefactStatus, Provenance
from skinseg_runtime.engines.coreml import CoremlEngine, coreml_artefact, open_coreml
from skinseg_runtime.engines.protocol import Engine
from tests.runtime.engines.fake_coreml import FakeApple, fake_frameworks, pretend_platform

CONTRACT = ModelContract(input_hw=(20, 36))


@pytest.fixture
def apple(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeApple:
    return fake_frameworks(monkeypatch, tmp_path)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "model.mlpackage"
    folder.mkdir()
    return folder


@pytest.fixture
def engine(apple: FakeApple, package: Path) -> Iterator[CoremlEngine]:
    engine = CoremlEngine(package, CONTRACT)
    yield engine
    engine.close()


def colours(count: int = 1) -> NDArray[np.uint8]:
    """Pictures in which no two pixels or channels can be mistaken for each other."""
    return np.random.default_rng(3).integers(0, 256, (count, *CONTRACT.input_hw, 3), dtype=np.uint8)


def bundle_with(folder: Path, *forms: tuple[str, str, ArtefactStatus]) -> Bundle:
    """Write a bundle whose Core ML artefacts are *forms*: name, precision, status."""
    folder.mkdir()
    draft = BundleDraft(folder)
    draft.add_bytes("MODEL_CARD.md", b"tiny")
    artefacts = []
    for name, precision, status in forms:
        draft.add_bytes(f"{name}.mlpackage/Manifest.json", b"{}")
        artefacts.append(Artefact(name=name, path=f"{name}.mlpackage", precision=precision, status=status, checks={}))
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
    draft.finish(name="tiny", contract=CONTRACT, provenance=origin, artefacts=artefacts)
    return Bundle.open(folder)


def test_pixels_arrive_in_their_colours_and_places_and_the_answer_comes_back_without_its_gaps(
    engine: CoremlEngine,
) -> None:
    images = colours(3)

    probability = engine.infer(images)

    # What the fake model computes: 1 - (B / 2 + G / 4 + R / 4) / 255.
    expected = 1 - (images @ np.array([0.25, 0.25, 0.5])) / 255
    assert probability.shape == (3, 1, 20, 36)
    assert probability.dtype == np.float32
    np.testing.assert_allclose(probability[:, 0], expected, atol=1e-6)


def test_it_has_the_shape_of_an_engine_and_frees_what_apple_hands_out(apple: FakeApple, engine: Engine) -> None:
    assert (engine.name, engine.input_hw, engine.classes) == ("coreml", (20, 36), 1)
    before = apple.pools
    engine.infer(colours(2))
    assert apple.pools == before + 2  # one pool a picture


@pytest.mark.parametrize(
    ("choice", "apples"),
    [("CPU_ONLY", "cpu"), ("CPU_AND_GPU", "cpu and gpu"), ("CPU_AND_NE", "cpu and ne"), ("ALL", "all")],
)
def test_the_compute_units_are_those_that_were_asked_for(
    apple: FakeApple, package: Path, choice: str, apples: str
) -> None:
    CoremlEngine(package, CONTRACT, compute_units=choice).close()
    assert apple.units == [apples]


def test_an_unknown_choice_of_compute_units_is_answered_with_the_known_ones(apple: FakeApple, package: Path) -> None:
    with pytest.raises(UnknownName, match="CPU_AND_NE"):
        CoremlEngine(package, CONTRACT, compute_units="CPU_AND_ANE")


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        ("compile", "cannot compile model.mlpackage: Core ML says 'Error Domain"),
        ("load", "on ALL: Core ML says 'no such"),
    ],
)
def test_a_package_that_core_ml_refuses_leaves_nothing_behind(
    apple: FakeApple, package: Path, mistake: str, words: str
) -> None:
    apple.mistake = mistake
    with pytest.raises(BundleUnusable, match=words):
        CoremlEngine(package, CONTRACT)
    assert not list(apple.scratch.glob("*.mlmodelc"))


@pytest.mark.parametrize(
    ("mistake", "error", "words"),
    [
        ("buffer", BundleUnusable, "Core Video says -6660"),
        ("provider", BundleUnusable, "bad features"),
        ("run", BundleUnusable, "the graph broke"),
        ("name", BundleUnusable, "no float32 array named probability"),
        ("type", BundleUnusable, "no float32 array named probability"),
        ("shape", ContractInvalid, r"it is \(1, 1, 20, 35\), expected \(1, 1, 20, 36\)"),
        ("nan", ParityFailed, "expected probabilities"),
    ],
)
def test_an_answer_that_cannot_be_used_is_an_error_in_words(
    apple: FakeApple, engine: CoremlEngine, mistake: str, error: type[Exception], words: str
) -> None:
    apple.mistake = mistake
    with pytest.raises(error, match=words):
        engine.infer(colours())


def test_pictures_of_another_size_are_refused_before_core_ml_sees_them(engine: CoremlEngine) -> None:
    with pytest.raises(ValueError, match="expected"):
        engine.infer(np.zeros((1, 20, 35, 3), np.uint8))


def test_a_closed_engine_removes_what_was_compiled_and_answers_no_more(apple: FakeApple, package: Path) -> None:
    engine = CoremlEngine(package, CONTRACT)
    assert list(apple.scratch.glob("*.mlmodelc"))
    engine.close()
    engine.close()
    assert not list(apple.scratch.glob("*.mlmodelc"))
    with pytest.raises(ValueError, match="closed"):
        engine.infer(colours())


def test_elsewhere_than_on_macos_it_says_what_it_needs(monkeypatch: pytest.MonkeyPatch, package: Path) -> None:
    pretend_platform(monkeypatch, "Linux")
    with pytest.raises(ToolMissing, match="runs on macOS, this system is Linux; use engine onnxruntime"):
        CoremlEngine(package, CONTRACT)


def test_a_mac_without_pyobjc_is_told_what_to_install(apple: FakeApple, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "Quartz", None)
    with pytest.raises(ToolMissing, match=r"Quartz of pyobjc is not installed; run pip install 'skinseg-edge\[coreml-"):
        CoremlEngine(Path("model.mlpackage"), CONTRACT)


def test_a_bundles_usual_package_is_opened_and_its_precision_told(apple: FakeApple, tmp_path: Path) -> None:
    bundle = bundle_with(tmp_path / "b.skinseg", ("coreml", "fp16", "verified"), ("coreml-int8", "int8", "verified"))

    engine, precision = open_coreml(bundle)
    engine.close()

    assert precision == "fp16"
    assert coreml_artefact(bundle, "int8").name == "coreml-int8"


def test_a_bundle_without_such_a_package_says_which_it_has(apple: FakeApple, tmp_path: Path) -> None:
    bundle = bundle_with(tmp_path / "b.skinseg", ("coreml", "fp16", "verified"))
    with pytest.raises(BundleUnusable, match=r"in int8: its Core ML packages are: coreml \(fp16\)"):
        open_coreml(bundle, "int8")


def test_a_package_that_failed_or_changed_is_not_run(apple: FakeApple, tmp_path: Path) -> None:
    failed = bundle_with(tmp_path / "failed.skinseg", ("coreml", "fp16", "failed"))
    changed = bundle_with(tmp_path / "changed.skinseg", ("coreml", "fp16", "verified"))
    (changed.path / "coreml.mlpackage" / "Manifest.json").write_bytes(b"[]")

    with pytest.raises(ParityFailed, match="its status is 'failed'"):
        open_coreml(failed)
    with pytest.raises(IntegrityFailed, match=r"Manifest\.json"):
        open_coreml(changed)
