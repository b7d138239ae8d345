"""From the bytes of an engine to a context that runs it; every None that TensorRT gives becomes a sentence here."""

import logging
import re
from dataclasses import dataclass
from typing import cast

from skinseg_edge.errors import DeviceUnready, EngineUnusable
from skinseg_runtime.engines.runtime_cache import RuntimeCacheFile
from skinseg_runtime.engines.tensorrt_api import (
    CudaEngine,
    ExecutionContext,
    NewerCudaEngine,
    NewerTensorRt,
    Runtime,
    RuntimeCache,
    RuntimeConfig,
    TensorRt,
)
from skinseg_runtime.engines.tensorrt_library import tensorrt_logger

__all__ = ["Loaded", "ReadyContext", "context_of", "loaded_engine", "words_of"]

_log = logging.getLogger(__name__)


@dataclass
class Loaded:
    """An engine and the runtime that it came from, which must outlive it."""

    runtime: Runtime
    engine: CudaEngine

    def close(self) -> None:
        """Let both go, the engine first."""
        del self.engine
        del self.runtime


@dataclass
class ReadyContext:
    """A context and what must outlive it. *captures_itself*: it makes CUDA graphs of its own accord."""

    context: ExecutionContext
    captures_itself: bool = False
    config: RuntimeConfig | None = None
    kernels: RuntimeCache | None = None

    def close(self) -> None:
        """Let all go, the context first."""
        del self.context
        self.kernels = None
        self.config = None


def loaded_engine(trt: TensorRt, plan: bytes, source: str, *, dla_core: int | None = None) -> Loaded:
    """Deserialize *plan*, which is to run native code: its hash and seal must have been checked.

    *source*: what errors call it. *dla_core*: the DLA that the engine was built for.

    Raises EngineUnusable if TensorRT refuses it, DeviceUnready if there is no memory for it or TensorRT itself does not
    start.
    """
    tensorrt_logger(trt).clear()
    runtime = _started_runtime(trt, source)
    if dla_core is not None:
        runtime.DLA_core = dla_core
    engine = runtime.deserialize_cuda_engine(plan)
    if engine is None and _is_short_of_memory(trt):
        raise DeviceUnready(
            f"cannot load {source} ({len(plan)} bytes): TensorRT {trt.__version__} says {words_of(trt)}; free memory "
            "of the GPU and try again"
        )
    if engine is None:
        raise EngineUnusable(
            f"cannot load {source} ({len(plan)} bytes): TensorRT {trt.__version__} says {words_of(trt)}; "
            "build the engine again on this device with skinseg-build"
        )
    return Loaded(runtime, engine)


def _started_runtime(trt: TensorRt, source: str) -> Runtime:
    try:
        return trt.Runtime(tensorrt_logger(trt))
    except (TypeError, RuntimeError) as error:  # how pybind11 says that NVIDIA's factory gave nothing
        raise DeviceUnready(
            f"cannot load {source}: TensorRT {trt.__version__} does not start and says {words_of(trt)}; run "
            "skinseg-doctor to see what is missing here"
        ) from error


def context_of(
    trt: TensorRt, engine: CudaEngine, source: str, *, use_graph: bool, cache: RuntimeCacheFile | None
) -> ReadyContext:
    """Make a context for *engine*.

    *use_graph*: TensorRT-RTX shall make CUDA graphs. *cache*: where it keeps the kernels that it compiles.

    Raises DeviceUnready if TensorRT makes none, as when memory is short.
    """
    tensorrt_logger(trt).clear()
    if hasattr(trt, "CudaGraphStrategy"):  # TensorRT-RTX
        ready = _compiling_context(trt, cast("NewerCudaEngine", engine), use_graph, cache)
    else:
        context = engine.create_execution_context()
        ready = None if context is None else ReadyContext(context)
    if ready is None:
        raise DeviceUnready(
            f"cannot get {source} ready to run: TensorRT {trt.__version__} says {words_of(trt)}; free memory of the "
            "GPU, or build the engine with a smaller --max-batch"
        )
    return ready


def words_of(trt: TensorRt) -> str:
    """Return the errors in TensorRT's log, in quotation marks, or that there are none."""
    complaint = tensorrt_logger(trt).complaint()
    return f"'{complaint}'" if complaint else "nothing of why"


def _is_short_of_memory(trt: TensorRt) -> bool:
    return re.search("out ?of ?memory", tensorrt_logger(trt).complaint(), re.IGNORECASE) is not None


def _compiling_context(
    trt: TensorRt, engine: NewerCudaEngine, use_graph: bool, cache: RuntimeCacheFile | None
) -> ReadyContext | None:
    config = engine.create_runtime_config()
    strategy = cast("NewerTensorRt", trt).CudaGraphStrategy
    config.cuda_graph_strategy = strategy.WHOLE_GRAPH_CAPTURE if use_graph else strategy.DISABLED
    kernels = None if cache is None else _kernels_from(cache, config)
    context = engine.create_execution_context(config)
    if context is None:
        return None
    return ReadyContext(context, captures_itself=True, config=config, kernels=kernels)


def _kernels_from(cache: RuntimeCacheFile, config: RuntimeConfig) -> RuntimeCache:
    kernels = config.create_runtime_cache()
    kept = cache.read()
    if kept is not None and not kernels.deserialize(kept):
        _log.info("%s is of another driver or version; TensorRT-RTX compiles again", cache.path)
    if not config.set_runtime_cache(kernels):
        _log.warning("TensorRT-RTX takes no cache, so each start compiles again")
    return kernels
