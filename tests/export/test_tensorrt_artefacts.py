"""Each engine is built once, and an fp32 file beside a faster one is parsed and not built."""

import json
from pathlib import Path

import pytest

from skinseg_edge.bundle import BundleDraft
from skinseg_export import tensorrt_artefacts as module
from skinseg_export.artefacts import Artefacts
from skinseg_export.export_options import ExportOptions
from skinseg_export.half_precision import half_from_single
from skinseg_export.onnx_from_torch import OnnxExport
from skinseg_export.targets.tensorrt.build import BuiltEngine, rtx_engine_from_onnx
from skinseg_export.tensorrt_artefacts import TypedFile, add_tensorrt
from tests.export.darkness import CONTRACT

pytest.importorskip("tensorrt_rtx", reason="needs the trt-rtx extra")

_OPTIONS = ExportOptions(targets=("trt",), compute_capabilities=("8.9",))


@pytest.fixture
def built_paths(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect the paths of the files that were built."""
    paths: list[str] = []

    def building(onnx: bytes, path: str, precision: str, *, compute_capabilities: tuple[str, ...]) -> BuiltEngine:
        paths.append(path)
        return rtx_engine_from_onnx(onnx, path, precision, compute_capabilities=compute_capabilities)

    monkeypatch.setattr(module, "rtx_engine_from_onnx", building)
    return paths


@pytest.fixture
def artefacts(tmp_path: Path) -> Artefacts:
    return Artefacts(BundleDraft(tmp_path))


def _single(exported: OnnxExport) -> TypedFile:
    return TypedFile("onnx", "model.onnx", "fp32", exported.model)


def _half(exported: OnnxExport) -> TypedFile:
    return TypedFile("onnx-fp16", "model.fp16.onnx", "fp16", half_from_single(exported.model))


def test_beside_half_precision_the_fp32_file_is_parsed_and_not_built(
    artefacts: Artefacts, exported: OnnxExport, built_paths: list[str], tmp_path: Path
) -> None:
    add_tensorrt(artefacts, [_half(exported), _single(exported)], CONTRACT, _OPTIONS)

    assert built_paths == ["model.fp16.onnx"]
    half, single = json.loads((tmp_path / "tensorrt/report.json").read_bytes())["files"]
    assert half["tensorrt_rtx"]["built"]
    assert not single["tensorrt_rtx"]["built"]
    assert single["tensorrt_rtx"]["reason"].startswith("parsed (")
    assert [plan["onnx"] for plan in artefacts.plans] == ["model.fp16.onnx", "model.onnx"]


def test_fp32_alone_is_built(artefacts: Artefacts, exported: OnnxExport, built_paths: list[str]) -> None:
    add_tensorrt(artefacts, [_single(exported)], CONTRACT, _OPTIONS)

    assert built_paths == ["model.onnx"]


def test_where_the_first_is_enough_every_other_file_is_parsed(
    artefacts: Artefacts, exported: OnnxExport, built_paths: list[str], tmp_path: Path
) -> None:
    add_tensorrt(artefacts, [_single(exported), _half(exported)], CONTRACT, _OPTIONS, only_first=True)

    assert built_paths == ["model.onnx"]
    _, half = json.loads((tmp_path / "tensorrt/report.json").read_bytes())["files"]
    assert half["tensorrt_rtx"]["reason"].startswith("parsed (")


def test_an_engine_that_the_verification_built_is_not_built_again(
    artefacts: Artefacts, exported: OnnxExport, built_paths: list[str], tmp_path: Path
) -> None:
    source = _half(exported)
    onnx = source.model.SerializeToString()
    engine = rtx_engine_from_onnx(onnx, source.path, source.precision, compute_capabilities=("8.9",))
    artefacts.engines[source.path] = engine

    add_tensorrt(artefacts, [source], CONTRACT, _OPTIONS)

    assert built_paths == []
    assert (tmp_path / "model.rtx.engine").read_bytes() == engine.data
    assert [artefact.status for artefact in artefacts.made] == ["verified"]
