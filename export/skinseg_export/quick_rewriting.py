"""Keep onnxscript's optimizer from trying each of its rewriting rules on every node, and one on the whole graph.

A rule rewrites what ends in a node of one kind, and a node of another kind fails it only after a match was set up: of
fifty rules a node fails all but one or two. Here a rule is asked for nodes of its kind alone.

One rule turns two slices of one value, its halves, into a split. To find the second slice it lists the graph anew for
every node and tries every pair of slices, which grows with the square of the graph: of the minutes that CM-SSM's 9,000
nodes took, most went there. Here it is asked only where the other half is a reader of the same value, which is what it
checks in the end. The graph that comes out is the same, bit for bit.

May go when onnxscript looks at a node's operator before it matches, and for the second output node among the readers
(`SimplePatternMatcher.match`).
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = ["has_other_half", "quick_rewriting"]

_RULES = "_DEFAULT_REWRITE_RULES"  # private; under another name the export is as slow as before, and as right
_ONE_NAME = "StringConstantPattern"  # what a pattern holds for an operator that it takes by one name


@contextmanager
def quick_rewriting() -> Iterator[None]:
    """Let onnxscript's default optimizer ask its rules only for nodes that they may end in, inside the block."""
    from onnxscript import rewriter

    rules: tuple[Any, ...] = getattr(rewriter, _RULES, ())
    if not rules:
        yield
        return
    setattr(rewriter, _RULES, tuple(_guarded(rule) for rule in rules))
    try:
        yield
    finally:
        setattr(rewriter, _RULES, rules)


def _guarded(rule: Any) -> Any:  # onnxscript's RewriteRule, a private class
    """Return *rule*, which is tried only on nodes it may end in; *rule* itself where these are not known."""
    operators = _last_operators(rule)
    if operators is None:
        return rule
    needs_other_half = rule.name == "SlicesSplit"
    tried = rule.try_rewrite

    def try_rewrite(model: "ir.Model", graph: "ir.Graph", node: "ir.Node", **how: Any) -> Any:  # as above
        if node.op_type not in operators or (needs_other_half and not has_other_half(node)):
            return None
        return tried(model, graph, node, **how)

    guarded = copy.copy(rule)
    guarded.try_rewrite = try_rewrite
    return guarded


def _last_operators(rule: Any) -> frozenset[str] | None:
    """Return what the nodes are called that the pattern of *rule* ends in; None where it takes more than one name."""
    ends = getattr(getattr(rule, "_target_pattern", None), "output_nodes", ())
    operators = [getattr(end, "op", None) for end in ends]
    if not operators or any(type(operator).__name__ != _ONE_NAME for operator in operators):
        return None
    return frozenset(str(operator) for operator in operators)


def has_other_half(node: "ir.Node") -> bool:
    """Whether *node* is a slice from 0, and another slice of the same value begins where it ends."""
    if node.op_type != "Slice" or _number(node, 1) != [0] or node.inputs[0] is None:
        return False
    end = _number(node, 2)
    readers = (reader for reader in node.inputs[0].consumers() if reader.op_type == "Slice")
    return end is not None and any(_number(reader, 1) == end for reader in readers)


def _number(node: "ir.Node", position: int) -> list[int] | None:
    """Return the constant that *node* reads at *position*, None where it reads another value."""
    value = node.inputs[position] if position < len(node.inputs) else None
    if value is None or value.const_value is None:
        return None
    found: list[int] = value.const_value.numpy().tolist()
    return found
