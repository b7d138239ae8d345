"""Passes over the fp32 graph behind onnxsim that leave fewer nodes and the same answers.

Each pass rewrites one pattern exactly as algebra goes, so outputs move by rounding alone; each says why it is worth
having. What others find by name stays: the graph's input with its Cast before its Transpose, values that torch's
program has too, and every convolution that may be quantized, with its weights' name.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from skinseg_export.graph_fusion.activations import join_gelu
from skinseg_export.graph_fusion.graph_edit import GraphEdit
from skinseg_export.graph_fusion.normalisations import (
    affine_as_batch_normalisation,
    channels_normalised_alone,
    known_shares,
    scale_into_normalisation,
)
from skinseg_export.graph_fusion.pixel_normalisation import fold_normalisation
from skinseg_export.graph_fusion.pooled_attention import join_siblings, mix_into_weights, tile_into_weights
from skinseg_export.graph_fusion.rearrangements import part_by_part, split_of_joined

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["PASSES", "FusedGraph", "GraphPass", "fused"]


@dataclass(frozen=True)
class GraphPass:
    """*rewrite*: changes a graph and says how often. *reason*: what a device is spared."""

    name: str
    reason: str
    rewrite: Callable[[GraphEdit], int]


@dataclass(frozen=True)
class FusedGraph:
    """*rewritten*: how often each pass found its pattern, by its name."""

    model: "ModelProto"
    rewritten: dict[str, int]


PASSES = (
    GraphPass("pixel-normalisation", "one pass less over the picture at full size", fold_normalisation),
    GraphPass("channel-normalisation", "four nodes less around each", channels_normalised_alone),
    GraphPass("normalisation-scale", "one pass less over the features", scale_into_normalisation),
    GraphPass("known-shares", "a mean over the features and a softmax that never change", known_shares),
    GraphPass("affine", "one pass over the features for two", affine_as_batch_normalisation),
    GraphPass("gelu", "one pass over the features for five", join_gelu),
    GraphPass("split-of-joined", "two copies of the features", split_of_joined),
    GraphPass("part-by-part", "copies that turn columns to rows and back", part_by_part),
    GraphPass("tile", "a copy before each use", tile_into_weights),
    GraphPass("mixed-channels", "four launches for a hundred numbers", mix_into_weights),
    GraphPass("siblings", "a launch for each attention but the first", join_siblings),
)


def fused(model: "ModelProto", passes: Sequence[GraphPass] = PASSES) -> FusedGraph:
    """Return a copy of *model*, an fp32 graph of `uint8` pixels that the checker accepts, with *passes* made in order.

    Nodes that come new have no names yet, values have.
    """
    import onnx

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    rewritten = {}
    for each in passes:
        edit = GraphEdit(copy)
        rewritten[each.name] = each.rewrite(edit)
        edit.finish()
    return FusedGraph(onnx.shape_inference.infer_shapes(copy, strict_mode=True), rewritten)
