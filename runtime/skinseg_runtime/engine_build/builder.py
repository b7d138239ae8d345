"""Parse and build an engine in this process; which of NVIDIA's products does it is a parameter.

`skinseg-build` runs this in a process of its own, because a builder may be killed for want of memory; the export uses
it for TensorRT-RTX, whose builder needs no GPU.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from skinseg_edge.errors import BuildFailed
from skinseg_runtime.engine_build.build_config import configuration
from skinseg_runtime.engine_build.build_monitor import StepTeller, build_monitor
from skinseg_runtime.engine_build.builder_log import builder_log
from skinseg_runtime.engine_build.dla import DlaReport
from skinseg_runtime.engine_build.dla import apply as send_to_dla
from skinseg_runtime.engine_build.mask_output import add_mask_output
from skinseg_runtime.engine_build.onnx_parsing import Parsed, ParsedNetwork, TensorType, parse, product_of
from skinseg_runtime.engine_build.request import BuildRequest, BuildStep
from skinseg_runtime.engines.products import TENSORRT_RTX
from skinseg_runtime.engines.tensorrt_api import BuilderConfig, TensorRt, TimingCache

__all__ = ["READING", "BuiltPlan", "ParsedNetwork", "TensorType", "build", "build_parsed"]

READING = "Reading the ONNX file"  # the one phase that is ours: TensorRT tells nothing of its parser

_WORDS_OF_MEMORY = ("workspace", "outofmemory", "out of memory", "insufficient memory", "memory is insufficient")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class BuiltPlan:
    """*data*: the bare engine. *network*: its inputs and outputs, a mask that was asked for included.

    *memory*: activation_bytes, weights_bytes, scratch_bytes as far as the builder logged them. *timing_cache*: what
    this build learned for the next one; None with TensorRT-RTX, which times nothing. *dla*: which layers went to the
    DLA, None unless it was asked for.
    """

    data: bytes
    network: ParsedNetwork
    memory: dict[str, int]
    timing_cache: bytes | None
    dla: DlaReport | None


def build(trt: TensorRt, onnx: bytes, request: BuildRequest, *, on_step: Callable[[BuildStep], None]) -> BuiltPlan:
    """Build an engine of *onnx* with the module *trt*; *on_step* hears of every step, from any thread.

    What *on_step* raises ends the build and is raised here.

    Raises BuildFailed naming the node that the parser refuses or with the builder's own words, InputError if the
    network is not one that the request fits.
    """
    teller = StepTeller(on_step)
    teller.begin(READING, None, 1)
    parsed = parse(trt, onnx)
    teller.advance(READING, 1)
    teller.end(READING)
    return _built(trt, parsed, request, teller)


def build_parsed(
    trt: TensorRt, parsed: Parsed, request: BuildRequest, *, on_step: Callable[[BuildStep], None]
) -> BuiltPlan:
    """Build an engine of what `parse` made; otherwise like `build`. A network is built once."""
    return _built(trt, parsed, request, StepTeller(on_step))


def _built(trt: TensorRt, parsed: Parsed, request: BuildRequest, teller: StepTeller) -> BuiltPlan:
    config = configuration(trt, parsed, request)
    # TensorRT reads the mask's limit and the timing cache while it builds: both must live until then.
    kept = None if request.mask_threshold is None else add_mask_output(trt, parsed.network, request.mask_threshold)
    cache = _timing_cache(trt, config, request.timing_cache)
    report = None if request.dla_core is None else send_to_dla(trt, config, parsed.network, request.dla_core)
    monitor = build_monitor(trt, teller)
    config.progress_monitor = monitor
    data = _serialized(trt, parsed, config, request, teller)
    del kept
    memory = builder_log(trt).memory()
    return BuiltPlan(data=data, network=parsed.described(), memory=memory, timing_cache=_learned(cache), dla=report)


def _serialized(
    trt: TensorRt, parsed: Parsed, config: BuilderConfig, request: BuildRequest, teller: StepTeller
) -> bytes:
    log = builder_log(trt)
    log.clear()
    plan = None if teller.fault else parsed.builder.build_serialized_network(parsed.network, config)
    if teller.fault is not None:
        raise teller.fault
    if plan is None:
        reason = log.complaint()
        raise BuildFailed(f"cannot build the {product_of(trt).title} engine: {reason}{_remedy(reason, request)}")
    return bytes(cast("Any", plan))


def _remedy(reason: str, request: BuildRequest) -> str:
    """Return what to do about memory, where the builder's words speak of it; they leave out which limit was met."""
    if not any(word in reason.lower() for word in _WORDS_OF_MEMORY):
        return ""
    limit = "" if request.workspace_mib is None else f" than {request.workspace_mib} MiB"
    return f"; give its kernels more{limit} with --workspace, or end what else uses memory here, and build again"


def _timing_cache(trt: TensorRt, config: BuilderConfig, known: bytes | None) -> TimingCache | None:
    """Attach what an earlier build learned, or an empty cache; None where nothing is timed."""
    if product_of(trt) is TENSORRT_RTX:
        return None
    if known:
        cache = config.create_timing_cache(known)
        if cache is not None and config.set_timing_cache(cache, ignore_mismatch=False):
            return cache
        _log.info("the timing cache is damaged or of another device: this build times every kernel anew")
    fresh = config.create_timing_cache(b"")
    if fresh is not None:
        config.set_timing_cache(fresh, ignore_mismatch=False)
    return fresh


def _learned(cache: TimingCache | None) -> bytes | None:
    learned = None if cache is None else cache.serialize()
    return None if learned is None else bytes(cast("Any", learned))
