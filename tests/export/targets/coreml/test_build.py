"""The real coremltools, which converts on Linux; running the package needs macOS."""

import sys
from pathlib import Path

import pytest

from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import InputError, ToolMissing, VerificationFailed
from skinseg_export.targets.coreml.build import coreml_version, mlpackage_from_torch
from skinseg_export.targets.coreml.verify import verify_mlpackage
from tests.export.darkness import CONTRACT, Darkness

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
