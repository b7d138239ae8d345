"""Keep onnxscript's optimizer from looking through the whole graph for every node.

One of its rewriting rules turns two slices of one value, its halves, into a split. To find the second slice it lists
the graph anew for every node and tries every pair of slices, which grows with the square of the graph: of the minutes
that CM-SSM's 9,000 nodes took, most went there. Here the rule is asked only where the other half is a reader of the
same value, which is what the rule checks in the end; the graph that comes out is the same, bit for bit.

May go when onnxscript looks for the second output node among the readers (`SimplePatternMatcher.match`).
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = ["has_other_half", "quick_slice_pairs"]

_RULES = "_DEFAULT_REWRITE_RULES"  # private; under another name the export is as slow as before, and as right


@contextmanager
def quick_slice_pairs() -> Iterator[None]:
    """Let onnxscript's default optimizer find pairs of slices by their common input inside the block."""
    from onnxscript import rewriter

    rules: tuple[Any, ...] = getattr(rewriter, _RULES, ())
    if not rules:
        yield
        return
    setattr(rewriter, _RULES, tuple(_guarded(rule) if rule.name == "SlicesSplit" else rule for rule in rules))
    try:
        yield
    finally:
        setattr(rewriter, _RULES, rules)


def _guarded(rule: Any) -> Any:  # onnxscript's RewriteRule, a private class
    """Return *rule*, which is tried only on a slice whose other half is there, too."""
    tried = rule.try_rewrite

    def try_rewrite(model: "ir.Model", graph: "ir.Graph", node: "ir.Node", **how: Any) -> Any:  # as above
        return tried(model, graph, node, **how) if has_other_half(node) else None

    guarded = copy.copy(rule)
    guarded.try_rewrite = try_rewrite
    return guarded


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
