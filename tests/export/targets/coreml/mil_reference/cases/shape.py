"""What moves numbers: shapes, cuts, borders."""

import torch
from torch.nn import functional as F

from tests.export.targets.coreml.mil_reference.case import Case, numbers

__all__ = ["CASES"]

_X = numbers(2, 4, 6, 5)
_OTHER = numbers(2, 4, 6, 5, seed=1)
_ONES = numbers(1, 4, 1, 5, seed=2)
_MATRICES = numbers(2, 3, 4, seed=4)
_OF_ONE = numbers(1, 6, 7, 8, seed=3)

CASES = (
    Case("reshape", lambda x: x.reshape(2, -1, 3, 5), (_X,)),
    Case(
        "reshape",
        lambda x: x.square().reshape(2, 2, 6, 10),
        (_X,),
        lambda mb, x: mb.reshape(x=mb.square(x=x), shape=[0, 2, 0, -1]),
        note="lengths kept and left over",
    ),
    Case(
        "reshape",
        lambda x: x.square().reshape(6, 40),
        (_X,),
        lambda mb, x: mb.reshape(x=mb.square(x=x), shape=[0, -1]),
        note="to fewer lengths, kept from the last on",
    ),
    Case(
        "reshape",
        lambda x: x.square().reshape(1, 2, 3, 4),
        (_MATRICES,),
        lambda mb, x: mb.reshape(x=mb.square(x=x), shape=[0, 0, -1, 0]),
        note="to more lengths, kept from the last on",
    ),
    Case("transpose", lambda x: x.permute(0, 2, 3, 1), (_X,)),
    Case("transpose", lambda x: x.transpose(1, -1), (_X,), note="of two"),
    Case(
        "expand_dims", lambda x: x[:, None, :, :, None], (_MATRICES,), lambda mb, x: mb.expand_dims(x=x, axes=[1, -1])
    ),
    Case("squeeze", lambda x: x.squeeze(2), (_ONES,)),
    Case("squeeze", lambda x: x.squeeze(), (_ONES,), lambda mb, x: mb.squeeze(x=x), note="every axis of length 1"),
    Case("flatten2d", lambda x: x.reshape(8, 30), (_X,), lambda mb, x: mb.flatten2d(x=x, axis=2)),
    Case("concat", lambda x, y: torch.cat([x, y], 1), (_X, _OTHER)),
    Case(
        "concat",
        lambda x, y: torch.stack([x, y], 2).flatten(1, 2),
        (_X, _OTHER),
        lambda mb, x, y: mb.concat(values=(x, y), axis=1, interleave=True),
        note="in turn",
    ),
    Case("stack", lambda x, y: torch.stack([x, y], 2), (_X, _OTHER)),
    Case("split", lambda x: torch.split(x, [1, 3], 1)[1], (_X,), note="into given parts"),
    Case(
        "split",
        lambda x: torch.chunk(x, 3, 2)[1],
        (_X,),
        lambda mb, x: mb.split(x=x, axis=2, num_splits=3)[1],
        note="into equal parts",
    ),
    Case("slice_by_index", lambda x: x[:, 1:3, ::2, -3:], (_X,)),
    Case("slice_by_index", lambda x: x[:, 2], (_X,), note="one place"),
    Case(
        "slice_by_index",
        lambda x: x.flip(3)[..., 1:4],
        (_X,),
        lambda mb, x: mb.slice_by_index(x=x, begin=[0, 0, 0, -2], end=[2, 4, 6, 0], stride=[1, 1, 1, -1]),
        note="backwards",
    ),
    Case(
        "slice_by_index",
        lambda x: x[:, -1, 1:],
        (_X,),
        lambda mb, x: mb.slice_by_index(
            x=x,
            begin=[5, -1, 1, 0],
            end=[0, 0, 0, 0],
            begin_mask=[True, False, False, False],
            end_mask=[True, False, True, True],
            squeeze_mask=[False, True, False, False],
        ),
        note="with masks",
    ),
    Case(
        "slice_by_size",
        lambda x: x[:, 1:3, 2:, -2:],
        (_X,),
        lambda mb, x: mb.slice_by_size(x=x, begin=[0, 1, 2, -2], size=[-1, 2, -1, 2]),
    ),
    Case("pad", lambda x: F.pad(x, (1, 2, 0, 3), value=0.5), (_X,)),
    Case("pad", lambda x: F.pad(x, (1, 2, 3, 0), mode="reflect"), (_OF_ONE,), note="mirrored"),
    Case("pad", lambda x: F.pad(x, (1, 2, 3, 0), mode="replicate"), (_OF_ONE,), note="the edge"),
    Case(
        "pad",
        lambda x: F.pad(x, (1, 2, 3, 0), mode="reflect"),
        (_OF_ONE,),
        lambda mb, x: mb.pad(x=x, pad=[0, 0, 0, 0, 3, 0, 1, 2], mode="reflect"),
        note="mirrored, every axis named",
    ),
    Case("tile", lambda x: x.repeat(1, 2, 1, 3), (_X,)),
    Case(
        "tile",
        lambda x: x.expand(2, 4, 6, 5) + 1,
        (_ONES,),
        lambda mb, x: mb.add(x=mb.tile(x=x, reps=[2, 1, 6, 1]), y=1.0),
        note="as an expansion",
    ),
    Case("reverse", lambda x: x.flip(1, 3), (_X,)),
    Case("reverse", lambda x: x.flip(0, 1, 2, 3), (_X,), lambda mb, x: mb.reverse(x=x), note="of everything"),
    Case(
        "sliding_windows",
        lambda x: x.unfold(2, 3, 2).permute(0, 1, 2, 4, 3),
        (_X,),
        lambda mb, x: mb.sliding_windows(x=x, axis=2, size=3, stride=2),
    ),
)
