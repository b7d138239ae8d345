"""All of TensorRT that this project touches, as types: `tensorrt` 10.3 to 11.4 and `tensorrt_rtx` 1.7 have these names.

Written from NVIDIA's bindings, which have no types. A test holds every name and argument here against the real bindings
of each version. What not all of them have is looked for with `hasattr` where it is used, and stands in the classes
named `Newer...`, each with the versions that have it. Functions that give None on failure say so in their types.
"""

from collections.abc import Sequence
from typing import Any, Protocol

__all__ = [
    "Builder",
    "BuilderConfig",
    "CudaEngine",
    "EngineInspector",
    "ExecutionContext",
    "HostMemory",
    "Layer",
    "NetworkDefinition",
    "NewerBuilderConfig",
    "NewerCudaEngine",
    "NewerExecutionContext",
    "NewerTensorRt",
    "OnnxParser",
    "OptimizationProfile",
    "ParserError",
    "Runtime",
    "RuntimeCache",
    "RuntimeConfig",
    "Tensor",
    "TensorRt",
    "TimingCache",
]


class HostMemory(Protocol):
    """Bytes that TensorRT owns; `bytes(memory)` copies them."""

    @property
    def nbytes(self) -> int:
        """How many."""
        ...


class Tensor(Protocol):
    """A tensor of a network that is not built yet. *dtype*: a member of `DataType`. *shape*: -1 for a free axis."""

    name: str
    shape: Sequence[int]

    @property
    def dtype(self) -> Any:
        """Its type."""
        ...


class Layer(Protocol):
    """A layer of a network that is not built yet; *type*: a member of `LayerType`."""

    name: str
    type: Any
    num_inputs: int
    num_outputs: int

    def get_input(self, index: int) -> Tensor | None:
        """Return an input."""
        ...

    def get_output(self, index: int) -> Tensor | None:
        """Return an output."""
        ...


class NetworkDefinition(Protocol):
    """What the parser fills and the builder builds."""

    num_layers: int
    num_inputs: int
    num_outputs: int

    def get_layer(self, index: int) -> Layer:
        """Return a layer."""
        ...

    def get_input(self, index: int) -> Tensor:
        """Return an input."""
        ...

    def get_output(self, index: int) -> Tensor:
        """Return an output."""
        ...

    def add_constant(self, shape: tuple[int, ...], weights: Any) -> Layer:
        """Add a constant of *weights*, a `Weights`, which must outlive the build."""
        ...

    def add_elementwise(self, input1: Tensor, input2: Tensor, op: Any) -> Layer:
        """Add an operation of `ElementWiseOperation`."""
        ...

    def add_cast(self, input: Tensor, to_type: Any) -> Layer:
        """Add a conversion to a member of `DataType`."""
        ...

    def mark_output(self, tensor: Tensor) -> None:
        """Make *tensor* an output."""
        ...


class OptimizationProfile(Protocol):
    """The shapes that an engine is built for."""

    def set_shape(self, input: str, min: tuple[int, ...], opt: tuple[int, ...], max: tuple[int, ...]) -> None:
        """Say how an input may vary."""
        ...


class TimingCache(Protocol):
    """How fast kernels were when they were tried."""

    def serialize(self) -> HostMemory | None:
        """Return its bytes."""
        ...


class BuilderConfig(Protocol):
    """How to build; *progress_monitor*: an `IProgressMonitor`."""

    progress_monitor: Any
    builder_optimization_level: int
    profiling_verbosity: Any
    default_device_type: Any
    DLA_core: int

    def set_memory_pool_limit(self, pool: Any, pool_size: int) -> None:
        """Limit a `MemoryPoolType`, bytes."""
        ...

    def add_optimization_profile(self, profile: OptimizationProfile) -> int:
        """Add shapes; gives -1 if they do not fit."""
        ...

    def set_flag(self, flag: Any) -> None:
        """Set a `BuilderFlag`."""
        ...

    def create_timing_cache(self, serialized_timing_cache: bytes) -> TimingCache | None:
        """Read a cache; empty bytes make a new one."""
        ...

    def set_timing_cache(self, cache: TimingCache, ignore_mismatch: bool) -> bool:
        """Use a cache; False if it is of another device or version."""
        ...

    def get_timing_cache(self) -> TimingCache | None:
        """Return the cache in use."""
        ...

    def can_run_on_DLA(self, layer: Layer) -> bool:  # noqa: N802  # NVIDIA's name
        """Tell whether a layer may run on a DLA."""
        ...


class NewerBuilderConfig(Protocol):
    """`tensorrt_rtx`: the GPUs that an engine is built for."""

    num_compute_capabilities: int

    def set_compute_capability(self, compute_capability: Any, index: int) -> bool:
        """Set one of `ComputeCapability`."""
        ...


class Builder(Protocol):
    """Builds engines."""

    def create_network(self, flags: int = 0) -> NetworkDefinition | None:
        """Make an empty network; *flags*: bits of `NetworkDefinitionCreationFlag`."""
        ...

    def create_builder_config(self) -> BuilderConfig | None:
        """Make a configuration."""
        ...

    def create_optimization_profile(self) -> OptimizationProfile:
        """Make a profile."""
        ...

    def build_serialized_network(self, network: NetworkDefinition, config: BuilderConfig) -> HostMemory | None:
        """Build; None on failure, whose reason only the logger hears."""
        ...


class ParserError(Protocol):
    """Why the parser refused."""

    def code(self) -> Any:
        """Return the kind of fault."""
        ...

    def desc(self) -> str:
        """Return the reason."""
        ...

    def node(self) -> int:
        """Return the number of the node, -1 for none."""
        ...

    def node_name(self) -> str:
        """Return the name of the node."""
        ...

    def node_operator(self) -> str:
        """Return its operator."""
        ...


class OnnxParser(Protocol):
    """Reads ONNX into a network; owns the weights until the network is built."""

    num_errors: int

    def parse(self, model: bytes) -> bool:
        """Read a model; False if it is refused."""
        ...

    def get_error(self, index: int) -> ParserError:
        """Return a fault."""
        ...


class RuntimeCache(Protocol):
    """`tensorrt_rtx`: kernels that were compiled for this GPU."""

    def serialize(self) -> HostMemory | None:
        """Return its bytes."""
        ...

    def deserialize(self, blob: bytes) -> bool:
        """Read bytes; False if they do not fit."""
        ...


class RuntimeConfig(Protocol):
    """`tensorrt_rtx`: how to run. 10.16 and 11.4 have such a class with none of these names."""

    cuda_graph_strategy: Any

    def create_runtime_cache(self) -> RuntimeCache:
        """Make an empty cache."""
        ...

    def set_runtime_cache(self, cache: RuntimeCache) -> bool:
        """Use a cache."""
        ...


class ExecutionContext(Protocol):
    """Runs an engine; for one thread at a time."""

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        """Say the shape of the next input; False if no profile allows it."""
        ...

    def get_tensor_shape(self, name: str) -> Sequence[int]:
        """Return a shape as it is now."""
        ...

    def infer_shapes(self) -> Sequence[str]:
        """Return the names of inputs that are not set."""
        ...

    def set_tensor_address(self, name: str, memory: int) -> bool:
        """Say where a tensor lies on the GPU."""
        ...

    def execute_async_v3(self, stream_handle: int) -> bool:
        """Queue one run; False on failure."""
        ...


class NewerExecutionContext(Protocol):
    """`tensorrt_rtx`: whether a stream's work may be captured."""

    def is_stream_capturable(self, stream: int) -> bool:
        """Tell whether capturing this stream would work."""
        ...


class EngineInspector(Protocol):
    """Tells of the layers of an engine."""

    def get_engine_information(self, format: Any) -> str:
        """Return all layers; *format*: a member of `LayerInformationFormat`."""
        ...


class CudaEngine(Protocol):
    """A built network."""

    num_io_tensors: int
    num_optimization_profiles: int

    def get_tensor_name(self, index: int) -> str:
        """Return the name of an input or output."""
        ...

    def get_tensor_mode(self, name: str) -> Any:
        """Return a member of `TensorIOMode`."""
        ...

    def get_tensor_shape(self, name: str) -> Sequence[int]:
        """Return its shape, -1 for a free axis."""
        ...

    def get_tensor_dtype(self, name: str) -> Any:
        """Return a member of `DataType`."""
        ...

    def get_tensor_profile_shape(self, name: str, profile_index: int) -> Sequence[Sequence[int]]:
        """Return the smallest, the usual and the largest shape."""
        ...

    def create_execution_context(self) -> ExecutionContext | None:
        """Make a context; None if the memory does not suffice."""
        ...

    def create_engine_inspector(self) -> EngineInspector:
        """Make an inspector."""
        ...


class NewerCudaEngine(Protocol):
    """10.16, 11.4 and `tensorrt_rtx`: contexts that know how to run."""

    def create_runtime_config(self) -> RuntimeConfig:
        """Make a configuration."""
        ...

    def create_execution_context(self, runtime_config: RuntimeConfig) -> ExecutionContext | None:
        """Make a context by it."""
        ...


class Runtime(Protocol):
    """Makes engines of bytes, which is to run them: only bytes whose hash and seal hold may come here."""

    DLA_core: int

    def deserialize_cuda_engine(self, serialized_engine: bytes) -> CudaEngine | None:
        """Load an engine; None on failure, whose reason only the logger hears."""
        ...


class NewerTensorRt(Protocol):
    """`tensorrt_rtx`: how CUDA graphs are made, and the GPUs that an engine can be built for, such as `SM86`."""

    ComputeCapability: Any
    CudaGraphStrategy: Any


class TensorRt(Protocol):
    """The module. The names of classes and enumerations are NVIDIA's."""

    __version__: str
    ILogger: Any
    IProgressMonitor: Any
    Weights: Any
    DataType: Any
    TensorIOMode: Any
    MemoryPoolType: Any
    BuilderFlag: Any
    DeviceType: Any
    ElementWiseOperation: Any
    LayerInformationFormat: Any
    NetworkDefinitionCreationFlag: Any
    ProfilingVerbosity: Any

    def Builder(self, logger: Any) -> Builder:  # noqa: N802  # NVIDIA's name
        """Make a builder."""
        ...

    def OnnxParser(self, network: NetworkDefinition, logger: Any) -> OnnxParser:  # noqa: N802  # NVIDIA's name
        """Make a parser."""
        ...

    def Runtime(self, logger: Any) -> Runtime:  # noqa: N802  # NVIDIA's name
        """Make a runtime."""
        ...
