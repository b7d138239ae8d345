"""NVIDIA's enumerations, as far as this project names them, with their true numbers."""

from enum import Enum

__all__ = [
    "BuilderFlag",
    "ComputeCapability",
    "CudaGraphStrategy",
    "DataType",
    "DeviceType",
    "ElementWiseOperation",
    "ErrorCode",
    "LayerInformationFormat",
    "LayerType",
    "MemoryPoolType",
    "ProfilingVerbosity",
    "PybindEnum",
    "Severity",
    "TensorIOMode",
    "creation_flags",
]


class PybindEnum(Enum):
    """As pybind11 makes them: they have numbers, and are none."""

    def __int__(self) -> int:
        return int(self.value)

    def __index__(self) -> int:
        return int(self.value)


class Severity(PybindEnum):
    INTERNAL_ERROR = 0
    ERROR = 1
    WARNING = 2
    INFO = 3
    VERBOSE = 4


class DataType(PybindEnum):
    FLOAT = 0
    HALF = 1
    INT8 = 2
    INT32 = 3
    BOOL = 4
    UINT8 = 5
    BF16 = 7
    INT64 = 8


class TensorIOMode(PybindEnum):
    NONE = 0
    INPUT = 1
    OUTPUT = 2


class MemoryPoolType(PybindEnum):
    WORKSPACE = 0
    DLA_MANAGED_SRAM = 1
    DLA_LOCAL_DRAM = 2
    DLA_GLOBAL_DRAM = 3
    TACTIC_DRAM = 4
    TACTIC_SHARED_MEMORY = 5


class BuilderFlag(PybindEnum):
    GPU_FALLBACK = 3
    TF32 = 6


class DeviceType(PybindEnum):
    GPU = 0
    DLA = 1


class ElementWiseOperation(PybindEnum):
    SUM = 0
    PROD = 1
    SUB = 4
    GREATER = 12
    LESS = 13


class LayerInformationFormat(PybindEnum):
    ONELINE = 0
    JSON = 1


class ProfilingVerbosity(PybindEnum):
    LAYER_NAMES_ONLY = 0
    NONE = 1
    DETAILED = 2


class LayerType(PybindEnum):
    CONVOLUTION = 0
    CAST = 1
    ACTIVATION = 2
    POOLING = 3
    SOFTMAX = 6
    DECONVOLUTION = 7
    CONCATENATION = 8
    ELEMENTWISE = 9
    UNARY = 11
    SHUFFLE = 13
    REDUCE = 14
    MATRIX_MULTIPLY = 17
    CONSTANT = 19
    IDENTITY = 20
    SLICE = 22
    RESIZE = 25
    QUANTIZE = 32
    DEQUANTIZE = 33
    NORMALIZATION = 45


class ErrorCode(PybindEnum):
    SUCCESS = 0
    INTERNAL_ERROR = 1
    MODEL_DESERIALIZE_FAILED = 3
    INVALID_NODE = 6
    UNSUPPORTED_NODE = 8


class CudaGraphStrategy(PybindEnum):
    DISABLED = 0
    WHOLE_GRAPH_CAPTURE = 1


class ComputeCapability(PybindEnum):
    NONE = 0
    CURRENT = 1
    SM75 = 75
    SM80 = 80
    SM86 = 86
    SM89 = 89
    SM120 = 120
    SM121 = 121


class _BeforeEleven(PybindEnum):
    EXPLICIT_BATCH = 0
    STRONGLY_TYPED = 1


class _FromEleven(PybindEnum):
    STRONGLY_TYPED = 0


def creation_flags(major: int) -> type[PybindEnum]:
    """Return `NetworkDefinitionCreationFlag` of TensorRT's version *major*; TensorRT-RTX has that of 11."""
    return _BeforeEleven if major == 10 else _FromEleven


_BeforeEleven.__name__ = _FromEleven.__name__ = "NetworkDefinitionCreationFlag"
