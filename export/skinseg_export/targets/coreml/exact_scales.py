"""A multiplication and an addition that coremltools joins to a batch norm, without the error that it adds.

Its pass `fuse_elementwise_to_batchnorm` leaves the batch norm's epsilon at 1e-5 beside a variance of 1, so that every
scale comes out 5e-6 too small: SCSONet's 17 add up to |dp| = 1.1e-4 in float32. Here the same pass runs, and what it
made gets an epsilon of 0. May go when coremltools' own does that.
"""

from collections.abc import Iterator
from typing import Any

from skinseg_export.foreign_noise import quiet

__all__ = ["passes_with_exact_scales"]

_THEIRS = "common::fuse_elementwise_to_batchnorm"
_OURS = "skinseg::fuse_elementwise_exactly"


def passes_with_exact_scales() -> Any:
    """Return coremltools' own passes, a `PassPipeline`, with the corrected one in its place."""
    with quiet():
        from coremltools import PassPipeline
        from coremltools.converters.mil.mil.passes.pass_registry import PASS_REGISTRY
    if _OURS not in PASS_REGISTRY:
        _register()
    passes: Any = PassPipeline.DEFAULT
    place = list(passes.passes).index(_THEIRS)
    passes.insert_pass(place, _OURS)
    passes.remove_passes([_THEIRS])
    return passes


def _register() -> None:
    from coremltools.converters.mil.mil.passes.graph_pass import AbstractGraphPass
    from coremltools.converters.mil.mil.passes.pass_registry import PASS_REGISTRY, register_pass

    class FuseElementwiseExactly(AbstractGraphPass):  # type: ignore[misc]  # an untyped class
        def apply(self, prog: Any) -> None:
            known = list(_batch_norms(prog))  # a network's own have an epsilon that counts
            PASS_REGISTRY[_THEIRS](prog)
            for operation in list(_batch_norms(prog)):
                if not any(operation is each for each in known):
                    _drop_epsilon(operation)

    register_pass(namespace="skinseg", name="fuse_elementwise_exactly")(FuseElementwiseExactly)


def _batch_norms(program: Any) -> Iterator[Any]:
    for function in program.functions.values():
        yield from (operation for operation in function.operations if operation.op_type == "batch_norm")


def _drop_epsilon(operation: Any) -> None:
    from coremltools.converters.mil import mil

    builder: Any = mil.Builder  # its operators are attached as coremltools is imported
    inputs = {name: operation.inputs[name] for name in ("x", "mean", "variance", "gamma", "beta")}
    block = operation.enclosing_block
    with block:
        exact = builder.batch_norm(
            **inputs, epsilon=operation.epsilon.val * 0, name=operation.name, before_op=operation
        )
    block.replace_uses_of_var_after_op(anchor_op=operation, old_var=operation.outputs[0], new_var=exact)
    block.remove_ops([operation])
