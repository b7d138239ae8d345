"""Small ONNX graphs made by hand, with weights that count as large."""

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

__all__ = ["SIDE", "model_of", "two_layers", "weight_of"]

SIDE = 20  # SIDE x SIDE float32 numbers are a large weight


def weight_of(name: str, *shape: int) -> TensorProto:
    """Return float32 numbers of *shape*."""
    values: NDArray[np.float32] = np.random.default_rng(len(name)).normal(size=shape).astype(np.float32)
    return numpy_helper.from_array(values, name)


def model_of(nodes: list[NodeProto], weights: list[TensorProto]) -> ModelProto:
    """Return a model of *nodes* from `x` to `y`, both 1 x SIDE x 4 x SIDE float32."""
    sides = [1, SIDE, 4, SIDE]
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, sides)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, sides)],
        weights,
        doc_string="of the graph",
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], producer_name="a test")
    model.metadata_props.add(key="skinseg.layout", value="plain")
    return model


def two_layers() -> ModelProto:
    """Return a model of the large weight `factor`, the small one `shift`, and the large one `unread`."""
    nodes = [
        helper.make_node("MatMul", ["x", "factor"], ["product"]),
        helper.make_node("Relu", ["product"], ["positive"]),
        helper.make_node("Add", ["positive", "shift"], ["y"]),
    ]
    return model_of(nodes, [weight_of("factor", SIDE, SIDE), weight_of("shift", SIDE), weight_of("unread", SIDE, SIDE)])
