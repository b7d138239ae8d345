"""Let TensorRT read an ONNX file as a strongly typed network, and say what it made of it."""

from collections.abc import Callable
from dataclasses import dataclass

from skinseg_edge.errors import BuildFailed
from skinseg_runtime.engine_build.builder_log import builder_log
from skinseg_runtime.engines.products import PRODUCTS, TENSORRT, Product
from skinseg_runtime.engines.tensorrt_api import Builder, NetworkDefinition, OnnxParser, ParserError, Tensor, TensorRt

__all__ = ["Parsed", "ParsedNetwork", "TensorType", "parse", "product_of"]

_UNSUPPORTED = "UNSUPPORTED_NODE"  # the code of an operator that the parser does not know
_MOST_FAULTS = 5  # an operator that is missing once is missing in every block of a network


@dataclass(frozen=True)
class TensorType:
    """An input or output as the builder sees it: *dtype* such as "UINT8" or "FLOAT", -1 in *shape* for a free axis."""

    name: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class ParsedNetwork:
    """What the parser made of an ONNX file."""

    inputs: tuple[TensorType, ...]
    outputs: tuple[TensorType, ...]
    layers: int


@dataclass(frozen=True)
class Parsed:
    """A network ready to be built. *parser* owns the weights' memory, so it must live as long as the network."""

    builder: Builder
    network: NetworkDefinition
    parser: OnnxParser

    def described(self) -> ParsedNetwork:
        """Return what can be told of the network as it is now."""
        network = self.network
        return ParsedNetwork(
            _types(network.num_inputs, network.get_input),
            _types(network.num_outputs, network.get_output),
            network.num_layers,
        )


def product_of(trt: TensorRt) -> Product:
    """Return which product the module *trt* is; TensorRT if it goes by a foreign name."""
    name = getattr(trt, "__name__", "")
    return next((product for product in PRODUCTS if product.module == name), TENSORRT)


def parse(trt: TensorRt, onnx: bytes) -> Parsed:
    """Let the parser of *trt* read *onnx*.

    Raises BuildFailed naming each node that it refuses, or if TensorRT cannot start, as without a GPU.
    """
    title = product_of(trt).title
    log = builder_log(trt)
    log.clear()
    builder = _builder(trt, title)
    network = builder.create_network(_typed(trt))
    if network is None:
        raise BuildFailed(f"cannot build an engine: {title} made no network: {log.complaint()}")
    parser = trt.OnnxParser(network, log.lines)
    if not parser.parse(onnx):
        raise BuildFailed(f"cannot parse the ONNX file for {title}: {_faults(parser) or log.complaint()}")
    if not (network.num_inputs and network.num_outputs):  # the parser is content with an empty file
        raise BuildFailed(
            f"cannot parse the ONNX file for {title}: it has {network.num_inputs} inputs and {network.num_outputs} "
            "outputs, expected a picture and a probability; export the bundle again"
        )
    return Parsed(builder, network, parser)


def _builder(trt: TensorRt, title: str) -> Builder:
    log = builder_log(trt)
    try:
        return trt.Builder(log.lines)
    except TypeError as error:  # the bindings' word for a constructor that gave nothing
        raise BuildFailed(
            f"cannot build an engine: {title} {trt.__version__} did not start: {log.complaint()}; "
            "run skinseg-doctor to see whether the GPU and its driver are there"
        ) from error


def _typed(trt: TensorRt) -> int:
    # TensorRT 11 types every network strongly and may drop the name; EXPLICIT_BATCH is the only way since 10.
    flag = getattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
    return 0 if flag is None else 1 << int(flag)


def _faults(parser: OnnxParser) -> str:
    told = [_fault(parser.get_error(index)) for index in range(min(parser.num_errors, _MOST_FAULTS))]
    left = parser.num_errors - len(told)
    return "; ".join([*told, f"and {left} more"] if left else told)


def _fault(error: ParserError) -> str:
    words = " ".join(str(error.desc()).split())
    if error.node() < 0:
        return words
    reason = "this operator is not supported" if str(error.code()).endswith(_UNSUPPORTED) else words
    return f"node {error.node_name()} ({error.node_operator()}): {reason}"


def _types(count: int, get: Callable[[int], Tensor]) -> tuple[TensorType, ...]:
    tensors = [get(index) for index in range(count)]
    return tuple(TensorType(tensor.name, tensor.dtype.name, tuple(tensor.shape)) for tensor in tensors)
