"""Normalisations in fewer nodes, and means of what they give out, which are known beforehand.

torch.onnx writes a group normalisation as Reshape, InstanceNormalization, Reshape, Mul, Add.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skinseg_export.graph_fusion.graph_edit import GraphEdit, attribute_of

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["affine_as_batch_normalisation", "channels_normalised_alone", "known_shares", "scale_into_normalisation"]

_EPSILON = 1e-5  # ONNX's default


class _Affine(NamedTuple):
    """x * factor + addend, a number each for every channel: what Mul *scaling* and Add *shifting* compute."""

    value: str
    factor: NDArray[np.float32]
    addend: NDArray[np.float32]
    scaling: "NodeProto"
    shifting: "NodeProto"


def channels_normalised_alone(edit: GraphEdit) -> int:
    """Write a group normalisation whose groups are single channels as one InstanceNormalization with its factors."""
    return sum(_as_instances(edit, affine) for affine in _affines(edit))


def affine_as_batch_normalisation(edit: GraphEdit) -> int:
    """Write a constant factor and addend for every channel as one BatchNormalization of mean 0 and variance 1.

    Not where they must stay fp32 in half precision: what leads to a gate, and the pixels.
    """
    affines = [each for each in _affines(edit) if not edit.stays_single(each.scaling)]
    for affine in affines:
        _as_batch_normalisation(edit, affine)
    return len(affines)


def scale_into_normalisation(edit: GraphEdit) -> int:
    """Multiply the factors of an InstanceNormalization by the constant number that alone its output meets."""
    return sum(_scaled(edit, node) for node in edit.each("InstanceNormalization"))


def known_shares(edit: GraphEdit) -> int:
    """Write down the softmax over the means of an InstanceNormalization's output: such a mean is the channel's addend.

    The variance does not matter: (x - mean) sums to 0 whatever it is divided by.
    """
    return sum(_known(edit, node) for node in edit.each("ReduceMean"))


def _affines(edit: GraphEdit) -> list[_Affine]:
    found = (_affine(edit, node) for node in edit.each("Mul"))
    return [each for each in found if each is not None]


def _affine(edit: GraphEdit, scaling: "NodeProto") -> _Affine | None:
    shifting = edit.only_reader(scaling.output[0], "Add")
    factor, addend = edit.with_constant(scaling), shifting and edit.with_constant(shifting)
    if shifting is None or factor is None or addend is None:
        return None
    shape = edit.shape(factor[0])
    if len(shape) != 4:
        return None
    per_channel = ((shape[1], 1, 1), (1, shape[1], 1, 1))
    if factor[1].shape not in per_channel or addend[1].shape not in per_channel:
        return None
    return _Affine(factor[0], factor[1].reshape(-1), addend[1].reshape(-1), scaling, shifting)


def _as_instances(edit: GraphEdit, affine: _Affine) -> bool:
    from onnx import helper

    back = edit.maker(affine.value, "Reshape")
    inner = back and edit.maker(back.input[0], "InstanceNormalization")
    there = inner and edit.maker(inner.input[0], "Reshape")
    if back is None or inner is None or there is None or edit.only_reader(affine.value, "Mul") is None:
        return False
    source = str(there.input[0])
    shape, flat = edit.shape(source), edit.shape(inner.input[0])
    is_channel_each = len(shape) == 4 and flat[1:] == (shape[1], shape[2] * shape[3])
    own = _factors(edit, inner)
    if not is_channel_each or edit.shape(affine.value)[1:] != shape[1:] or own is None:
        return False
    output = str(affine.shifting.output[0])
    scale = edit.store(f"{output}.scale", own[0] * affine.factor)
    bias = edit.store(f"{output}.bias", own[1] * affine.factor + affine.addend)
    epsilon = float(attribute_of(inner, "epsilon", _EPSILON))
    node = helper.make_node("InstanceNormalization", [source, scale, bias], [output], epsilon=epsilon)
    edit.replace([affine.scaling, affine.shifting], [node])
    return True


def _as_batch_normalisation(edit: GraphEdit, affine: _Affine) -> None:
    from onnx import helper

    output, channels = str(affine.shifting.output[0]), len(affine.factor)
    stored = [
        edit.store(f"{output}.scale", affine.factor),
        edit.store(f"{output}.bias", affine.addend),
        edit.store(f"{output}.mean", np.zeros(channels)),
        edit.store(f"{output}.variance", np.ones(channels)),
    ]
    node = helper.make_node("BatchNormalization", [affine.value, *stored], [output], epsilon=0.0)
    edit.replace([affine.scaling, affine.shifting], [node])


def _scaled(edit: GraphEdit, normalisation: "NodeProto") -> bool:
    from onnx import helper

    scaling = edit.only_reader(normalisation.output[0], "Mul")
    parts, own = scaling and edit.with_constant(scaling), _factors(edit, normalisation)
    if scaling is None or parts is None or own is None or parts[1].size != 1:
        return False
    if edit.shape(scaling.output[0]) != edit.shape(normalisation.output[0]):
        return False
    output, by = str(scaling.output[0]), parts[1].reshape(())
    stored = [edit.store(f"{output}.scale", own[0] * by), edit.store(f"{output}.bias", own[1] * by)]
    epsilon = float(attribute_of(normalisation, "epsilon", _EPSILON))
    node = helper.make_node("InstanceNormalization", [normalisation.input[0], *stored], [output], epsilon=epsilon)
    edit.replace([normalisation, scaling], [node])
    return True


def _known(edit: GraphEdit, mean: "NodeProto") -> bool:
    normalisation = edit.maker(mean.input[0], "InstanceNormalization")
    folded = edit.only_reader(mean.output[0], "Reshape")
    softmax = folded and edit.only_reader(folded.output[0], "Softmax")
    unfolded = softmax and edit.only_reader(softmax.output[0], "Reshape")
    if normalisation is None or folded is None or softmax is None or unfolded is None:
        return False
    own, shares = _factors(edit, normalisation), str(unfolded.output[0])
    grouped, shape = edit.shape(folded.output[0]), edit.shape(shares)
    if own is None or not _over_places(edit, mean) or len(shape) != 4 or shape[1:] != (len(own[1]), 1, 1):
        return False
    axis = attribute_of(softmax, "axis", -1) % len(grouped)
    if axis == 0 or np.prod(grouped[1:]) != len(own[1]) or edit.only_reader(shares, "Mul") is None:
        return False
    exponentials = np.exp(own[1].astype(np.float64).reshape(1, *grouped[1:]))
    edit.store(shares, (exponentials / exponentials.sum(axis, keepdims=True)).reshape(1, *shape[1:]))
    edit.replace([mean, folded, softmax, unfolded], [])
    return True


def _over_places(edit: GraphEdit, mean: "NodeProto") -> bool:
    """Whether *mean* is that of whole channels of N x C x H x W."""
    axes = edit.constant(mean.input[1]) if len(mean.input) > 1 else None
    return len(edit.shape(mean.input[0])) == 4 and axes is not None and sorted(axis % 4 for axis in axes) == [2, 3]


def _factors(edit: GraphEdit, normalisation: "NodeProto") -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
    scale, bias = (edit.constant(name) for name in normalisation.input[1:3])
    return None if scale is None or bias is None else (scale, bias)
