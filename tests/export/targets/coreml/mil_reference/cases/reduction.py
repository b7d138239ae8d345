"""Reductions and order; equal numbers are told apart by place."""

import torch
from torch import Tensor

from tests.export.targets.coreml.mil_reference.case import Case, numbers

__all__ = ["CASES"]

_X = numbers(2, 3, 4, 5)
_POSITIVE = numbers(2, 3, 4, seed=1, low=0.5, high=2)
_EQUAL = torch.tensor([[1.0, 3.0, 3.0, -2.0, -2.0, 0.0]])


def _running(x: Tensor) -> Tensor:
    """The sum of what comes after each number along the second axis."""
    return x.flip(1).cumsum(1).flip(1) - x


CASES = (
    Case("reduce_sum", lambda x: x.sum((1, 3)), (_X,)),
    Case("reduce_sum", lambda x: x.sum(), (_X,), lambda mb, x: mb.reduce_sum(x=x), note="of everything"),
    Case("reduce_mean", lambda x: x.mean((2, 3), keepdim=True), (_X,)),
    Case("reduce_max", lambda x: x.amax(1, keepdim=True), (_X,)),
    Case("reduce_min", lambda x: x.amin((0, 2)), (_X,)),
    Case("reduce_prod", lambda x: x.prod(2).prod(1), (_POSITIVE,), lambda mb, x: mb.reduce_prod(x=x, axes=[1, 2])),
    Case("reduce_l1_norm", lambda x: x.abs().sum(1), (_X,), lambda mb, x: mb.reduce_l1_norm(x=x, axes=[1])),
    Case(
        "reduce_l2_norm",
        lambda x: x.square().sum(-1, keepdim=True).sqrt(),
        (_X,),
        lambda mb, x: mb.reduce_l2_norm(x=x, axes=[-1], keep_dims=True),
    ),
    Case("reduce_sum_square", lambda x: x.square().sum(1), (_X,), lambda mb, x: mb.reduce_sum_square(x=x, axes=[1])),
    Case("reduce_log_sum", lambda x: x.sum(1).log(), (_POSITIVE,), lambda mb, x: mb.reduce_log_sum(x=x, axes=[1])),
    Case("reduce_log_sum_exp", lambda x: x.logsumexp(1), (_X,), lambda mb, x: mb.reduce_log_sum_exp(x=x, axes=[1])),
    Case("reduce_argmax", lambda x: x.argmax(1).int(), (_X,)),
    Case(
        "reduce_argmax",
        lambda x: torch.tensor([1], dtype=torch.int32),
        (_EQUAL,),
        lambda mb, x: mb.reduce_argmax(x=x, axis=1),
        note="of equal ones the first",
    ),
    Case("reduce_argmin", lambda x: x.argmin(2, keepdim=True).int(), (_X,)),
    Case("cumsum", lambda x: x.cumsum(1), (_X,)),
    Case(
        "cumsum",
        _running,
        (_X,),
        lambda mb, x: mb.cumsum(x=x, axis=1, exclusive=True, reverse=True),
        note="of what comes after",
    ),
    Case(
        "argsort",
        lambda x: torch.tensor([[1, 2, 0, 5, 3, 4]], dtype=torch.int32),
        (_EQUAL,),
        lambda mb, x: mb.argsort(x=x, axis=1),
    ),
    Case("topk", lambda x: torch.topk(x, 2, 1).values, (_X,), lambda mb, x: mb.topk(x=x, k=2, axis=1)[0]),
    Case(
        "topk",
        lambda x: torch.topk(x, 2, -1, largest=False).indices.int(),
        (_X,),
        lambda mb, x: mb.topk(x=x, k=2, axis=-1, ascending=True)[1],
        note="places of the least",
    ),
)
