"""The building process with NVIDIA's own builder, which TensorRT-RTX has for machines without a GPU, too."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from skinseg_edge.bundle import Bundle
from skinseg_runtime.engine_build import BuildOptions
from skinseg_runtime.engine_build.apart import answer_of
from skinseg_runtime.engine_build.job import BuildAnswer, BuildJob
from skinseg_runtime.engine_build.worker import request_for
from skinseg_runtime.engine_files.plan_header import header_fault
from skinseg_runtime.engines.products import TENSORRT_RTX
from tests.runtime.made_engines import RTX

_WORKER = "skinseg_runtime.engine_build.worker"


def _job(bundle: Path, **options: object) -> BuildJob:
    asked = BuildOptions(**{"engine": "trt-rtx", "precision": "fp32", "workspace_mib": 64, **options})  # type: ignore[arg-type]  # by name
    return BuildJob(
        bundle=bundle,
        bundle_sha256=Bundle.open(bundle).sha256,
        artefact="onnx",
        device=RTX,
        options=asked,
        plan=bundle.parent / "model.engine",
    )


@pytest.mark.skipif(find_spec("tensorrt_rtx") is None, reason="needs tensorrt_rtx, which is not installed here")
def test_the_true_builder_of_tensorrt_rtx_builds_apart_and_tells_its_phases(bundle: Path) -> None:
    import tensorrt_rtx

    job = replace(_job(bundle, mask_output=True), device=replace(RTX, tensorrt=tensorrt_rtx.__version__))
    news: list[Mapping[str, object]] = []

    document = answer_of(_WORKER, job.to_json(), news.append, timeout_s=300)

    told = document["done"]
    assert isinstance(told, dict)
    answer, plan = BuildAnswer.from_json(told), job.plan.read_bytes()
    assert header_fault(plan, TENSORRT_RTX, tensorrt_rtx.__version__) is None
    assert answer.sha256 == hashlib.sha256(plan).hexdigest()
    assert (list(answer.image_shape), answer.workspace_mib, answer.dla) == ([1, 64, 96, 3], 64, None)
    assert set(answer.memory) == {"activation_bytes", "weights_bytes", "scratch_bytes"}
    assert {"Reading the ONNX file", "Building engine"} <= {piece.get("phase") for piece in news}


def test_a_build_for_rtx_names_its_gpu_and_has_no_timing_cache(bundle: Path) -> None:
    request = request_for(_job(bundle, max_batch=4, optimization_level=2), 0.25)

    assert (request.compute_capabilities, request.timing_cache) == (("8.9",), None)
    assert (request.workspace_mib, request.max_batch, request.optimization_level) == (64, 4, 2)
    assert request.mask_threshold is None


def test_a_mask_is_cut_where_the_contract_says(bundle: Path) -> None:
    assert request_for(_job(bundle, mask_output=True), 0.25).mask_threshold == 0.25


@pytest.mark.skipif(find_spec("tensorrt_rtx") is None, reason="needs tensorrt_rtx, which is not installed here")
def test_a_gpu_that_tensorrt_rtx_does_not_build_for_is_told_without_asking_for_another_name(bundle: Path) -> None:
    job = replace(_job(bundle), device=replace(RTX, gpu="NVIDIA H200", compute_capability="9.0"))

    error = answer_of(_WORKER, job.to_json(), lambda _: None, timeout_s=300)["error"]

    assert isinstance(error, dict)
    assert error["kind"] == "ToolMissing"
    assert "does not build for its compute capability 9.0; use --engine trt" in error["message"]
