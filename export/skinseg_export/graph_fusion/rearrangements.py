"""Joining and splitting that undo each other, or that a node for each part makes needless."""

from typing import TYPE_CHECKING

from skinseg_export.graph_fusion.graph_edit import GraphEdit, attribute_of

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["is_pointwise", "part_by_part", "split_of_joined"]

_SWAPPED = (0, 1, 3, 2)


def split_of_joined(edit: GraphEdit) -> int:
    """Leave out a Concat whose only reader splits it into what was joined."""
    return sum(_left_out(edit, node) for node in edit.each("Concat"))


def part_by_part(edit: GraphEdit) -> int:
    """Let a 1 x 1 convolution and its sigmoid read rows and columns apart, not one behind the other.

    Coordinate attention joins means over rows (N x C x H x 1) and transposed means over columns (N x C x W x 1), and
    splits and transposes the outcome back. Nothing of that mixes places.
    """
    return sum(_taken_apart(edit, node) for node in edit.each("Concat"))


def _left_out(edit: GraphEdit, joining: "NodeProto") -> bool:
    splitting = edit.only_reader(joining.output[0], "Split")
    if splitting is None or len(splitting.output) != len(joining.input):
        return False
    if any(edit.is_output(name) for name in splitting.output) or not _gives_back(edit, joining, splitting):
        return False
    names = dict(zip(splitting.output, joining.input, strict=True))
    edit.replace([joining, splitting], [])
    edit.rename({str(name): str(source) for name, source in names.items()})
    return True


def _gives_back(edit: GraphEdit, joining: "NodeProto", splitting: "NodeProto") -> bool:
    """Whether *splitting* cuts the output of *joining* where its inputs meet."""
    shapes = [edit.shape(name) for name in joining.input]
    parts = [edit.shape(name) for name in splitting.output]
    rank = len(shapes[0])
    if not rank or any(len(shape) != rank for shape in (*shapes, *parts)):
        return False
    axis = attribute_of(joining, "axis", 0) % rank
    is_same_axis = attribute_of(splitting, "axis", 0) % rank == axis
    cuts = [(shape[axis], part[axis]) for shape, part in zip(shapes, parts, strict=True)]
    return is_same_axis and all(size == cut > 0 for size, cut in cuts)


def _taken_apart(edit: GraphEdit, joining: "NodeProto") -> bool:
    convolution = edit.only_reader(joining.output[0], "Conv")
    sigmoid = convolution and edit.only_reader(convolution.output[0], "Sigmoid")
    splitting = sigmoid and edit.only_reader(sigmoid.output[0], "Split")
    if convolution is None or sigmoid is None or splitting is None or len(joining.input) != 2:
        return False
    there = edit.maker(joining.input[1], "Transpose")
    back = edit.only_reader(splitting.output[1], "Transpose")
    if there is None or back is None or len(splitting.output) != 2 or edit.is_output(splitting.output[0]):
        return False
    is_along_places = attribute_of(joining, "axis", 0) in (2, 3)
    is_turned_back = is_along_places and attribute_of(there, "perm", ()) == attribute_of(back, "perm", ()) == _SWAPPED
    if not is_turned_back or not is_pointwise(convolution) or not _gives_back(edit, joining, splitting):
        return False
    rows = _attended(convolution, str(joining.input[0]), str(splitting.output[0]))
    columns = _attended(convolution, str(there.input[0]), str(back.output[0]))
    edit.replace([joining, convolution, sigmoid, splitting, back], [*rows, *columns])
    return True


def _attended(convolution: "NodeProto", source: str, output: str) -> "tuple[NodeProto, NodeProto]":
    from onnx import NodeProto, helper

    own = NodeProto()
    own.CopyFrom(convolution)
    own.input[0], own.output[0], own.name = source, f"{output}.before", ""
    return own, helper.make_node("Sigmoid", [own.output[0]], [output])


def is_pointwise(convolution: "NodeProto") -> bool:
    """Whether *convolution* reads one place of its input for each of its output's."""
    return (
        attribute_of(convolution, "kernel_shape", ()) == (1, 1)
        and set(attribute_of(convolution, "strides", (1,))) == {1}
        and set(attribute_of(convolution, "pads", (0,))) == {0}
    )
