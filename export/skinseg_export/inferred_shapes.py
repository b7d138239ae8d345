"""Types and shapes of an ONNX graph's values, without carrying its weights through the inference and back.

For weights of 200 MB that takes a second each time, and an export asks half a dozen times.
"""

from typing import TYPE_CHECKING

from skinseg_export.weights_aside import copy_without, large_weights

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto

__all__ = ["inferred_graph"]


def inferred_graph(model: "ModelProto", *, strict: bool = False) -> "GraphProto":
    """Return the graph of *model* with the types and shapes of all its values; large weights have no numbers in it.

    *strict*: raise onnx's InferenceError where types contradict each other, which is a mistake of this project.
    """
    import onnx

    weights = tuple(large_weights(model))
    light = copy_without(model, {weight.name for weight in weights})
    for weight in weights:
        light.graph.initializer.add(name=weight.name, data_type=weight.data_type, dims=weight.dims)
    return onnx.shape_inference.infer_shapes(light, strict_mode=strict).graph
