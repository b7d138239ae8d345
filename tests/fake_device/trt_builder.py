"""The fake TensorRT's builder: keeps the rules of the true one and "builds" by putting the ONNX file into the plan."""

import json
import os
import signal
import time
from typing import Any

from tests.fake_device.fake_gpu import gpu
from tests.fake_device.trt_enums import BuilderFlag, ComputeCapability, DeviceType, LayerType, MemoryPoolType
from tests.fake_device.trt_logging import Speaker
from tests.fake_device.trt_network import ILayer, INetworkDefinition, ITensor
from tests.fake_device.trt_plan import plan_bytes

__all__ = [
    "BuilderBase",
    "ConfigBase",
    "IHostMemory",
    "IOptimizationProfile",
    "IProgressMonitor",
    "ITimingCache",
    "RtxConfigBase",
]

_TIMING_MAGIC = b"fake timing cache"
_LEAST_WORKSPACE = 1 << 20
_ON_DLA = frozenset(
    {
        LayerType.CONVOLUTION,
        LayerType.DECONVOLUTION,
        LayerType.ACTIVATION,
        LayerType.POOLING,
        LayerType.ELEMENTWISE,
        LayerType.CONCATENATION,
        LayerType.RESIZE,
        LayerType.SHUFFLE,
        LayerType.SOFTMAX,
    }
)
_PHASES = (
    ("Building engine", None, 3),
    ("Building engine from subgraph", "Building engine", 1),
    ("Computing profile costs", "Building engine from subgraph", 5),
    ("Timing graph nodes", "Computing profile costs", 3),
)


class IHostMemory:
    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def nbytes(self) -> int:
        return len(self._data)

    def __bytes__(self) -> bytes:
        return self._data


class IProgressMonitor:
    def __init__(self) -> None:
        self._is_ready = True

    def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
        raise NotImplementedError("Tried to call pure virtual function IProgressMonitor::phaseStart")

    def step_complete(self, phase_name: str, step: int) -> bool:
        raise NotImplementedError("Tried to call pure virtual function IProgressMonitor::stepComplete")

    def phase_finish(self, phase_name: str) -> None:
        raise NotImplementedError("Tried to call pure virtual function IProgressMonitor::phaseFinish")


class IOptimizationProfile:
    def __init__(self) -> None:
        self._shapes: dict[str, list[list[int]]] = {}

    def set_shape(self, input: str, min: Any, opt: Any, max: Any) -> None:  # NVIDIA's names
        shapes = [list(min), list(opt), list(max)]
        if any(not low <= middle <= high for low, middle, high in zip(*shapes, strict=True)):
            raise ValueError(f"shapes provided for {input} are inconsistent: {shapes}")
        self._shapes[input] = shapes


class ITimingCache:
    def __init__(self, facts: dict[str, Any]) -> None:
        self._facts = facts

    def serialize(self) -> IHostMemory:
        return IHostMemory(_TIMING_MAGIC + json.dumps(self._facts).encode())


class ConfigBase:
    _SPEAKER: Speaker
    _VERSION: str

    def __init__(self) -> None:
        self.progress_monitor: Any = None
        self.builder_optimization_level = 3
        self.profiling_verbosity: Any = None
        self.default_device_type = DeviceType.GPU
        self.DLA_core = -1
        self._workspace: int | None = None
        self._flags: set[Any] = set()
        self._profiles: list[IOptimizationProfile] = []
        self._cache: ITimingCache | None = None

    def set_memory_pool_limit(self, pool: MemoryPoolType, pool_size: int) -> None:
        if pool is MemoryPoolType.WORKSPACE:
            self._workspace = pool_size

    def add_optimization_profile(self, profile: IOptimizationProfile) -> int:
        if not profile._shapes:
            self._SPEAKER.error("IBuilderConfig::addOptimizationProfile: profile is not valid")
            return -1
        self._profiles.append(profile)
        return len(self._profiles) - 1

    def set_flag(self, flag: BuilderFlag) -> None:
        self._flags.add(flag)

    def create_timing_cache(self, serialized_timing_cache: bytes) -> ITimingCache | None:
        data = bytes(serialized_timing_cache)
        if not data:
            return ITimingCache({"version": self._VERSION, "gpu": gpu().settings.gpu, "kernels": 0})
        try:
            if not data.startswith(_TIMING_MAGIC):
                raise ValueError("no such magic")
            return ITimingCache(json.loads(data[len(_TIMING_MAGIC) :]))
        except ValueError:
            self._SPEAKER.error("IBuilderConfig::createTimingCache: the timing cache cannot be read")
            return None

    def set_timing_cache(self, cache: ITimingCache, ignore_mismatch: bool) -> bool:
        fits = (cache._facts["version"], cache._facts["gpu"]) == (self._VERSION, gpu().settings.gpu)
        if fits or ignore_mismatch:
            self._cache = cache
        return fits or ignore_mismatch

    def get_timing_cache(self) -> ITimingCache | None:
        return self._cache

    def can_run_on_DLA(self, layer: ILayer) -> bool:  # NVIDIA's name
        return gpu().settings.dla_cores > 0 and layer.type in _ON_DLA


class RtxConfigBase(ConfigBase):
    def __init__(self) -> None:
        super().__init__()
        self._targets: list[ComputeCapability] = []

    @property
    def num_compute_capabilities(self) -> int:
        return len(self._targets)

    @num_compute_capabilities.setter
    def num_compute_capabilities(self, count: int) -> None:
        self._targets = [ComputeCapability.NONE] * count

    def set_compute_capability(self, compute_capability: ComputeCapability, index: int) -> bool:
        if not isinstance(compute_capability, ComputeCapability):
            raise TypeError("set_compute_capability(): incompatible function arguments")
        if not 0 <= index < len(self._targets):
            return False
        self._targets[index] = compute_capability
        return True


class BuilderBase:
    _SPEAKER: Speaker
    _VERSION: str
    _MAGIC: bytes
    _CONFIG: type[ConfigBase]
    _NEEDS_GPU: bool
    _FLAGS: int

    def __init__(self, logger: Any) -> None:
        self._SPEAKER.keep(logger)
        settings = gpu().settings
        if self._NEEDS_GPU and not (settings.driver and settings.devices):
            self._SPEAKER.error("createInferBuilder: Error Code 6: API Usage Error (CUDA initialization failure)")
            raise TypeError("pybind11::init(): factory function returned nullptr")

    def create_network(self, flags: int = 0) -> INetworkDefinition | None:
        if flags & ~self._FLAGS:
            self._SPEAKER.error(f"IBuilder::createNetworkV2: unknown flags {flags:b}")
            return None
        return INetworkDefinition(self._SPEAKER)

    def create_builder_config(self) -> ConfigBase:
        return self._CONFIG()

    def create_optimization_profile(self) -> IOptimizationProfile:
        return IOptimizationProfile()

    def build_serialized_network(self, network: INetworkDefinition, config: ConfigBase) -> IHostMemory | None:
        asked = gpu().settings.builder
        if asked.get("returns_none"):
            return None
        refusal = asked.get("refuse") or _refusal(network, config)
        if refusal:
            self._SPEAKER.error(f"IBuilder::buildSerializedNetwork: Error Code 4: {refusal}")
            return None
        if not _phases(config.progress_monitor):
            self._SPEAKER.error("IBuilder::buildSerializedNetwork: Error Code 10: Internal Error (BuildCanceled)")
            return None
        if config._cache is not None:
            config._cache._facts["kernels"] += len(network._layers)
        self._tell_memory(network)
        return IHostMemory(plan_bytes(self._MAGIC, self._VERSION, _facts(network, config), network._onnx))

    def _tell_memory(self, network: INetworkDefinition) -> None:
        self._SPEAKER.info(f"Total Scratch Memory: {network.num_layers << 10} bytes")
        self._SPEAKER.info(f"Total Activation Memory: {network.num_layers << 12} bytes")
        self._SPEAKER.info(f"Total Weights Memory: {len(network._onnx)} bytes")


def _refusal(network: INetworkDefinition, config: ConfigBase) -> str:
    if not network._outputs:
        return "Network must have at least one output"
    if network._faults:
        return "; ".join(network._faults)
    is_free = any(-1 in tensor._shape for tensor in network._inputs)
    if is_free and not config._profiles:
        return "Network has dynamic or shape inputs, but no optimization profile has been defined."
    for name, shapes in (config._profiles[0]._shapes if config._profiles else {}).items():
        known = {tensor.name: tensor._shape for tensor in network._inputs}
        if name not in known or not all(_fits(known[name], shape) for shape in shapes):
            return f"the optimization profile of {name} does not fit the network"
    if config._workspace is not None and config._workspace <= _LEAST_WORKSPACE:
        return "OutOfMemory: no implementation obeys the workspace limit"
    return _dla_refusal(config, is_free=is_free)


def _fits(declared: tuple[int, ...], shape: list[int]) -> bool:
    return len(declared) == len(shape) and all(want in (-1, have) for want, have in zip(declared, shape, strict=True))


def _dla_refusal(config: ConfigBase, *, is_free: bool) -> str:
    if config.default_device_type is not DeviceType.DLA:
        return ""
    if not 0 <= config.DLA_core < gpu().settings.dla_cores:
        return f"DLA core {config.DLA_core} does not exist, there are {gpu().settings.dla_cores}"
    if BuilderFlag.GPU_FALLBACK not in config._flags:
        return "some layers do not run on the DLA, and GPU fallback is not enabled"
    return "dynamic shapes are not supported on the DLA" if is_free else ""


def _phases(monitor: Any) -> bool:
    """Tell a monitor of every phase; False if it cancels."""
    asked = gpu().settings.builder
    steps = sum(count for _, _, count in _PHASES)
    for finished, (name, parent, count) in enumerate(_PHASES, 1):
        if monitor is not None:
            monitor.phase_start(name, parent, count)
        for step in range(count):
            time.sleep(asked.get("seconds", 0) / steps)
            if monitor is not None and not monitor.step_complete(name, step):
                return False
        if asked.get("kill_after_phase") == finished:
            os.kill(os.getpid(), signal.SIGKILL)  # what the kernel does when memory runs out
    if monitor is not None:
        for name, _, _ in reversed(_PHASES):
            monitor.phase_finish(name)
    return True


def _facts(network: INetworkDefinition, config: ConfigBase) -> dict[str, Any]:
    settings = gpu().settings
    targets = [f"{int(kind) // 10}.{int(kind) % 10}" for kind in getattr(config, "_targets", [])]
    profile = config._profiles[0]._shapes if config._profiles else {}
    return {
        "gpu": settings.gpu,
        "compute_capabilities": targets or [".".join(str(part) for part in settings.compute_capability)],
        "inputs": [_described(tensor) for tensor in network._inputs],
        "outputs": [_described(tensor) for tensor in network._outputs],
        "profile": profile,
        "layers": network.num_layers,
        "dla_core": config.DLA_core if config.default_device_type is DeviceType.DLA else None,
    }


def _described(tensor: ITensor) -> dict[str, Any]:
    return {"name": tensor.name, "dtype": tensor.dtype.name, "shape": list(tensor._shape), "way": tensor._way}
