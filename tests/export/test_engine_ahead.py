"""The engine of a file is built beside the checks, where it will be asked for."""

import hashlib
from concurrent.futures import Future
from pathlib import Path

import pytest

from skinseg_edge.bundle import BundleDraft
from skinseg_export import engine_ahead as module
from skinseg_export.artefacts import Artefacts
from skinseg_export.engine_ahead import cores_left, engine_ahead, wait_for_engines
from skinseg_export.export_options import ExportOptions
from skinseg_export.onnx_from_torch import onnx_from_torch
from skinseg_export.targets.onnx.build import HALF_PATH, onnx_files
from skinseg_export.targets.tensorrt.build import BuiltEngine
from skinseg_export.tensorrt_artefacts import TypedFile
from tests.export.darkness import CONTRACT, Darkness

pytest.importorskip("tensorrt_rtx", reason="needs the trt-rtx extra")


@pytest.fixture(scope="module")
def half() -> TypedFile:
    model = onnx_files(onnx_from_torch(Darkness(), CONTRACT), half=True).half
    assert model is not None
    return TypedFile("onnx-fp16", HALF_PATH, "fp16", model)


def test_the_engine_is_that_of_the_file(half: TypedFile, tmp_path: Path) -> None:
    artefacts = Artefacts(BundleDraft(tmp_path))

    with engine_ahead(artefacts, half, ExportOptions(targets=("trt",))):
        ahead = artefacts.engines_ahead[HALF_PATH]

    assert ahead.done()
    expected = {"path": HALF_PATH, "sha256": hashlib.sha256(half.model.SerializeToString()).hexdigest()}
    assert ahead.result().sidecar["onnx"] == expected


def test_whoever_builds_the_engine_of_another_file_can_wait_for_it(half: TypedFile, tmp_path: Path) -> None:
    artefacts = Artefacts(BundleDraft(tmp_path))

    with engine_ahead(artefacts, half, ExportOptions(targets=("trt",), precision="int8")):
        wait_for_engines(artefacts)
        assert artefacts.engines_ahead[HALF_PATH].done()


def test_no_engine_is_begun_that_nobody_asks_for(half: TypedFile, tmp_path: Path) -> None:
    artefacts = Artefacts(BundleDraft(tmp_path))

    with engine_ahead(artefacts, half, ExportOptions(targets=("onnx",))):
        assert artefacts.engines_ahead == {}
        wait_for_engines(artefacts)


def test_without_a_file_nothing_is_begun(tmp_path: Path) -> None:
    artefacts = Artefacts(BundleDraft(tmp_path))

    with engine_ahead(artefacts, None, ExportOptions(targets=("trt",))):
        assert artefacts.engines_ahead == {}


@pytest.mark.parametrize(("cores", "beside"), [(1, 1), (2, 1), (8, 7)])
def test_an_engine_under_way_has_a_core_of_its_own(
    cores: int, beside: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "usable_cores", lambda: cores)
    artefacts = Artefacts(BundleDraft(tmp_path))
    assert cores_left(artefacts) == cores

    artefacts.engines_ahead["model.onnx"] = under_way = Future[BuiltEngine]()
    assert cores_left(artefacts) == beside

    under_way.set_exception(ValueError("refused"))
    assert cores_left(artefacts) == cores
