"""The passes in their order, and how a graph goes through them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from skinseg_export.graph_fusion.activations import join_gelu
from skinseg_export.graph_fusion.gate_factors import signs_without_factors
from skinseg_export.graph_fusion.graph_edit import GraphEdit
from skinseg_export.graph_fusion.kernels_at_run_time import kernels_at_run_time
from skinseg_export.graph_fusion.normalisations import (
    affine_as_batch_normalisation,
    channels_normalised_alone,
    known_shares,
    scale_into_normalisation,
)
from skinseg_export.graph_fusion.pooled_attention import join_siblings, mix_into_weights, tile_into_weights
from skinseg_export.graph_fusion.pooling import channel_means_as_convolutions, factors_behind_pooling
from skinseg_export.graph_fusion.rearrangements import part_by_part, split_of_joined
from skinseg_export.inferred_shapes import inferred_graph

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["PASSES", "WITH_STORED_WEIGHTS", "FusedGraph", "GraphPass", "fused"]

_KERNELS = "kernels-at-run-time"


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

    @property
    def makes_kernels(self) -> bool:
        """Whether the kernel of a convolution is made for each picture, not stored."""
        return self.rewritten.get(_KERNELS, 0) > 0


PASSES = (
    GraphPass(_KERNELS, "nine copies of the features, weighed and read again", kernels_at_run_time),
    GraphPass("channel-normalisation", "four nodes less around each", channels_normalised_alone),
    GraphPass("normalisation-scale", "one pass less over the features", scale_into_normalisation),
    GraphPass("known-shares", "a mean over the features and a softmax that never change", known_shares),
    GraphPass("affine", "one pass over the features for two", affine_as_batch_normalisation),
    GraphPass("behind-pooling", "three quarters of a pass over the features", factors_behind_pooling),
    GraphPass("signs", "a pass over the features before each gate", signs_without_factors),
    GraphPass("channel-means", "a slow way over the features, channel by channel", channel_means_as_convolutions),
    GraphPass("gelu", "one pass over the features for five", join_gelu),
    GraphPass("split-of-joined", "two copies of the features", split_of_joined),
    GraphPass("part-by-part", "copies that turn columns to rows and back", part_by_part),
    GraphPass("tile", "a copy before each use", tile_into_weights),
    GraphPass("mixed-channels", "four launches for a hundred numbers", mix_into_weights),
    GraphPass("siblings", "a launch for each attention but the first", join_siblings),
)

# For the typed files that TensorRT builds from: a kernel that is made for each picture was run on no Jetson, and no DLA
# takes one.
WITH_STORED_WEIGHTS = tuple(each for each in PASSES if each.name != _KERNELS)


def fused(model: "ModelProto", passes: Sequence[GraphPass] = PASSES) -> FusedGraph:
    """Return a copy of *model*, an fp32 graph of `uint8` pixels that the checker accepts, with *passes* made in order.

    Nodes that come new have no names yet, values have. A graph with branches or loops inside is left as it is: what
    they read of it is written nowhere in the nodes around.
    """
    import onnx

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    rewritten = dict.fromkeys((each.name for each in passes), 0)
    edit = GraphEdit(copy)
    for each in passes if not _has_graphs_inside(copy) else ():
        rewritten[each.name] = each.rewrite(edit)
        if rewritten[each.name]:  # else what was read of the graph still holds, and a large one takes seconds to read
            edit.finish()
            edit = GraphEdit(copy)
    known = inferred_graph(copy, strict=True).value_info
    del copy.graph.value_info[:]
    copy.graph.value_info.extend(known)
    return FusedGraph(copy, rewritten)


def _has_graphs_inside(model: "ModelProto") -> bool:
    return any(each.HasField("g") or each.graphs for node in model.graph.node for each in node.attribute)
