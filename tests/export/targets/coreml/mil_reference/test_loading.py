"""What a package says of itself, and what is said of a broken one."""

import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skinseg_edge.errors import FileMissing, IntegrityFailed, ToolMissing, VerificationFailed
from skinseg_export.targets.coreml.mil_reference import MilValue, UnknownOperator, load_program
from tests.export.darkness import CONTRACT, Darkness
from tests.export.targets.coreml.mil_reference.conversion import saved_network

pytest.importorskip("coremltools", reason="needs the coreml extra")

_MODEL = Path("Data/com.apple.CoreML/model.mlmodel")
_WEIGHTS = Path("Data/com.apple.CoreML/weights/weight.bin")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved_network(Darkness(), CONTRACT, tmp_path_factory.mktemp("coreml") / "model.mlpackage", precision="fp16")


@pytest.fixture
def package(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "model.mlpackage"))


def _rename_operator(package: Path, kind: str, name: str) -> None:
    from coremltools.proto import Model_pb2

    spec: Any = Model_pb2.Model()
    spec.ParseFromString((package / _MODEL).read_bytes())
    function = spec.mlProgram.functions["main"]
    for operation in function.block_specializations[function.opset].operations:
        if operation.type == kind:
            operation.type = name
    (package / _MODEL).write_bytes(spec.SerializeToString())


def test_a_program_is_read_with_its_inputs_outputs_and_operators(original: Path) -> None:
    program = load_program(original)

    assert program.specification_version == 8  # iOS 17
    assert [(given.value, given.colours, given.sizes) for given in program.inputs] == [
        (MilValue("image", "fp32", (1, 3, 64, 96)), "RGB", ((64, 96),))
    ]
    assert program.outputs == (MilValue("probability", "fp32", (1, 1, 64, 96)),)
    assert program.kinds["conv"] == 2
    assert "const" not in program.kinds
    convolution = next(operation for operation in program.operations if operation.kind == "conv")
    assert convolution.outputs[0].dtype == "fp16"
    assert convolution.outputs[0].shape == (1, 1, 64, 96)


def test_constants_are_those_of_the_file_in_their_own_type(original: Path) -> None:
    program = load_program(original)

    weights = [value for value in program.constants.values() if isinstance(value, np.ndarray) and value.ndim == 4]
    blur = next(value for value in weights if value.shape == (1, 3, 5, 5))
    np.testing.assert_array_equal(blur, np.full((1, 3, 5, 5), -1 / 75, np.float16), strict=True)


def test_a_path_that_names_nothing_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        FileMissing, match=r"cannot read the Core ML package .*none\.mlpackage: there is no such folder"
    ):
        load_program(tmp_path / "none.mlpackage")


def test_without_coremltools_the_line_that_installs_them_is_told(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "coremltools.proto", None)

    with pytest.raises(ToolMissing, match=r"run pip install 'skinseg-edge\[coreml\]'"):
        load_program(package)


@pytest.mark.parametrize("part", [Path("Manifest.json"), _MODEL, _WEIGHTS], ids=lambda part: part.name)
def test_a_missing_part_is_named_and_not_made(package: Path, part: Path) -> None:
    (package / part).unlink()

    with pytest.raises(IntegrityFailed, match=rf"{part.name}: [nN]o such file|{part.name}: there is no such file"):
        load_program(package)
    assert not (package / part).exists()


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        ("{", "it is no strict JSON"),
        ("{}", "it names no root model inside the package"),
        (
            '{"rootModelIdentifier": "a", "itemInfoEntries": {"a": {"path": "../../x"}}}',
            "it names no root model inside",
        ),
        ('{"rootModelIdentifier": [], "itemInfoEntries": {"a": {"path": "x"}}}', "it names no root model inside"),
    ],
)
def test_a_manifest_that_leads_nowhere_is_refused(package: Path, manifest: str, reason: str) -> None:
    (package / "Manifest.json").write_text(manifest)

    with pytest.raises(IntegrityFailed, match=rf"Manifest\.json: {reason}"):
        load_program(package)


@pytest.mark.parametrize(
    ("part", "kept"), [(_MODEL, 1000), (_WEIGHTS, 100), (_WEIGHTS, 0)], ids=["model", "weights", "no weights"]
)
def test_a_file_that_was_cut_is_named(package: Path, part: Path, kept: int) -> None:
    whole = (package / part).read_bytes()
    assert len(whole) > kept
    (package / part).write_bytes(whole[:kept])

    with pytest.raises(
        IntegrityFailed, match=rf"cannot read .*{part.name}: .* so the package is damaged; export it anew"
    ):
        load_program(package)


def test_a_model_of_another_kind_is_refused(package: Path) -> None:
    (package / _MODEL).write_bytes(b"")

    with pytest.raises(VerificationFailed, match=r"model\.mlmodel: it holds no model, expected an mlProgram"):
        load_program(package)


def test_an_operator_that_coremltools_lacks_is_named_with_its_place(package: Path) -> None:
    _rename_operator(package, "sigmoid", "sigmoid_of_tomorrow")

    with pytest.raises(UnknownOperator, match=r"operation \d+ \(.*\) needs sigmoid_of_tomorrow, which the reference"):
        load_program(package)


def test_an_operator_with_inputs_that_it_does_not_have_is_told_as_damage(package: Path) -> None:
    _rename_operator(package, "sigmoid", "matmul")

    with pytest.raises(IntegrityFailed, match=r"model\.mlmodel"):
        load_program(package)
