"""The graphs that onnxscript's optimizer makes are the same, with and without the search it is spared."""

from contextlib import nullcontext
from typing import Any

import onnx
import pytest
import torch
from onnxscript import ir, optimizer, rewriter
from onnxscript.rewriter import pattern
from torch import Tensor, nn

from skinseg_edge.contract import ModelContract
from skinseg_export import onnx_from_torch as module
from skinseg_export.onnx_from_torch import onnx_from_torch
from skinseg_export.quick_rewriting import has_other_half, quick_rewriting

_CONTRACT = ModelContract(input_hw=(16, 16))


class Sliced(nn.Module):
    """Takes both halves of a photo, and slices that are no halves."""

    def forward(self, image: Tensor) -> Tensor:
        left, right = image[..., :8], image[..., 8:]
        return torch.cat((left + right, image[..., 1:9]), 3)[:, :1]


HALVES = """
<ir_version: 8, opset_import: ["": 18]>
halves (float[1, 16] value) => (float[1, 8] sum, float[1, 8] other)
<int64[1] nought = {0}, int64[1] four = {4}, int64[1] eight = {8}, int64[1] twelve = {12}, int64[1] end = {16},
 int64[1] axis = {1}>
{
    right = Slice (value, eight, end, axis)
    left = Slice (value, nought, eight, axis)
    apart = Slice (value, four, twelve, axis)
    sum = Add (left, right)
    other = Abs (apart)
}
"""


def _slice(value: ir.Value, begin: int, end: int) -> ir.Node:
    numbers = [ir.Value(const_value=ir.tensor([number])) for number in (begin, end, 0)]
    return ir.Node("", "Slice", [value, *numbers])


def test_a_network_gives_the_same_graph_as_after_the_whole_search(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = onnx_from_torch(Sliced(), _CONTRACT).model.SerializeToString()
    monkeypatch.setattr(module, "quick_rewriting", nullcontext)

    assert onnx_from_torch(Sliced(), _CONTRACT).model.SerializeToString() == quick


def test_two_halves_still_become_a_split() -> None:
    searched = optimizer.optimize(onnx.parser.parse_model(HALVES))
    with quick_rewriting():
        quick = optimizer.optimize(onnx.parser.parse_model(HALVES))

    assert sorted(node.op_type for node in quick.graph.node) == ["Abs", "Add", "Slice", "Split"]
    assert quick.SerializeToString() == searched.SerializeToString()


def test_a_slice_has_another_half_where_one_of_the_same_value_begins_at_its_end() -> None:
    value, other = ir.Value(name="value"), ir.Value(name="other")
    first, second, apart = _slice(value, 0, 4), _slice(value, 4, 8), _slice(other, 0, 4)

    assert has_other_half(first)
    assert not has_other_half(second)
    assert not has_other_half(apart)


def test_the_rules_of_the_library_are_back_behind_the_block() -> None:
    before = rewriter._DEFAULT_REWRITE_RULES

    with quick_rewriting():
        inside = rewriter._DEFAULT_REWRITE_RULES

    assert rewriter._DEFAULT_REWRITE_RULES is before
    assert [one.name for one, other in zip(before, inside, strict=True) if one is other] == []


def test_a_rule_is_tried_on_nodes_of_its_own_kind_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[tuple[str, str]] = []

    def note(rule: Any, model: ir.Model, graph: ir.Graph, node: ir.Node, **how: Any) -> None:
        tried.append((str(rule._target_pattern.output_nodes[0].op), node.op_type))

    monkeypatch.setattr(rewriter.RewriteRule, "try_rewrite", note)
    with quick_rewriting():
        optimizer.optimize(onnx.parser.parse_model(HALVES))

    assert {kind for _, kind in tried} == {"Slice", "Add"}  # no rule ends in Abs
    assert all(end == kind for end, kind in tried)


def test_a_rule_that_may_end_in_nodes_of_several_names_is_tried_on_all(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = pattern.RewriteRule(lambda op, x: pattern.torch_module_op.submodule("A")(x), lambda op, x: op.Identity(x))
    monkeypatch.setattr(rewriter, "_DEFAULT_REWRITE_RULES", (rule,))

    with quick_rewriting():
        (inside,) = rewriter._DEFAULT_REWRITE_RULES

    assert inside is rule
