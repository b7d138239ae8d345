"""Which convolutions of a network may compute in 8 bits: decided once, here, for training and export alike.

Left alone is what 8 bits hurt or slow down on the runtimes this project serves: depthwise and grouped convolutions, the
layer that reads the photo, attention on pooled values, gates, the head, and whatever is no plain convolution.
"""

import copy
import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeGuard

import torch
from torch import nn
from torch.fx import Node

from skinseg_edge.errors import InputError
from skinseg_edge.networks.blocks.whole_scan import scans_kept_whole

__all__ = ["LayerChoice", "quantizable_layers"]

_FEW_CHANNELS = 4  # a photo has three
_ROOT = "(the network itself)"

_UNKNOWN = "something unknown"
_LAYERS = {
    *(f"conv{transposed}{rank}d" for transposed in ("", "_transpose") for rank in (1, 2, 3)),
    *("convolution", "linear", "bilinear", "lstm", "gru"),
}
# What multiplies features by weights or by other features; norms and elementwise products do not count. A branch or a
# loop of the network's own may do anything, so it counts.
_WEIGHTED = {*_LAYERS, "matmul", "mm", "bmm", "addmm", "baddbmm", "einsum", "scaled_dot_product_attention"}
_WEIGHTED |= {"selective_scan", _UNKNOWN}
# Behind these stand shares and decisions, which multiply or choose features and are none themselves.
_GATES = {"sigmoid", "softmax", "log_softmax", "hardsigmoid", "eq", "ne", "ge", "gt", "le", "lt"}


@dataclass(frozen=True, kw_only=True)
class LayerChoice:
    """*quantizable*: layers that may compute in 8 bits. *left_alone*: the other layers with weights, and why not.

    A layer is the dotted path of its module (`encoder4.0.1.pointwise_rich`). Both are in the order of computation.
    """

    quantizable: tuple[str, ...]
    left_alone: Mapping[str, str]


def quantizable_layers(network: nn.Module, input_hw: tuple[int, int]) -> LayerChoice:
    """Decide for each convolution and linear layer of *network* whether it may compute in 8 bits.

    *network*: maps 1 x 3 x H x W float32 to logits; it is left as it is. *input_hw*: (H, W), px. The network is read in
    eval mode by `torch.export`, so the user's own need no preparation. A module that is used several times may be
    quantized if it may at every use.

    Raises InputError if torch.export cannot read the network.
    """
    modules = dict(network.named_modules(remove_duplicate=False))
    first_names = {module: name for name, module in network.named_modules()}
    reasons: dict[str, str] = {}
    quantizable: dict[str, None] = {}
    for node in _layer_nodes(network, input_hw):
        path = _module_path(node)
        layer = first_names[modules[path]] or _ROOT
        reason = _reason_against(node, modules[path])
        if reason:
            reasons.setdefault(layer, reason)
        quantizable.setdefault(layer)
    return LayerChoice(quantizable=tuple(name for name in quantizable if name not in reasons), left_alone=reasons)


def _layer_nodes(network: nn.Module, input_hw: tuple[int, int]) -> Iterator[Node]:
    return (node for node in _graph(network, input_hw).nodes if _operation(node) in _LAYERS)


def _graph(network: nn.Module, input_hw: tuple[int, int]) -> torch.fx.Graph:
    copied = copy.deepcopy(network).cpu().eval()
    try:
        with torch.no_grad(), scans_kept_whole():
            program = torch.export.export(copied, (torch.zeros(1, 3, *input_hw),), strict=False)
    except Exception as error:  # torch raises many kinds for what it cannot follow
        reason = (str(error).strip().splitlines() or ["no reason given"])[0]
        raise InputError(
            f"cannot choose the layers of {type(network).__name__} to quantize: torch.export stops with "
            f"{type(error).__name__}: {reason}; a network that does not export cannot be quantized"
        ) from error
    graph: torch.fx.Graph = program.graph
    return graph


def _reason_against(node: Node, module: nn.Module) -> str:
    """Return why this use of *module* must stay as it is; empty if it need not."""
    if "transpose" in _operation(node):
        return "a transposed convolution"
    if not _is_plain(module):
        return f"no plain 2-D convolution, but {_operation(node)} in {type(module).__name__}"
    if module.groups > 1:
        return f"a convolution in {module.groups} groups"
    if _input_hw(node) == (1, 1):
        return "attention: its input is pooled to 1 x 1"
    end = _end(node)
    if not end and module.in_channels <= _FEW_CHANNELS:
        return f"it reads {module.in_channels} channels, as a first layer does"
    return end


def _is_plain(module: nn.Module) -> TypeGuard[nn.Conv2d]:
    # A subclass may do more, and a weight that is computed (weight_norm) is no parameter.
    return type(module) is nn.Conv2d and "weight" in dict(module.named_parameters(recurse=False))


def _end(node: Node) -> str:
    """Return what *node* feeds if no other weighted layer reads it: a gate, or the output, in words; else empty."""
    seen, waiting, is_output = {node}, [node], False
    while waiting:
        for user in waiting.pop().users:
            if user in seen:
                continue
            seen.add(user)
            if _operation(user) in _WEIGHTED:
                return ""
            is_output = is_output or user.op == "output"
            if _operation(user) not in _GATES:
                waiting.append(user)
    return "a head: it feeds the output" if is_output else "a gate: it feeds nothing but shares or decisions"


def _operation(node: Node) -> str:
    """Return the bare name of what *node* calls (`conv2d`), empty if it calls nothing."""
    if node.op != "call_function" or node.target is operator.getitem:
        return ""
    packet = getattr(node.target, "overloadpacket", None)
    return _UNKNOWN if packet is None else str(packet.__name__).rstrip("_")


def _module_path(node: Node) -> str:
    """Return the dotted path of the innermost module that *node* is called in."""
    stack = node.meta.get("nn_module_stack") or {}
    path, _ = list(stack.values())[-1] if stack else ("", "")
    return str(path)


def _input_hw(node: Node) -> tuple[int, int]:
    features = node.all_input_nodes[0].meta["val"]  # N x C x H x W
    return int(features.shape[2]), int(features.shape[3])
