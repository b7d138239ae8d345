"""The engine of the half-precision file is built beside the checks, where it will be asked for."""

import hashlib
from pathlib import Path

import pytest

from skinseg_edge.bundle import BundleDraft
from skinseg_export.artefacts import Artefacts
from skinseg_export.engine_ahead import engine_ahead, wait_for_engines
from skinseg_export.export_options import ExportOptions
from skinseg_export.targets.onnx.build import HALF_PATH, OnnxFiles, onnx_files_from_torch
from tests.export.darkness import CONTRACT, Darkness

pytest.importorskip("tensorrt_rtx", reason="needs the trt-rtx extra")


@pytest.fixture(scope="module")
def files() -> OnnxFiles:
    return onnx_files_from_torch(Darkness(), CONTRACT, half=True)


def test_the_engine_is_that_of_the_half_file(files: OnnxFiles, tmp_path: Path) -> None:
    assert files.half is not None
    artefacts = Artefacts(BundleDraft(tmp_path))

    with engine_ahead(artefacts, files, ExportOptions(targets=("trt",))):
        ahead = artefacts.engines_ahead[HALF_PATH]

    assert ahead.done()
    expected = {"path": HALF_PATH, "sha256": hashlib.sha256(files.half.SerializeToString()).hexdigest()}
    assert ahead.result().sidecar["onnx"] == expected


def test_whoever_builds_the_engine_of_another_file_can_wait_for_it(files: OnnxFiles, tmp_path: Path) -> None:
    artefacts = Artefacts(BundleDraft(tmp_path))

    with engine_ahead(artefacts, files, ExportOptions(targets=("trt",), precision="int8")):
        wait_for_engines(artefacts)
        assert artefacts.engines_ahead[HALF_PATH].done()


def test_no_engine_is_begun_that_nobody_asks_for(files: OnnxFiles, tmp_path: Path) -> None:
    artefacts = Artefacts(BundleDraft(tmp_path))

    with engine_ahead(artefacts, files, ExportOptions(targets=("onnx",))):
        assert artefacts.engines_ahead == {}
        wait_for_engines(artefacts)
