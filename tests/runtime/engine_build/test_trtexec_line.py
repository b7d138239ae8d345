"""The command of NVIDIA's tool for the same engine."""

import shlex
from dataclasses import replace

from skinseg_runtime.engine_build.request import BuildRequest
from skinseg_runtime.engine_build.trtexec_line import trtexec_line
from skinseg_runtime.engines.products import TENSORRT_RTX

PLAIN = BuildRequest()
FIXED = (1, 64, 96, 3)

# NVIDIA's page on trtexec from TensorRT 10 to 11 lists these as removed; none may ever stand in the line.
REMOVED = ("--fp16", "--int8", "--bf16", "--best", "--workspace", "--calib", "--precisionConstraints", "--buildOnly")


def test_a_plain_build_is_typed_and_runs_nothing() -> None:
    assert trtexec_line("model.onnx", "model.engine", FIXED, PLAIN) == (
        "trtexec --onnx=model.onnx --stronglyTyped --saveEngine=model.engine --skipInference"
    )


def test_every_option_of_a_request_stands_in_the_line() -> None:
    request = replace(PLAIN, workspace_mib=928, optimization_level=4, dla_core=1)

    line = trtexec_line("model.onnx", "model.engine", FIXED, request, timing_cache="orin.cache")

    assert line.endswith(
        "--memPoolSize=workspace:928 --builderOptimizationLevel=4 --useDLACore=1 --allowGPUFallback "
        "--timingCacheFile=orin.cache"
    )
    assert not any(option in line for option in REMOVED)


def test_a_free_batch_axis_gives_the_three_shapes_of_its_profile() -> None:
    line = trtexec_line("model.onnx", "model.engine", (-1, 64, 96, 3), replace(PLAIN, max_batch=8))

    assert line.endswith("--minShapes=image:1x64x96x3 --optShapes=image:1x64x96x3 --maxShapes=image:8x64x96x3")


def test_tensorrt_rtx_has_a_tool_of_its_own_that_knows_only_typed_networks() -> None:
    request = replace(PLAIN, compute_capabilities=("8.6", "12.0"))

    assert trtexec_line("model.onnx", "model.engine", FIXED, request, product=TENSORRT_RTX) == (
        "tensorrt_rtx --onnx=model.onnx --saveEngine=model.engine --skipInference --computeCapabilities=86,120"
    )


def test_a_path_with_a_blank_stays_one_word_in_a_shell() -> None:
    line = trtexec_line("my models/a.onnx", "model.engine", FIXED, PLAIN)

    assert shlex.split(line)[1] == "--onnx=my models/a.onnx"
