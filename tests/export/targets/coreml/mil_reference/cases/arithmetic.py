"""Arithmetic, comparison, logic and functions of one number."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tests.export.targets.coreml.mil_reference.case import Case, numbers

__all__ = ["CASES"]

_X, _Y = numbers(2, 3, 4), numbers(3, 1, seed=1)
_Y_FAR = torch.where(_Y.abs() < 0.5, torch.full_like(_Y, 0.75), _Y)  # nothing is divided by almost nothing
_POSITIVE = numbers(2, 3, 4, seed=2, low=0.25, high=4)
_SHARE = numbers(2, 3, 4, seed=3, low=-0.9, high=0.9)
_WHOLE = torch.tensor([[-7, -3, 0, 2, 5, 9]], dtype=torch.int32)
_HALVES = torch.tensor([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 1.25])  # of two nearest the even one


def _close(x: Tensor, y: Tensor) -> Tensor:
    return torch.where((x > y) & (x < y + 1), x, y)


def _either(kind: str) -> Callable[..., Any]:
    """Return what chooses x where it is above y or (*kind*) below -1; coremltools converts no `|` from torch."""

    def build(mb: Any, x: Any, y: Any) -> Any:
        chosen = getattr(mb, kind)(x=mb.greater(x=x, y=y), y=mb.less(x=x, y=-1.0))
        return mb.select(cond=chosen, a=x, b=y)

    return build


CASES = (
    Case("add", torch.add, (_X, _Y)),
    Case("sub", torch.sub, (_X, _Y)),
    Case("mul", torch.mul, (_X, _Y)),
    Case("real_div", torch.div, (_X, _Y_FAR)),
    Case("floor_div", lambda x, y: torch.floor(x / y), (_X, _Y_FAR), lambda mb, x, y: mb.floor_div(x=x, y=y)),
    Case("mod", torch.remainder, (_WHOLE, torch.tensor([[4]], dtype=torch.int32)), lambda mb, x, y: mb.mod(x=x, y=y)),
    Case("pow", torch.pow, (_POSITIVE, _Y)),
    Case("maximum", torch.maximum, (_X, _Y)),
    Case("minimum", torch.minimum, (_X, _Y)),
    Case("equal", lambda x: torch.where(x == 2, x, -x), (_WHOLE,)),
    Case("not_equal", lambda x: torch.where(x != 2, x, -x), (_WHOLE,)),
    Case("greater", lambda x, y: torch.where(x > y, x, y - 1), (_X, _Y)),
    Case("greater_equal", lambda x: torch.where(x >= 2, x, -x), (_WHOLE,)),
    Case("less", lambda x, y: torch.where(x < y, x, y - 1), (_X, _Y)),
    Case("less_equal", lambda x: torch.where(x <= 2, x, -x), (_WHOLE,)),
    Case("logical_and", _close, (_X, _Y)),
    Case("logical_or", lambda x, y: torch.where((x > y) | (x < -1), x, y), (_X, _Y), _either("logical_or")),
    Case("logical_xor", lambda x, y: torch.where((x > y) ^ (x < -1), x, y), (_X, _Y), _either("logical_xor")),
    Case("logical_not", lambda x, y: torch.where(torch.logical_not(x > y), x, y), (_X, _Y)),
    Case("select", lambda x, y: torch.where(x > 0, x, y), (_X, _Y)),
    Case("cast", lambda x: x.int(), (_X,), note="cuts towards zero"),
    Case("cast", lambda x: x.float() / 2, (_WHOLE,), note="of whole numbers"),
    Case("clip", lambda x: x.clamp(-0.5, 1.25), (_X,)),
    Case("threshold", lambda x: x.clamp_min(0.5), (_X,), lambda mb, x: mb.threshold(x=x, alpha=0.5)),
    Case("abs", torch.abs, (_X,)),
    Case("sign", torch.sign, (_X,)),
    Case("square", torch.square, (_X,), lambda mb, x: mb.square(x=x)),
    Case("sqrt", torch.sqrt, (_POSITIVE,)),
    Case("rsqrt", torch.rsqrt, (_POSITIVE,)),
    Case("inverse", lambda x: 1 / (x + 0.125), (_POSITIVE,), lambda mb, x: mb.inverse(x=x, epsilon=0.125)),
    Case("log", lambda x: torch.log(x + 0.125), (_POSITIVE,), lambda mb, x: mb.log(x=x, epsilon=0.125)),
    Case("exp", torch.exp, (_SHARE,)),
    Case("exp2", torch.exp2, (_SHARE,)),
    Case("erf", torch.erf, (_X,)),
    Case("floor", torch.floor, (_X,)),
    Case("ceil", torch.ceil, (_X,)),
    Case("round", torch.round, (_HALVES,)),
    Case("sin", torch.sin, (_X,)),
    Case("cos", torch.cos, (_X,)),
    Case("tan", torch.tan, (_SHARE,)),
    Case("asin", torch.asin, (_SHARE,)),
    Case("acos", torch.acos, (_SHARE,)),
    Case("atan", torch.atan, (_X,)),
    Case("sinh", torch.sinh, (_X,)),
    Case("cosh", torch.cosh, (_SHARE,)),
    Case("atanh", torch.atanh, (_SHARE,)),
)
