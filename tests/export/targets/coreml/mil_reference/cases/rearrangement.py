"""Channels into pixels and back, gathering, and tensors made of rules."""

import torch
from torch.nn import functional as F

from tests.export.targets.coreml.mil_reference.case import Case, numbers

__all__ = ["CASES"]

_X = numbers(2, 8, 4, 6)
_PLACES = torch.tensor([[2, 0], [3, -1]], dtype=torch.int32)
_POINTS = torch.tensor([[1, 7], [0, 2]], dtype=torch.int32)
_SIZES = torch.tensor([3], dtype=torch.int32)

# By hand: a channel's block of four places, slower than the channel itself.
_BLOCKS = torch.arange(8.0).reshape(1, 8, 1, 1)
_SPREAD = torch.tensor([[[[0.0, 2.0], [4.0, 6.0]], [[1.0, 3.0], [5.0, 7.0]]]])

CASES = (
    Case("pixel_shuffle", lambda x: F.pixel_shuffle(x, 2), (_X,)),
    Case("pixel_unshuffle", lambda x: F.pixel_unshuffle(x, 2), (_X,)),
    Case("depth_to_space", lambda x: _SPREAD, (_BLOCKS,), lambda mb, x: mb.depth_to_space(x=x, block_size=2)),
    Case("space_to_depth", lambda x: _BLOCKS, (_SPREAD,), lambda mb, x: mb.space_to_depth(x=x, block_size=2)),
    Case("gather", lambda x: x[:, [3, 0, 0, 7]], (_X,), lambda mb, x: mb.gather(x=x, indices=[3, 0, 0, 7], axis=1)),
    Case(
        "gather",
        lambda x, p: x[:, p.long()],
        (_X, _PLACES),
        lambda mb, x, p: mb.gather(x=x, indices=p, axis=1),
        note="at computed places",
    ),
    Case(
        "gather",
        lambda x, p: torch.stack([x[0, p[0].long()], x[1, p[1].long()]]),
        (_X, _PLACES),
        lambda mb, x, p: mb.gather(x=x, indices=p, axis=1, batch_dims=1),
        note="of each picture its own",
    ),
    Case("gather", lambda x: torch.roll(x, (1, -2), (2, 3)), (_X,), note="as a roll"),
    Case(
        "gather_along_axis",
        lambda x: torch.take_along_dim(x, x.argmax(1, keepdim=True), 1),
        (_X,),
        lambda mb, x: mb.gather_along_axis(x=x, indices=mb.reduce_argmax(x=x, axis=1, keep_dims=True), axis=1),
    ),
    Case(
        "gather_nd",
        lambda x, p: torch.stack([x[1, 7], x[0, 2]]),
        (_X, _POINTS),
        lambda mb, x, p: mb.gather_nd(x=x, indices=p),
    ),
    Case(
        "gather_nd",
        lambda x, p: torch.stack([x[0, 1, 3], x[1, 0, 2]]),
        (_X, torch.tensor([[1, 3], [0, 2]], dtype=torch.int32)),
        lambda mb, x, p: mb.gather_nd(x=x, indices=p, batch_dims=1),
        note="of each picture its own",
    ),
    Case("fill", lambda n: torch.full((3,), 2.5), (_SIZES,), lambda mb, n: mb.fill(shape=n, value=2.5)),
    Case("fill_like", lambda x: torch.full_like(x, 1.5), (_X,), lambda mb, x: mb.fill_like(ref_tensor=x, value=1.5)),
    Case(
        "reshape_like",
        lambda x, y: x.reshape(8, 4, 12),
        (_X, numbers(4, 12, seed=3)),
        lambda mb, x, y: mb.reshape_like(x=x, ref_tensors=(x, y), begins=[1, 0], ends=[2, 0], end_masks=[False, True]),
    ),
    Case(
        "range_1d",
        lambda n: torch.arange(0, 3, dtype=torch.int32),
        (_SIZES,),
        lambda mb, n: mb.range_1d(start=0, end=mb.squeeze(x=n), step=1),
    ),
    Case("band_part", lambda x: x.triu(-1).tril(2), (_X,), lambda mb, x: mb.band_part(x=x, lower=1, upper=2)),
    Case(
        "one_hot",
        lambda p: F.one_hot(torch.tensor([[2, 0], [3, 1]]), 4).permute(0, 2, 1).float() + 0.5,
        (torch.tensor([[2, 0], [3, 1]], dtype=torch.int32),),
        lambda mb, p: mb.one_hot(indices=p, one_hot_vector_size=4, axis=1, on_value=1.5, off_value=0.5),
    ),
)
