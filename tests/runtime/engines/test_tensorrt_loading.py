"""What TensorRT answers with None, False or an exception of pybind11 becomes one sentence."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from skinseg_edge.errors import DeviceUnready, EngineUnusable
from skinseg_runtime.engines.runtime_cache import RuntimeCacheFile
from skinseg_runtime.engines.tensorrt_api import CudaEngine, TensorRt
from skinseg_runtime.engines.tensorrt_library import tensorrt_logger
from skinseg_runtime.engines.tensorrt_loading import context_of, loaded_engine


class FakeRuntime:
    """Loads one engine and refuses all other bytes, as silently as the true one."""

    def __init__(self, logger: object) -> None:
        self.DLA_core = -1

    def deserialize_cuda_engine(self, serialized_engine: bytes) -> object:
        return "an engine" if serialized_engine == b"good" else None


class FakeKernels:
    def __init__(self, *, fits: bool) -> None:
        self.fits = fits
        self.read: list[bytes] = []

    def deserialize(self, blob: bytes) -> bool:
        self.read.append(blob)
        return self.fits


class FakeConfig:
    def __init__(self, *, takes_cache: bool = True, fits: bool = True) -> None:
        self.cuda_graph_strategy = "untouched"
        self.kernels = FakeKernels(fits=fits)
        self.takes_cache = takes_cache

    def create_runtime_cache(self) -> FakeKernels:
        return self.kernels

    def set_runtime_cache(self, cache: FakeKernels) -> bool:
        assert cache is self.kernels
        return self.takes_cache


def module(**names: Any) -> TensorRt:
    class ILogger:
        pass

    return cast("TensorRt", SimpleNamespace(__version__="11.4.1", ILogger=ILogger, Runtime=FakeRuntime, **names))


def rtx_module() -> TensorRt:
    return module(CudaGraphStrategy=SimpleNamespace(DISABLED="disabled", WHOLE_GRAPH_CAPTURE="whole"))


def rtx_engine(config: FakeConfig, context: object = "a context") -> CudaEngine:
    def create_execution_context(runtime_config: FakeConfig) -> object:
        assert runtime_config is config
        return context

    engine = SimpleNamespace(create_runtime_config=lambda: config, create_execution_context=create_execution_context)
    return cast("CudaEngine", engine)


def cache_with(path: Path, kept: bytes | None) -> RuntimeCacheFile:
    if kept is not None:
        path.write_bytes(kept)
    return RuntimeCacheFile(path, seal=lambda data: data, unseal=lambda data: data)


def test_an_engine_of_a_dla_is_loaded_for_its_core() -> None:
    assert cast("FakeRuntime", loaded_engine(module(), b"good", "net.engine", dla_core=1).runtime).DLA_core == 1
    assert cast("FakeRuntime", loaded_engine(module(), b"good", "net.engine").runtime).DLA_core == -1


def test_a_refusal_without_words_says_that_there_are_none() -> None:
    expected = r"cannot load net\.engine \(3 bytes\): TensorRT 11\.4\.1 says nothing of why; build the engine again"
    with pytest.raises(EngineUnusable, match=expected):
        loaded_engine(module(), b"bad", "net.engine")


@pytest.mark.parametrize(
    "words", ["Error Code 2: OutOfMemory (Requested size was 8 bytes.)", "Error Code 1: Cuda Runtime (out of memory)"]
)
def test_an_engine_for_which_there_is_no_memory_is_not_to_be_built_again(words: str) -> None:
    trt = module()

    class Short(FakeRuntime):
        def deserialize_cuda_engine(self, serialized_engine: bytes) -> object:
            cast("Any", tensorrt_logger(trt)).log(SimpleNamespace(name="ERROR"), words)
            return None

    cast("Any", trt).Runtime = Short
    with pytest.raises(DeviceUnready, match="free memory of the GPU and try again") as met:
        loaded_engine(trt, b"good", "net.engine")
    assert words in str(met.value)


@pytest.mark.parametrize("error", [TypeError("pybind11::init(): factory function returned nullptr"), RuntimeError()])
def test_a_tensorrt_that_does_not_start_is_an_error_of_the_device(error: Exception) -> None:
    trt = module()

    def refuse(logger: Any) -> None:
        logger.log(SimpleNamespace(name="ERROR"), "CUDA initialization failure with error: 35")
        raise error

    cast("Any", trt).Runtime = refuse
    expected = (
        "TensorRT 11.4.1 does not start and says 'CUDA initialization failure with error: 35'; run skinseg-doctor"
    )
    with pytest.raises(DeviceUnready, match=expected.replace(".", r"\.")):
        loaded_engine(trt, b"good", "net.engine")


def test_words_of_an_earlier_engine_are_not_told_of_this_one() -> None:
    trt = module()
    cast("Any", tensorrt_logger(trt)).log(SimpleNamespace(name="ERROR"), "an older complaint")
    with pytest.raises(EngineUnusable, match="says nothing of why"):
        loaded_engine(trt, b"bad", "net.engine")


@pytest.mark.parametrize(("use_graph", "strategy"), [(True, "whole"), (False, "disabled")])
def test_rtx_is_told_whether_to_make_graphs(use_graph: bool, strategy: str) -> None:
    config = FakeConfig()
    ready = context_of(rtx_module(), rtx_engine(config), "net.engine", use_graph=use_graph, cache=None)
    assert config.cuda_graph_strategy == strategy
    assert ready.captures_itself
    assert ready.kernels is None


def test_rtx_reads_what_was_kept(tmp_path: Path) -> None:
    config = FakeConfig()
    cache = cache_with(tmp_path / "net.cache", b"kernels")
    context_of(rtx_module(), rtx_engine(config), "net.engine", use_graph=True, cache=cache)
    assert config.kernels.read == [b"kernels"]


def test_a_cache_of_another_driver_is_left_and_made_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    cache = cache_with(tmp_path / "net.cache", b"older kernels")
    engine = rtx_engine(FakeConfig(fits=False))
    ready = context_of(rtx_module(), engine, "net.engine", use_graph=True, cache=cache)
    assert cast("object", ready.context) == "a context"
    assert "net.cache is of another driver or version" in caplog.text


def test_an_rtx_that_takes_no_cache_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache = cache_with(tmp_path / "net.cache", None)
    context_of(rtx_module(), rtx_engine(FakeConfig(takes_cache=False)), "net.engine", use_graph=True, cache=cache)
    assert "takes no cache, so each start compiles again" in caplog.text


def test_no_context_is_an_error_of_the_device() -> None:
    for trt, engine in (
        (rtx_module(), rtx_engine(FakeConfig(), context=None)),
        (module(), cast("CudaEngine", SimpleNamespace(create_execution_context=lambda: None))),
    ):
        with pytest.raises(
            DeviceUnready, match=r"cannot get net\.engine ready to run: .* or build the engine with a sm"
        ):
            context_of(trt, engine, "net.engine", use_graph=True, cache=None)
