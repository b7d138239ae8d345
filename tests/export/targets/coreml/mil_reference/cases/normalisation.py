"""Normalisations as networks use them."""

import torch
from torch.nn import functional as F

from tests.export.targets.coreml.mil_reference.case import Case, numbers

__all__ = ["CASES"]

_X = numbers(2, 4, 5, 6)
_GAMMA, _BETA, _MEAN = (numbers(4, seed=seed) for seed in (1, 2, 3))
_VARIANCE = numbers(4, seed=4, low=0.5, high=4)
_LAST = (numbers(6, seed=5), numbers(6, seed=6))

CASES = (
    Case("batch_norm", lambda x: F.batch_norm(x, _MEAN, _VARIANCE, _GAMMA, _BETA), (_X,)),
    Case("batch_norm", lambda x: F.batch_norm(x, _MEAN, _VARIANCE), (_X,), note="without gamma and beta"),
    Case("instance_norm", lambda x: F.instance_norm(x, weight=_GAMMA, bias=_BETA), (_X,)),
    Case("instance_norm", F.instance_norm, (_X,), lambda mb, x: mb.instance_norm(x=x), note="without gamma and beta"),
    Case("layer_norm", lambda x: F.layer_norm(x, (6,), *_LAST), (_X,)),
    Case("layer_norm", lambda x: F.layer_norm(x, (5, 6), eps=0.125), (_X,), note="over two axes"),
    Case(
        "layer_norm",
        lambda x: F.layer_norm(x.transpose(1, 3), (4,), _GAMMA, _BETA).transpose(1, 3),
        (_X,),
        lambda mb, x: mb.layer_norm(x=x, axes=[1], gamma=_GAMMA.numpy(), beta=_BETA.numpy()),
        note="over channels",
    ),
    Case(
        "l2_norm",
        lambda x: x / (x.square().sum((1, 2, 3), keepdim=True) + 0.125).sqrt(),
        (_X,),
        lambda mb, x: mb.l2_norm(x=x, epsilon=0.125),
    ),
    Case(
        "local_response_norm",
        lambda x: F.local_response_norm(x, 3, 0.5, 0.75, 2.0),
        (_X,),
        lambda mb, x: mb.local_response_norm(x=x, size=3, alpha=0.5, beta=0.75, k=2.0),
    ),
    # GroupNorm has no operator of its own: it becomes shapes, means and a root.
    Case("reduce_mean", lambda x: F.group_norm(x, 2, _GAMMA, _BETA), (_X,), note="in GroupNorm"),
    Case("sqrt", lambda x: torch.sqrt(x.var((2, 3), unbiased=False, keepdim=True) + 1), (_X,), note="of a variance"),
)
