"""Pools at the borders: uneven padding, windows that do not fit, padding that counts or not."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

from tests.export.targets.coreml.mil_reference.case import Case, numbers

__all__ = ["CASES"]

_X = numbers(1, 3, 9, 10, low=-3, high=-1)  # below zero, so that padding with zeros would win
_LINE = numbers(1, 3, 11, seed=1)
_BLOCK = numbers(1, 2, 5, 6, 7, seed=2)


def _pool(kind: str, **options: Any) -> Callable[..., Any]:
    return lambda mb, x: getattr(mb, kind)(x=x, kernel_sizes=[3, 2], strides=[2, 2], **options)


CASES = (
    Case("max_pool", lambda x: F.max_pool2d(x, 2), (_X,)),
    Case("max_pool", lambda x: F.max_pool2d(x, 3, 2, 1), (_X,), note="padded"),
    Case("max_pool", lambda x: F.max_pool2d(x, 3, 2, ceil_mode=True), (_X,), note="rounded up"),
    Case("max_pool", lambda x: F.max_pool2d(x, 2, 3, 1, ceil_mode=True), (_X,), note="padded and rounded up"),
    Case("max_pool", lambda x: F.max_pool1d(x, 3, 2, 1), (_LINE,), note="of a line"),
    Case("max_pool", lambda x: F.max_pool3d(x, 2), (_BLOCK,), note="of a block"),
    Case(
        "max_pool",
        lambda x: F.max_pool2d(F.pad(x, (0, 1, 2, 0), value=-9), (3, 2), 2),
        (_X,),
        _pool("max_pool", pad_type="custom", pad=[2, 0, 0, 1]),
        note="padded otherwise in front than behind",
    ),
    # 9 rows in windows of 3 at stride 2 give 5 with 1 more at either side; 10 columns in windows of 2 fit.
    Case(
        "max_pool",
        lambda x: F.max_pool2d(F.pad(x, (0, 0, 1, 1), value=-9), (3, 2), 2),
        (_X,),
        _pool("max_pool", pad_type="same"),
        note="same",
    ),
    Case(
        "max_pool",
        lambda x: F.max_pool2d(F.pad(x, (0, 0, 0, 1), value=-9), 2),
        (_X,),
        lambda mb, x: mb.max_pool(x=x, kernel_sizes=[2, 2], strides=[2, 2], pad_type="SAME"),
        note="same in capitals, which pools alone allow",
    ),
    Case("avg_pool", lambda x: F.avg_pool2d(x, 2), (_X,)),
    Case("avg_pool", lambda x: F.avg_pool2d(x, 3, 2, 1), (_X,), note="padding counts"),
    Case("avg_pool", lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False), (_X,), note="padding does not count"),
    Case("avg_pool", lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True), (_X,), note="rounded up, padding counts"),
    Case("avg_pool", lambda x: F.avg_pool2d(x, (2, 3), 2, ceil_mode=True), (_X,), note="rounded up"),
    Case(
        "avg_pool",
        lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True, count_include_pad=False),
        (_X,),
        note="rounded up, padding does not count",
    ),
    Case("avg_pool", lambda x: F.avg_pool1d(x, 3, 2, 1), (_LINE,), note="of a line"),
    Case("avg_pool", lambda x: F.avg_pool3d(x, 2), (_BLOCK,), note="of a block"),
    Case(
        "avg_pool",
        lambda x: F.avg_pool2d(F.pad(x, (0, 1, 2, 0)), (3, 2), 2),
        (_X,),
        _pool("avg_pool", pad_type="custom", pad=[2, 0, 0, 1]),
        note="padded otherwise in front than behind",
    ),
    Case(
        "l2_pool",
        lambda x: F.avg_pool2d(x.square(), (3, 2), 2).mul(6).sqrt(),
        (_X,),
        _pool("l2_pool", pad_type="valid"),
    ),
    Case("reduce_mean", lambda x: F.adaptive_avg_pool2d(x, 1), (_X,), note="as a pool of everything"),
    Case("avg_pool", lambda x: F.adaptive_avg_pool2d(x, (3, 5)), (_X,), note="to a given size"),
    Case("reduce_max", lambda x: torch.amax(x, (2, 3)), (_X,), note="as a pool of everything"),
)
