"""The fake TensorRT's runtime: reads a plan, and runs its ONNX file on the given addresses when the stream runs."""

import json
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.fake_device.error_words import WORDS
from tests.fake_device.fake_gpu import RUN_MS, GpuError, Stream, gpu
from tests.fake_device.fake_memory import bytes_at
from tests.fake_device.onnx_execution import Network
from tests.fake_device.trt_builder import IHostMemory
from tests.fake_device.trt_enums import CudaGraphStrategy, DataType, LayerInformationFormat, TensorIOMode
from tests.fake_device.trt_logging import Speaker
from tests.fake_device.trt_network import Dims
from tests.fake_device.trt_plan import DamagedPlan, Plan, read_plan

__all__ = [
    "ContextBase",
    "EngineBase",
    "EngineInspector",
    "IRuntimeCache",
    "NewerEngineBase",
    "PlainRuntimeConfig",
    "RtxContextBase",
    "RtxRuntimeConfig",
    "RuntimeBase",
]

_BYTES = {"UINT8": 1, "FLOAT": 4, "HALF": 2}
_ALIGNMENT = 256
_CONTEXT_BYTES = 1 << 20
_CACHE_MAGIC = b"fake runtime cache"


class RuntimeBase:
    _SPEAKER: Speaker
    _VERSION: str
    _MAGIC: bytes
    _ENGINE: "type[EngineBase]"
    _IS_RTX: bool

    def __init__(self, logger: Any) -> None:
        self._SPEAKER.keep(logger)
        self.DLA_core = -1

    def deserialize_cuda_engine(self, serialized_engine: Any) -> "EngineBase | None":
        try:
            gpu().enter("deserialize_cuda_engine")
            if gpu().settings.deserialize_returns_none:
                raise DamagedPlan("IRuntime::deserializeCudaEngine: Error Code 1: Internal Error")
            plan = read_plan(bytes(serialized_engine), self._MAGIC, self._VERSION)
            self._check_device(plan)
            return self._ENGINE(plan, Network(plan.onnx))
        except GpuError as error:
            self._SPEAKER.error(f"CUDA initialization failure with error: {WORDS[error.code]}")
        except DamagedPlan as error:
            self._SPEAKER.error(str(error))
        except Exception as error:  # noqa: BLE001  # what ONNX Runtime says of a damaged network
            self._SPEAKER.error(f"Serialization assertion failed: {type(error).__name__}")
        return None

    def _check_device(self, plan: Plan) -> None:
        here = ".".join(str(part) for part in gpu().settings.compute_capability)
        if here not in plan.facts["compute_capabilities"]:
            built = ", ".join(plan.facts["compute_capabilities"])
            raise DamagedPlan(
                f"The engine plan file is generated on an incompatible device, expecting compute {here} got compute "
                f"{built}, please rebuild."
            )
        if not self._IS_RTX and plan.facts["gpu"] != gpu().settings.gpu:
            raise DamagedPlan(f"The engine plan file is of another device: {plan.facts['gpu']}, please rebuild.")
        core = plan.facts["dla_core"]
        if core is not None and not 0 <= self.DLA_core < gpu().settings.dla_cores:
            raise DamagedPlan(f"The engine runs on a DLA, and DLA_core is {self.DLA_core}")


class EngineBase:
    _CONTEXT: "type[ContextBase]"

    def __init__(self, plan: Plan, network: Network) -> None:
        self._facts = plan.facts
        self._network = network
        self._ports = {port["name"]: port for port in (*plan.facts["inputs"], *plan.facts["outputs"])}
        self._input_names = [port["name"] for port in plan.facts["inputs"]]

    @property
    def num_io_tensors(self) -> int:
        return len(self._ports)

    @property
    def num_optimization_profiles(self) -> int:
        return 1

    def get_tensor_name(self, index: int) -> str:
        return str(list(self._ports)[index])

    def get_tensor_mode(self, name: str) -> TensorIOMode:
        if name not in self._ports:
            return TensorIOMode.NONE
        return TensorIOMode.INPUT if name in self._input_names else TensorIOMode.OUTPUT

    def get_tensor_shape(self, name: str) -> Dims:
        return Dims(self._ports[name]["shape"])

    def get_tensor_dtype(self, name: str) -> DataType:
        return DataType[self._ports[name]["dtype"]]

    def get_tensor_profile_shape(self, name: str, profile_index: int) -> list[Dims]:
        shape = self._ports[name]["shape"]
        return [Dims(given) for given in self._facts["profile"].get(name, [shape] * 3)]

    def create_execution_context(self) -> "ContextBase | None":
        return self._context(None)

    def create_engine_inspector(self) -> "EngineInspector":
        return EngineInspector(self)

    def _context(self, config: Any) -> "ContextBase | None":
        if gpu().settings.engine.get("context_none") or gpu().free_bytes() < _CONTEXT_BYTES:
            self._CONTEXT._SPEAKER.error("IExecutionContext::IExecutionContext: Error Code 2: OutOfMemory")
            return None
        return self._CONTEXT(self, config)


class NewerEngineBase(EngineBase):
    _RUNTIME_CONFIG: "type[PlainRuntimeConfig]"

    def create_runtime_config(self) -> "PlainRuntimeConfig":
        return self._RUNTIME_CONFIG()

    def create_execution_context(self, runtime_config: "PlainRuntimeConfig | None" = None) -> "ContextBase | None":
        return self._context(runtime_config)


class PlainRuntimeConfig:
    pass


class IRuntimeCache:
    def __init__(self) -> None:
        self._kernels: set[str] = set()

    def serialize(self) -> IHostMemory:
        facts = {"gpu": gpu().settings.gpu, "version": gpu().settings.rtx, "kernels": sorted(self._kernels)}
        return IHostMemory(_CACHE_MAGIC + json.dumps(facts).encode())

    def deserialize(self, blob: bytes) -> bool:
        try:
            data = bytes(blob)
            facts = json.loads(data[len(_CACHE_MAGIC) :]) if data.startswith(_CACHE_MAGIC) else {}
        except ValueError:
            return False
        settings = gpu().settings
        if (facts.get("gpu"), facts.get("version")) != (settings.gpu, settings.rtx):
            return False
        self._kernels = set(facts["kernels"])
        return True


class RtxRuntimeConfig(PlainRuntimeConfig):
    def __init__(self) -> None:
        self.cuda_graph_strategy = CudaGraphStrategy.DISABLED
        self._cache: IRuntimeCache | None = None

    def create_runtime_cache(self) -> IRuntimeCache:
        return IRuntimeCache()

    def set_runtime_cache(self, cache: IRuntimeCache) -> bool:
        self._cache = cache
        return True


class EngineInspector:
    def __init__(self, engine: EngineBase) -> None:
        self._engine = engine

    def get_engine_information(self, format: LayerInformationFormat) -> str:  # NVIDIA's name
        layers = [f"layer {index}" for index in range(self._engine._facts["layers"])]
        if format is LayerInformationFormat.JSON:
            return json.dumps({"Layers": layers, "Bindings": list(self._engine._ports)})
        return "\n".join(layers)


class ContextBase:
    """One thread at a time; keeps the rules whose breach the true one answers with False or a lost GPU."""

    _SPEAKER: Speaker

    def __init__(self, engine: EngineBase, config: Any) -> None:
        self._engine = engine
        self._config = config
        self._shapes = {name: tuple(engine._ports[name]["shape"]) for name in engine._input_names}
        self._addresses: dict[str, int] = {}
        self._warmed: set[tuple[tuple[int, ...], ...]] = set()
        gpu().internal_bytes += _CONTEXT_BYTES
        self._gpu = gpu()

    def __del__(self) -> None:
        if hasattr(self, "_gpu"):
            self._gpu.internal_bytes -= _CONTEXT_BYTES

    def set_input_shape(self, name: str, shape: Any) -> bool:
        wanted = tuple(int(length) for length in shape)
        if name not in self._shapes:
            return self._refuse(f"IExecutionContext::setInputShape: no input {name}")
        declared = tuple(self._engine._ports[name]["shape"])
        low, _, high = self._engine._facts["profile"].get(name, [declared] * 3)
        is_inside = len(wanted) == len(declared) and all(
            least <= length <= most for least, length, most in zip(low, wanted, high, strict=True)
        )
        if not is_inside:
            return self._refuse(
                f"IExecutionContext::setInputShape: Static dimension mismatch or {wanted} outside of the profile, "
                f"which is {low} to {high}"
            )
        self._shapes[name] = wanted
        return True

    def get_tensor_shape(self, name: str) -> Dims:
        return Dims(self._shape(name))

    def infer_shapes(self) -> list[str]:
        return [name for name, shape in self._shapes.items() if -1 in shape]

    def set_tensor_address(self, name: str, memory: int) -> bool:
        if name not in self._engine._ports:
            return self._refuse(f"IExecutionContext::setTensorAddress: no tensor {name}")
        if memory % _ALIGNMENT:
            return self._refuse(f"IExecutionContext::setTensorAddress: {name} is not aligned to {_ALIGNMENT} bytes")
        self._addresses[name] = int(memory)
        return True

    def execute_async_v3(self, stream_handle: int) -> bool:
        """Queue a run; what it does to the addresses is only seen when the stream runs."""
        try:
            gpu().enter("execute_async_v3")
            if stream_handle == 0:
                return self._refuse("enqueueV3: the default stream was given, expected one of the caller's own")
            stream = gpu().stream(stream_handle)
        except GpuError as error:
            return self._refuse(f"enqueueV3: Cuda Runtime ({WORDS[error.code]})")
        if self.infer_shapes():
            return self._refuse(f"enqueueV3: the shape of {self.infer_shapes()[0]} is not specified")
        for name in self._engine._ports:
            if not self._addresses.get(name):
                return self._refuse(f"enqueueV3: Error Code 3: API Usage Error (address of {name} is not set)")
        if not self._may_be_captured(stream):
            return self._refuse("enqueueV3: Cuda Runtime (operation not permitted when stream is capturing)")
        gpu().counts["enqueues"] += 1
        self._queue(stream)
        self._warmed.add(tuple(self._shapes.values()))
        return True

    def _may_be_captured(self, stream: Stream) -> bool:
        """The first run of a shape allocates, which no capture allows."""
        if stream.captured is None or tuple(self._shapes.values()) in self._warmed:
            return True
        stream.capture_is_valid = False
        return False

    def _queue(self, stream: Stream) -> None:
        addresses, shapes = dict(self._addresses), dict(self._shapes)
        gpu().enqueue(stream, lambda: self._run(addresses, shapes))

    def _run(self, addresses: dict[str, int], shapes: dict[str, tuple[int, ...]]) -> None:
        device = gpu()
        device.counts["runs"] += 1
        device.enter("kernel")
        device.clock_ms += RUN_MS
        views = {name: self._memory(name, addresses[name], shapes) for name in self._engine._ports}
        images = {name: views[name].reshape(shapes[name]) for name in self._engine._input_names}
        for name, answer in self._engine._network.run(images, self._engine._facts["outputs"]).items():
            views[name][:] = answer.reshape(-1).view(np.uint8)

    def _memory(self, name: str, address: int, shapes: dict[str, tuple[int, ...]]) -> NDArray[np.uint8]:
        shape = self._shape(name, shapes)
        nbytes = math.prod(shape) * _BYTES[self._engine._ports[name]["dtype"]]
        if not gpu().usable_by_kernels(address, nbytes):
            gpu().fail("cudaErrorIllegalAddress")
        return bytes_at(address, nbytes)

    def _shape(self, name: str, shapes: dict[str, tuple[int, ...]] | None = None) -> tuple[int, ...]:
        known = self._shapes if shapes is None else shapes
        if name in known:
            return known[name]
        declared = self._engine._ports[name]["shape"]
        batch = next(iter(known.values()))[0]
        return tuple(batch if length == -1 else length for length in declared)

    def _refuse(self, words: str) -> bool:
        self._SPEAKER.error(words)
        return False


class RtxContextBase(ContextBase):
    """Compiles on creation what its cache does not hold, and makes graphs of its own where that was asked for."""

    def __init__(self, engine: EngineBase, config: RtxRuntimeConfig | None) -> None:
        super().__init__(engine, config)
        cache = config._cache if config is not None else None
        kernel = f"{engine._facts['layers']} layers"
        if cache is None or kernel not in cache._kernels:
            gpu().counts["compiled"] += 1
        if cache is not None:
            cache._kernels.add(kernel)

    def is_stream_capturable(self, stream: int) -> bool:
        return not self._makes_graphs()

    def _makes_graphs(self) -> bool:
        return self._config is not None and self._config.cuda_graph_strategy is CudaGraphStrategy.WHOLE_GRAPH_CAPTURE

    def _queue(self, stream: Stream) -> None:
        if self._makes_graphs() and tuple(self._shapes.values()) in self._warmed:
            gpu().counts["launches"] += 1
        super()._queue(stream)
