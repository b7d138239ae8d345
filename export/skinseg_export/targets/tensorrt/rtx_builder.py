"""Parse an ONNX file and build a TensorRT-RTX engine, both without a GPU, by the builder that devices use as well."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from skinseg_edge.errors import ToolMissing
from skinseg_runtime.engine_build.builder import build_parsed
from skinseg_runtime.engine_build.onnx_parsing import ParsedNetwork, TensorType, parse
from skinseg_runtime.engine_build.request import BuildRequest, BuildStep
from skinseg_runtime.engines.products import TENSORRT_RTX
from skinseg_runtime.engines.tensorrt_api import TensorRt
from skinseg_runtime.engines.tensorrt_library import load

__all__ = ["LARGEST_BATCH", "ParsedNetwork", "RtxEngine", "TensorType", "build_engine", "parse_onnx", "rtx_version"]

LARGEST_BATCH = 8  # of the optimization profile of a model with a free batch axis


@dataclass(frozen=True)
class RtxEngine:
    """*data*: the bare engine. *memory*: activation_bytes, weights_bytes, scratch_bytes as the builder logged them."""

    data: bytes
    network: ParsedNetwork
    compute_capabilities: tuple[str, ...]
    memory: dict[str, int] = field(default_factory=dict)


def rtx_version() -> str | None:
    """Return the version of the installed TensorRT-RTX, None without one."""
    try:
        return str(_rtx().__version__)
    except ToolMissing:
        return None


def parse_onnx(onnx: bytes) -> ParsedNetwork:
    """Let the builder's parser read *onnx* as a strongly typed network.

    Raises BuildFailed naming the node that it refuses, ToolMissing without tensorrt_rtx.
    """
    return parse(_rtx(), onnx).described()


def build_engine(
    onnx: bytes, compute_capabilities: Sequence[str], on_step: Callable[[str], None] | None = None
) -> RtxEngine:
    """Build an engine of *onnx* for GPUs of *compute_capabilities* (such as "8.6"), on the CPU alone.

    *on_step* is called with the name of each phase. A free batch axis gets a profile of 1 to LARGEST_BATCH.

    Raises BuildFailed with the builder's own words if it refuses, UnknownName for a compute capability that it does
    not know, ToolMissing without tensorrt_rtx.
    """
    rtx = _rtx()
    parsed = parse(rtx, onnx)
    has_free_batch = parsed.described().inputs[0].shape[0] == -1
    request = BuildRequest(
        max_batch=LARGEST_BATCH if has_free_batch else 1, compute_capabilities=tuple(compute_capabilities)
    )
    plan = build_parsed(rtx, parsed, request, on_step=_beginnings(on_step))
    return RtxEngine(plan.data, plan.network, tuple(compute_capabilities), plan.memory)


def _beginnings(on_step: Callable[[str], None] | None) -> Callable[[BuildStep], None]:
    def tell(step: BuildStep) -> None:
        if on_step is not None and step.step == 0:
            on_step(step.phase)

    return tell


def _rtx() -> TensorRt:
    return load(TENSORRT_RTX)
