"""Types and shapes of an ONNX graph's values, without carrying its weights through the inference and back.

For weights of 200 MB that takes a second each time, and an export asks half a dozen times.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto

__all__ = ["inferred_graph"]

_LARGE = 1024  # bytes; what a shape may depend on, such as the sizes of a Reshape, is smaller


def inferred_graph(model: "ModelProto", *, strict: bool = False) -> "GraphProto":
    """Return the graph of *model* with the types and shapes of all its values; large weights have no numbers in it.

    *strict*: raise onnx's InferenceError where types contradict each other, which is a mistake of this project.
    """
    import onnx

    light = onnx.ModelProto(ir_version=model.ir_version)
    light.opset_import.extend(model.opset_import)
    light.functions.extend(model.functions)
    graph = light.graph
    graph.name = model.graph.name
    graph.node.extend(model.graph.node)
    graph.input.extend(model.graph.input)
    graph.output.extend(model.graph.output)
    graph.value_info.extend(model.graph.value_info)
    for weight in model.graph.initializer:
        if len(weight.raw_data) > _LARGE:
            graph.initializer.add(name=weight.name, data_type=weight.data_type, dims=weight.dims)
        else:
            graph.initializer.append(weight)
    return onnx.shape_inference.infer_shapes(light, strict_mode=strict).graph
