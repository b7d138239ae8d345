"""The real coremltools, which converts on Linux; running the package needs macOS."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from skinseg_edge._version import __version__
from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import InputError, ToolMissing, VerificationFailed
from skinseg_export.targets.coreml.build import coreml_version, mlpackage_from_torch
from skinseg_export.targets.coreml.options import CoremlOptions
from skinseg_export.targets.coreml.verify import verify_mlpackage
from tests.export.darkness import CONTRACT, FACE_CONTRACT, Darkness, Levels
from tests.export.targets.coreml.convolutions import Convolutions
from tests.export.targets.coreml.packages import specification

_PICTURE = np.full((*CONTRACT.input_hw, 3), 90, np.uint8)
_PARAMETERS = sum(parameter.numel() for parameter in Darkness().parameters())


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("coremltools", reason="needs the coreml extra")
    folder = tmp_path_factory.mktemp("coreml") / "model.mlpackage"
    mlpackage_from_torch(Darkness(), CONTRACT, folder, metadata={"network": "darkness"})
    return folder


def test_the_package_is_an_ml_program_for_ios_17_and_says_what_was_not_verified(package: Path) -> None:
    checks = verify_mlpackage(package, CONTRACT, parameters=_PARAMETERS)

    assert checks["specification_version"] == 8
    assert "conv 2" in str(checks["operation_kinds"])
    assert checks["numbers_verified"] is False
    assert "not verified on this machine" in str(checks["remark"])


def test_the_package_tells_an_app_how_to_use_it(package: Path) -> None:
    from coremltools.models import MLModel

    description = MLModel(str(package), skip_model_load=True).get_spec().description

    metadata = dict(description.metadata.userDefined)
    assert metadata["skinseg.network"] == "darkness"
    assert '"input_hw": [64, 96]' in metadata["skinseg.contract"]
    assert description.input[0].shortDescription == "RGB picture, 96 x 64 px, resized by stretch"
    assert "a pixel belongs to it from 0.4" in description.output[0].shortDescription


def test_the_package_names_author_licence_version_and_what_xcode_shows(package: Path) -> None:
    metadata = specification(package).description.metadata

    assert metadata.author == "skinseg-edge"
    assert metadata.license.startswith("Apache-2.0 for the code")
    assert metadata.versionString == __version__
    assert metadata.userDefined["com.apple.coreml.model.preview.type"] == "imageSegmenter"
    # Black and blue, the first two of the project's colours for classes.
    assert json.loads(metadata.userDefined["com.apple.coreml.model.preview.params"]) == {
        "labels": ["skin", "lesion"],
        "colors": ["#000000", "#0072B2"],
    }


def test_the_neural_engine_is_recommended_for_half_precision_only(package: Path, tmp_path: Path) -> None:
    single = tmp_path / "single.mlpackage"
    mlpackage_from_torch(Darkness(), CONTRACT, single, CoremlOptions(precision="fp32"))

    units = [dict(specification(each).description.metadata.userDefined) for each in (package, single)]
    assert [each["skinseg.compute_units"] for each in units] == ["ALL", "CPU_AND_GPU"]
    assert [each["skinseg.precision"] for each in units] == ["fp16", "fp32"]


def test_a_binary_network_has_a_map_of_skin_and_lesion_beside_its_probability(package: Path) -> None:
    outputs = specification(package).description.output

    found = {value.name: value.type.multiArrayType for value in outputs}
    assert list(found) == ["probability", "class_map"]
    assert [tuple(value.shape) for value in found.values()] == [(1, 1, 64, 96), (1, 64, 96)]
    assert [value.ArrayDataType.Name(value.dataType) for value in found.values()] == ["FLOAT32", "INT32"]
    assert outputs[1].shortDescription == "class of each pixel, (1, 64, 96), whole numbers: 0 skin, 1 lesion"


def test_several_classes_are_named_and_numbered_in_the_order_of_the_contract(tmp_path: Path) -> None:
    folder = tmp_path / "model.mlpackage"
    mlpackage_from_torch(Levels(), FACE_CONTRACT, folder)

    description = specification(folder).description
    preview = json.loads(description.metadata.userDefined["com.apple.coreml.model.preview.params"])
    assert preview["labels"] == ["BACKGROUND", "ET", "HHB", "XB", "LF", "RF"]
    assert len(set(preview["colors"])) == 6
    assert description.output[1].shortDescription.endswith("0 BACKGROUND, 1 ET, 2 HHB, 3 XB, 4 LF, 5 RF")


def test_ios_18_is_chosen_by_the_options(tmp_path: Path) -> None:
    folder = tmp_path / "model.mlpackage"
    mlpackage_from_torch(Darkness(), CONTRACT, folder, CoremlOptions(ios=18))

    assert specification(folder).specificationVersion == 9


def test_the_caller_s_network_stays_as_it_was(tmp_path: Path) -> None:
    network = Convolutions().train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}

    mlpackage_from_torch(
        network, CONTRACT, tmp_path / "model.mlpackage", CoremlOptions(precision="w8a8"), calibration=[_PICTURE]
    )

    assert network.training
    assert network.norm.training
    assert list(before) == list(network.state_dict())
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_every_file_of_the_package_can_be_read_by_others(package: Path) -> None:
    assert {path.stat().st_mode & 0o777 for path in package.rglob("*") if path.is_file()} == {0o644}


def test_a_package_of_another_size_is_refused(package: Path) -> None:
    contract = ModelContract(input_hw=(64, 64))

    with pytest.raises(VerificationFailed, match=r"its input size: \(64, 96\), expected \(64, 64\)"):
        verify_mlpackage(package, contract, parameters=_PARAMETERS)


def test_a_package_without_all_its_weights_is_refused(package: Path) -> None:
    with pytest.raises(VerificationFailed, match=r"its weights take \d+ bytes, expected about 2000000"):
        verify_mlpackage(package, CONTRACT, parameters=1_000_000)


def test_an_operation_without_a_core_ml_form_is_refused_by_the_network_s_name(tmp_path: Path) -> None:
    pytest.importorskip("coremltools", reason="needs the coreml extra")
    from torch import Tensor, nn

    class Shuffled(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return nn.functional.grid_sample(images, images[:, :2].permute(0, 2, 3, 1), mode="bicubic")[:, :1]

    with pytest.raises(InputError, match="cannot convert Shuffled to Core ML: "):
        mlpackage_from_torch(Shuffled(), CONTRACT, tmp_path / "model.mlpackage")


def test_missing_coremltools_are_told_with_the_line_that_installs_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "coremltools", None)

    assert coreml_version() is None
    with pytest.raises(ToolMissing, match=r"run pip install 'skinseg-edge\[coreml\]'"):
        mlpackage_from_torch(Darkness(), CONTRACT, tmp_path / "model.mlpackage")
