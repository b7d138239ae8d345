"""The command of NVIDIA's own tool that builds the same engine, for whoever wants to compare or to ask NVIDIA."""

import shlex
from collections.abc import Sequence

from skinseg_runtime.engine_build.request import BuildRequest
from skinseg_runtime.engines.products import TENSORRT, TENSORRT_RTX, Product

__all__ = ["trtexec_line"]

_PROGRAMS = {TENSORRT: "trtexec", TENSORRT_RTX: "tensorrt_rtx"}
_INPUT = "image"


def trtexec_line(
    onnx: str,
    engine: str,
    image_shape: Sequence[int],
    request: BuildRequest,
    *,
    product: Product = TENSORRT,
    timing_cache: str | None = None,
) -> str:
    """Return the command that builds *engine* of *onnx*, quoted for a shell.

    *onnx*, *engine*, *timing_cache*: paths as they shall stand there. *image_shape*: of the network's input, -1 for a
    free batch axis. Every option is known to trtexec 10.3 to 11.4; `--stronglyTyped` does nothing from 11 on, where
    every network is strongly typed. The output `mask` is the one thing that the tool cannot add.

    >>> from skinseg_runtime.engine_build.request import BuildRequest
    >>> request = BuildRequest(workspace_mib=512)
    >>> trtexec_line("model.fp16.onnx", "out.engine", (1, 256, 256, 3), request)
    'trtexec --onnx=model.fp16.onnx --stronglyTyped --saveEngine=out.engine --skipInference --memPoolSize=workspace:512'
    """
    typed = ["--stronglyTyped"] if product is TENSORRT else []  # TensorRT-RTX knows nothing else
    words = [_PROGRAMS[product], f"--onnx={onnx}", *typed, f"--saveEngine={engine}", "--skipInference"]
    words += _shapes(image_shape, request.max_batch) + _options(request)
    if timing_cache is not None:
        words.append(f"--timingCacheFile={timing_cache}")
    return shlex.join(words)


def _shapes(image_shape: Sequence[int], max_batch: int) -> list[str]:
    batch, *rest = image_shape
    if batch != -1:
        return []
    batches = {"min": 1, "opt": 1, "max": max_batch}
    return [f"--{name}Shapes={_INPUT}:{'x'.join(map(str, (many, *rest)))}" for name, many in batches.items()]


def _options(request: BuildRequest) -> list[str]:
    options = []
    if request.workspace_mib is not None:
        options.append(f"--memPoolSize=workspace:{request.workspace_mib}")
    if request.optimization_level is not None:
        options.append(f"--builderOptimizationLevel={request.optimization_level}")
    if request.dla_core is not None:
        options += [f"--useDLACore={request.dla_core}", "--allowGPUFallback"]
    if request.compute_capabilities:
        numbers = ",".join(capability.replace(".", "") for capability in request.compute_capabilities)
        options.append(f"--computeCapabilities={numbers}")
    return options
