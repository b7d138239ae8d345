"""Write explicit quantization into an ONNX file: Q/DQ pairs on the inputs and weights of chosen convolutions.

Signed 8 bit, symmetric, weights per output channel, activations per tensor, no bias, nothing behind a convolution: the
one form that TensorRT 10.3 to 11.4 and TensorRT-RTX both read and fuse. ONNX Runtime's quantizer puts the pairs in; the
scales are this project's, because half precision must hold them exactly.
"""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from skinseg_edge.errors import InputError
from skinseg_edge.known_names import first_names
from skinseg_edge.quantization_scales import half_scale
from skinseg_export.foreign_noise import quiet
from skinseg_export.onnx_from_torch import check_model, set_metadata

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

__all__ = ["QDQ_OPSET", "convolutions_of", "layer_of", "nodes_of", "qdq_from_single", "weights_of"]

QDQ_OPSET = 19  # the first whose QuantizeLinear takes half precision

_ROOT = "pixels.network."  # of the names of weights; see DeployedGraph
_WEIGHT = ".weight"
_NODE_ROOT = "network/"
_PAIR = ("QuantizeLinear", "DequantizeLinear")


def layer_of(node: "NodeProto") -> str:
    """Return the torch module that an ONNX convolution comes from, as `named_modules` calls it.

    By the name of its weights: a convolution that a normalisation was folded into goes by the normalisation's name, but
    keeps its own for its weights. Where folding made weights anew, the node's name has to do.
    """
    weights = str(node.input[1])
    if weights.startswith(_ROOT) and weights.endswith(_WEIGHT):
        return weights[len(_ROOT) : -len(_WEIGHT)]
    return str(node.name).removeprefix(_NODE_ROOT).rpartition("/")[0].replace("/", ".")


def convolutions_of(single: "ModelProto", layers: Collection[str]) -> dict[str, list["NodeProto"]]:
    """Map those of *layers* that the fp32 file has to their convolutions with stored weights; a layer may run twice."""
    stored = {weight.name for weight in single.graph.initializer}
    found: dict[str, list[NodeProto]] = {}
    for node in single.graph.node:
        if node.op_type == "Conv" and node.input[1] in stored and layer_of(node) in layers:
            found.setdefault(layer_of(node), []).append(node)
    return found


def nodes_of(single: "ModelProto", layers: Collection[str]) -> list["NodeProto"]:
    """Return the convolutions of *layers* in the fp32 file, layer by layer.

    Raises InputError if a layer has none.
    """
    found = convolutions_of(single, layers)
    lost = sorted(set(layers) - set(found))
    if lost:
        raise InputError(
            f"cannot quantize {len(lost)} layers ({first_names(lost)}): the ONNX file has no convolution with stored "
            "weights of that name; name those of quantizable_layers"
        )
    return [node for nodes in found.values() for node in nodes]


def weights_of(single: "ModelProto", layers: Collection[str]) -> dict[str, int]:
    """Return how many weights each of *layers* has."""
    sizes = {weight.name: int(np.prod(weight.dims)) for weight in single.graph.initializer}
    return {layer: sizes[nodes[0].input[1]] for layer, nodes in convolutions_of(single, layers).items()}


def qdq_from_single(single: "ModelProto", layers: Collection[str], input_reaches: Mapping[str, float]) -> "ModelProto":
    """Return *single* with Q/DQ pairs on the inputs and weights of the convolutions of *layers*; the rest stays fp32.

    *input_reaches*: value name -> the |x| that its 8 bits shall reach, for the input of every such convolution. Values
    beyond are cut off at it.

    Raises InputError if a layer has no convolution in the file.
    """
    import onnx

    nodes = nodes_of(single, layers)
    model = _raised(single)
    if nodes:
        model = _with_pairs(model, nodes, _overrides(single, nodes, input_reaches))
        _leave_others_alone(model, single, {node.name for node in nodes})
        _sort(model)
    del model.graph.value_info[:]
    model = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    set_metadata(model, {"precision": "int8"})
    check_model(model)
    return model


def _raised(single: "ModelProto") -> "ModelProto":
    """Return a copy of *single* of an opset that knows half-precision scales."""
    import onnx

    if single.opset_import[0].version < QDQ_OPSET:
        return onnx.version_converter.convert_version(single, QDQ_OPSET)
    copy = onnx.ModelProto()
    copy.CopyFrom(single)
    return copy


def _overrides(
    single: "ModelProto", nodes: list["NodeProto"], input_reaches: Mapping[str, float]
) -> dict[str, list[dict[str, Any]]]:
    """Return ONNX Runtime's TensorQuantOverrides: scale and zero point of every input, and of every output channel."""
    from onnx import numpy_helper
    from onnxruntime.quantization import QuantType

    def plain(scale: np.float32, **more: int) -> dict[str, Any]:
        return {"scale": np.array(scale), "zero_point": np.array(0, np.int8), "quant_type": QuantType.QInt8, **more}

    stored = {weight.name: weight for weight in single.graph.initializer}
    overrides: dict[str, list[dict[str, Any]]] = {}
    for node in nodes:
        value, weight = node.input[0], node.input[1]
        overrides[value] = [plain(half_scale(float(input_reaches[value])))]
        kernel = numpy_helper.to_array(stored[weight])  # (out, in, rows, columns)
        reach = np.abs(kernel).reshape(len(kernel), -1).max(axis=1)
        overrides[weight] = [plain(scale, axis=0) for scale in half_scale(reach)]
    return overrides


def _with_pairs(
    model: "ModelProto", nodes: list["NodeProto"], overrides: Mapping[str, list[dict[str, Any]]]
) -> "ModelProto":
    """Return *model* with a pair on every input and weight of *nodes*."""
    from onnxruntime.quantization import CalibrationMethod, QuantType
    from onnxruntime.quantization.calibrate import TensorsData
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

    # The scales are given; the quantizer asks for ranges all the same.
    reaches = {node.input[0]: overrides[node.input[0]][0]["scale"] * 127 for node in nodes}
    ranges = TensorsData(CalibrationMethod.MinMax, {name: (-reach, reach) for name, reach in reaches.items()})
    options = {
        "ActivationSymmetric": True,
        "WeightSymmetric": True,
        "QuantizeBias": False,
        "OpTypesToExcludeOutputQuantization": ["Conv"],
        "ForceQuantizeNoInputCheck": True,
        "TensorQuantOverrides": overrides,
    }
    quantizer = QDQQuantizer(
        model,
        True,  # a scale for each output channel
        False,  # all 8 bits
        QuantType.QInt8,
        QuantType.QInt8,
        ranges,
        [node.name for node in nodes],
        [],
        ["Conv"],
        options,
    )
    with quiet():
        quantizer.quantize_model()
    quantized: ModelProto = quantizer.model.model
    return quantized


def _leave_others_alone(model: "ModelProto", single: "ModelProto", chosen: set[str]) -> None:
    """Let other nodes read what they read before, and the chosen ones their bias.

    The quantizer turns all readers of a value, and copies a bias that two convolutions share.
    """
    before = {node.name: node.input for node in single.graph.node}
    for node in model.graph.node:
        kept = 2 if node.name in chosen else 0  # input and weights
        if node.name in before:
            del node.input[kept:]
            node.input.extend(before[node.name][kept:])
    read = {name for node in model.graph.node for name in node.input}
    stored = [weight for weight in model.graph.initializer if weight.name in read]
    del model.graph.initializer[:]
    model.graph.initializer.extend(stored)


def _sort(model: "ModelProto") -> None:
    """Put the pairs, which the quantizer leaves at the end, before the first node that reads them."""
    pairs = {node.output[0]: node for node in model.graph.node if node.op_type in _PAIR}
    ordered: list[NodeProto] = []

    def place(node: "NodeProto") -> None:
        for name in node.input:
            if name in pairs:
                place(pairs.pop(name))
        ordered.append(node)

    for node in list(model.graph.node):
        if node.op_type not in _PAIR:
            place(node)
    del model.graph.node[:]
    model.graph.node.extend(ordered)
