"""Networks of the fake TensorRT, and its ONNX parser."""

import re
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto

from tests.fake_device.fake_gpu import gpu
from tests.fake_device.trt_enums import DataType, ElementWiseOperation, ErrorCode, LayerType
from tests.fake_device.trt_logging import Speaker

__all__ = ["Dims", "ILayer", "INetworkDefinition", "ITensor", "OnnxParserBase", "ParserError", "Weights"]

_TYPES: dict[int, DataType] = {
    TensorProto.FLOAT: DataType.FLOAT,
    TensorProto.FLOAT16: DataType.HALF,
    TensorProto.UINT8: DataType.UINT8,
    TensorProto.INT8: DataType.INT8,
    TensorProto.INT32: DataType.INT32,
    TensorProto.INT64: DataType.INT64,
    TensorProto.BOOL: DataType.BOOL,
}
_LAYERS = {
    "AveragePool": LayerType.POOLING,
    "Cast": LayerType.CAST,
    "Concat": LayerType.CONCATENATION,
    "Constant": LayerType.CONSTANT,
    "Conv": LayerType.CONVOLUTION,
    "ConvTranspose": LayerType.DECONVOLUTION,
    "DequantizeLinear": LayerType.DEQUANTIZE,
    "GlobalAveragePool": LayerType.REDUCE,
    "Identity": LayerType.IDENTITY,
    "MatMul": LayerType.MATRIX_MULTIPLY,
    "MaxPool": LayerType.POOLING,
    "QuantizeLinear": LayerType.QUANTIZE,
    "ReduceMean": LayerType.REDUCE,
    "Reshape": LayerType.SHUFFLE,
    "Resize": LayerType.RESIZE,
    "Slice": LayerType.SLICE,
    "Softmax": LayerType.SOFTMAX,
    "Transpose": LayerType.SHUFFLE,
    "InstanceNormalization": LayerType.NORMALIZATION,
    "LayerNormalization": LayerType.NORMALIZATION,
    **dict.fromkeys(("Add", "Sub", "Mul", "Div", "Max", "Min", "Pow", "Greater", "Less"), LayerType.ELEMENTWISE),
    **dict.fromkeys(("Relu", "Sigmoid", "Tanh", "Clip", "LeakyRelu", "HardSigmoid"), LayerType.ACTIVATION),
}


class Dims:
    """Equal to tuples and lists, and as NVIDIA's not even comparable with its own kind."""

    def __init__(self, shape: Any) -> None:
        self._shape = tuple(int(length) for length in shape)

    def __len__(self) -> int:
        return len(self._shape)

    def __getitem__(self, index: Any) -> Any:
        return self._shape[index]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (tuple, list)):
            raise TypeError("__eq__(): incompatible function arguments")
        return self._shape == tuple(other)

    __hash__ = None  # type: ignore[assignment]  # NVIDIA's has none

    def __repr__(self) -> str:
        return repr(self._shape)


class Weights:
    """Keeps the array alive no longer than itself: `add_constant` reads it when the network is built."""

    def __init__(self, a: np.ndarray[Any, Any]) -> None:
        self._array = a

    @property
    def size(self) -> int:
        return int(self._array.size)


class ITensor:
    """*_way*: how it comes about, in plain JSON."""

    def __init__(self, name: str, dtype: DataType, shape: tuple[int, ...], way: list[Any]) -> None:
        self.name = name
        self._dtype = dtype
        self._shape = shape
        self._way = way

    @property
    def dtype(self) -> DataType:
        return self._dtype

    @property
    def shape(self) -> Dims:
        return Dims(self._shape)


class ILayer:
    def __init__(self, name: str, type_: LayerType, inputs: list[ITensor], outputs: list[ITensor]) -> None:
        self.name = name
        self._type = type_
        self._inputs, self._outputs = inputs, outputs

    @property
    def type(self) -> LayerType:
        return self._type

    @property
    def num_inputs(self) -> int:
        return len(self._inputs)

    @property
    def num_outputs(self) -> int:
        return len(self._outputs)

    def get_input(self, index: int) -> ITensor | None:
        return self._inputs[index] if index < len(self._inputs) else None

    def get_output(self, index: int) -> ITensor | None:
        return self._outputs[index] if index < len(self._outputs) else None


class INetworkDefinition:
    def __init__(self, speaker: Speaker) -> None:
        self._speaker = speaker
        self._layers: list[ILayer] = []
        self._inputs: list[ITensor] = []
        self._outputs: list[ITensor] = []
        self._faults: list[str] = []
        self._onnx = b""

    @property
    def num_layers(self) -> int:
        return len(self._layers)

    @property
    def num_inputs(self) -> int:
        return len(self._inputs)

    @property
    def num_outputs(self) -> int:
        return len(self._outputs)

    def get_layer(self, index: int) -> ILayer:
        return self._layers[index]

    def get_input(self, index: int) -> ITensor:
        return self._inputs[index]

    def get_output(self, index: int) -> ITensor:
        return self._outputs[index]

    def add_constant(self, shape: Any, weights: Weights) -> ILayer:
        lengths = tuple(shape)
        if int(np.prod(lengths)) != weights.size:
            self._faults.append(f"Constant: {lengths} does not hold {weights.size} weights")
        kinds = {np.dtype(np.float32): DataType.FLOAT, np.dtype(np.float16): DataType.HALF}
        dtype = kinds[weights._array.dtype]
        values = weights._array.astype(np.float64).reshape(-1).tolist()
        return self._added("CONSTANT", LayerType.CONSTANT, [], dtype, lengths, ["constant", values, list(lengths)])

    def add_elementwise(self, input1: ITensor, input2: ITensor, op: ElementWiseOperation) -> ILayer:
        if input1.dtype != input2.dtype:
            self._faults.append(f"ElementWiseOperation {op.name} must have same input types, strongly typed network")
        dtype = DataType.BOOL if op in (ElementWiseOperation.GREATER, ElementWiseOperation.LESS) else input1.dtype
        way = ["elementwise", op.name, input1._way, input2._way]
        return self._added("ELEMENTWISE", LayerType.ELEMENTWISE, [input1, input2], dtype, input1._shape, way)

    def add_cast(self, input: ITensor, to_type: DataType) -> ILayer:  # NVIDIA's name
        if to_type == DataType.UINT8 and input.dtype not in (DataType.FLOAT, DataType.HALF):
            self._faults.append(f"Cast: cannot cast {input.dtype.name} to UINT8, only floating point types")
        way = ["cast", to_type.name, input._way]
        return self._added("CAST", LayerType.CAST, [input], to_type, input._shape, way)

    def mark_output(self, tensor: ITensor) -> None:
        self._outputs.append(tensor)

    def _added(
        self,
        name: str,
        type_: LayerType,
        inputs: list[ITensor],
        dtype: DataType,
        shape: tuple[int, ...],
        way: list[Any],
    ) -> ILayer:
        label = f"(Unnamed Layer* {len(self._layers)}) [{name.title()}]"
        made = ILayer(label, type_, inputs, [ITensor(f"{label}_output", dtype, shape, way)])
        self._layers.append(made)
        return made


class ParserError:
    def __init__(self, code: ErrorCode, desc: str, node: int = -1, name: str = "", operator: str = "") -> None:
        self._code, self._desc, self._node = code, desc, node
        self._name, self._operator = name, operator

    def code(self) -> ErrorCode:
        return self._code

    def desc(self) -> str:
        return self._desc

    def node(self) -> int:
        return self._node

    def node_name(self) -> str:
        return self._name

    def node_operator(self) -> str:
        return self._operator


class OnnxParserBase:
    _SPEAKER: Speaker

    def __init__(self, network: INetworkDefinition, logger: Any) -> None:
        self._SPEAKER.keep(logger)
        self._network = network
        self._errors: list[ParserError] = []

    @property
    def num_errors(self) -> int:
        return len(self._errors)

    def get_error(self, index: int) -> ParserError:
        return self._errors[index]

    def parse(self, model: bytes, path: str | None = None) -> bool:
        try:
            graph = onnx.load_from_string(bytes(model)).graph
        except Exception:  # noqa: BLE001  # whatever the reader of protobuf raises
            self._errors.append(ParserError(ErrorCode.MODEL_DESERIALIZE_FAILED, "Failed to parse the ONNX model."))
            self._SPEAKER.error("ModelImporter: Failed to parse the ONNX model.")
            return False
        for index, node in enumerate(graph.node):
            if node.op_type in gpu().settings.builder.get("unsupported", ()):
                words = f"No importer registered for op: {node.op_type}. Attempting to import as plugin."
                code = ErrorCode.UNSUPPORTED_NODE
                self._errors.append(ParserError(code, words, index, _label(index, node), node.op_type))
                self._SPEAKER.error(f"In node {index} with name: {_label(index, node)}: {words}")
        if self._errors:
            return False
        self._fill(graph, bytes(model))
        return True

    def _fill(self, graph: onnx.GraphProto, model: bytes) -> None:
        network = self._network
        network._onnx = model
        stored = {weights.name for weights in graph.initializer}
        network._inputs = [_tensor(value) for value in graph.input if value.name not in stored]
        network._outputs = [_tensor(value) for value in graph.output]
        for index, node in enumerate(graph.node):
            kind = _LAYERS.get(node.op_type, LayerType.UNARY)
            inputs = [ITensor(name, DataType.FLOAT, (), ["onnx", name]) for name in node.input if name not in stored]
            outputs = [ITensor(name, DataType.FLOAT, (), ["onnx", name]) for name in node.output]
            network._layers.append(ILayer(_label(index, node), kind, inputs, outputs))


def _tensor(value: onnx.ValueInfoProto) -> ITensor:
    kind = value.type.tensor_type
    shape = tuple(axis.dim_value if axis.HasField("dim_value") else -1 for axis in kind.shape.dim)
    return ITensor(value.name, _TYPES[kind.elem_type], shape, ["onnx", value.name])


def _label(index: int, node: onnx.NodeProto) -> str:
    return node.name or f"{re.sub('[^A-Za-z0-9]', '', node.op_type)}_{index}"
