"""Compressed weights, by the examples of their documentation and by hand."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tests.export.targets.coreml.mil_reference.case import Case

__all__ = ["CASES"]

_ZERO = torch.zeros(1)
_BYTES = np.array([[0, 10, 20], [30, 40, 255]], np.uint8)

# The example of constexpr_lut_to_sparse: 2 and 3 at some places of 4 x 6, none at the others.
_MASK = [[1, 1, 0, 0, 0, 0], [1, 1, 0, 0, 0, 1], [0, 1, 1, 0, 1, 0], [0, 0, 0, 1, 0, 0]]
_INDICES = [0, 1, 1, 0, 1, 1, 0, 0, 1]
_TWO_OR_THREE = [[2, 3, 0, 0, 0, 0], [3, 2, 0, 0, 0, 3], [0, 3, 2, 0, 2, 0], [0, 0, 0, 3, 0, 0]]

# The example of constexpr_sparse_blockwise_shift_scale: a scale and an offset for each column of 4 x 4.
_COLUMNS = [[1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 1, 1], [1, 1, 0, 0]]
_SHIFTED = [[0.9, 1.8, 0, 0], [0.2, 0.4, 0.6, 0], [0, 0, 0.9, 1.2], [0.7, 1.4, 0, 0]]

# The second example of constexpr_lut_to_dense: vectors of three along an axis.
_VECTORS = np.array([[10, 11, 12], [20, 21, 22]], np.float32)
_CHOICE = [[[0, 0], [1, 0]], [[1, 1], [0, 0]]]
_ALONG_1 = [
    [[10, 10], [11, 11], [12, 12], [20, 10], [21, 11], [22, 12]],
    [[20, 20], [21, 21], [22, 22], [10, 10], [11, 11], [12, 12]],
]


def _bits(values: Sequence[object], kind: str) -> NDArray[Any]:
    from coremltools.converters.mil.mil import types

    return np.array(values).astype(getattr(types, f"np_{kind}_dtype"))


def _is(values: object) -> Callable[[Tensor], Tensor]:
    return lambda zero: torch.tensor(values, dtype=torch.float32)


def _made(build: Callable[[Any], Any]) -> Callable[..., Any]:
    return lambda mb, zero: mb.add(x=build(mb), y=zero)


CASES = (
    Case(
        "constexpr_affine_dequantize",
        lambda zero: (torch.from_numpy(_BYTES).float() - 10) / 2,
        (_ZERO,),
        _made(
            lambda mb: mb.constexpr_affine_dequantize(
                quantized_data=_BYTES, zero_point=np.uint8(10), scale=np.float32(0.5), axis=np.int32(0)
            )
        ),
    ),
    Case(
        "constexpr_affine_dequantize",
        _is([[-2, 4, 8], [58, 19, 102]]),
        (_ZERO,),
        _made(
            lambda mb: mb.constexpr_affine_dequantize(
                quantized_data=_BYTES,
                zero_point=np.array([1, 2, 0], np.uint8),
                scale=np.array([2, 0.5, 0.4], np.float32),
                axis=np.int32(1),
            )
        ),
        note="by columns",
    ),
    # 2 bits each, the lowest first: 0b01101100 holds 0, 3, 2, 1 and 0b11 the last 3.
    Case(
        "constexpr_lut_to_dense",
        _is([0.5, 8, 4, 2, 8]),
        (_ZERO,),
        _made(
            lambda mb: mb.constexpr_lut_to_dense(
                indices=np.array([0b01101100, 0b11], np.uint8),
                lut=np.array([0.5, 2, 4, 8], np.float32),
                shape=np.array([5], np.uint32),
            )
        ),
        note="packed",
    ),
    Case(
        "constexpr_lut_to_dense",
        _is([[9, 13], [13, 1], [5, 1], [26, 2], [18, 10], [2, 26]]),
        (_ZERO,),
        _made(
            lambda mb: mb.constexpr_lut_to_dense(
                indices=_bits([[2, 3], [3, 0], [1, 0], [3, 0], [2, 1], [0, 3]], "uint2"),
                lut=np.array([1, 5, 9, 13, 2, 10, 18, 26], np.float32).reshape(2, 1, 4, 1),
            )
        ),
        note="by groups",
        ios=18,
    ),
    Case(
        "constexpr_lut_to_dense",
        _is(_ALONG_1),
        (_ZERO,),
        _made(
            lambda mb: mb.constexpr_lut_to_dense(
                indices=_bits(_CHOICE, "uint1"), lut=_VECTORS.reshape(1, 1, 1, 2, 3), vector_axis=1
            )
        ),
        note="of vectors along the middle",
        ios=18,
    ),
    Case(
        "constexpr_lut_to_dense",
        _is(
            [[[10, 11, 12, 10, 11, 12], [20, 21, 22, 10, 11, 12]], [[20, 21, 22, 20, 21, 22], [10, 11, 12, 10, 11, 12]]]
        ),
        (_ZERO,),
        _made(
            lambda mb: mb.constexpr_lut_to_dense(
                indices=_bits(_CHOICE, "uint1"), lut=_VECTORS.reshape(1, 1, 1, 2, 3), vector_axis=-1
            )
        ),
        note="of vectors along the end",
        ios=18,
    ),
    # The lowest bit first: 0b00001100 sets the third and the fourth of five.
    Case(
        "constexpr_sparse_to_dense",
        _is([0, 0, 7, -3, 0]),
        (_ZERO,),
        _made(
            lambda mb: mb.constexpr_sparse_to_dense(
                nonzero_data=np.array([7, -3], np.float32),
                mask=np.array([0b00001100], np.uint8),
                shape=np.array([5], np.uint32),
            )
        ),
        note="packed",
    ),
    Case(
        "constexpr_sparse_to_dense",
        _is([[0, 7], [-3, 0]]),
        (_ZERO,),
        _made(
            lambda mb: mb.constexpr_sparse_to_dense(
                nonzero_data=np.array([7, -3], np.float32), mask=_bits([[0, 1], [1, 0]], "uint1")
            )
        ),
        ios=18,
    ),
    Case(
        "constexpr_lut_to_sparse",
        _is(_TWO_OR_THREE),
        (_ZERO,),
        _made(
            lambda mb: _dense(
                mb,
                mb.constexpr_lut_to_sparse(
                    indices_mask=_bits(_MASK, "uint1"),
                    indices_nonzero_data=_bits(_INDICES, "uint1"),
                    lut=np.array([2, 3], np.float32).reshape(1, 1, 2, 1),
                ),
            )
        ),
        ios=18,
    ),
    Case(
        "constexpr_lut_to_sparse",
        lambda zero: torch.tensor(_TWO_OR_THREE).float().repeat_interleave(2, 0),
        (_ZERO,),
        _made(
            lambda mb: _dense(
                mb,
                mb.constexpr_lut_to_sparse(
                    indices_mask=_bits(_MASK, "uint1"),
                    indices_nonzero_data=_bits(_INDICES, "uint1"),
                    lut=np.array([2, 2, 3, 3], np.float32).reshape(1, 1, 2, 2),
                    vector_axis=0,
                ),
            )
        ),
        note="of vectors",
        ios=18,
    ),
    Case(
        "constexpr_sparse_blockwise_shift_scale",
        _is(_SHIFTED),
        (_ZERO,),
        _made(
            lambda mb: _dense(
                mb,
                mb.constexpr_sparse_blockwise_shift_scale(
                    data_mask=_bits(_COLUMNS, "uint1"),
                    nonzero_data=np.array([10, 11, 3, 4, 5, 6, 7, 8, 9], np.int8),
                    scale=np.array([[0.1, 0.2, 0.3, 0.4]], np.float32),
                    offset=np.array([[1, 2, 3, 4]], np.int8),
                ),
            )
        ),
        ios=18,
    ),
    # Blocks of two along both axes; -8 and 7 are the ends of 4 bits.
    Case(
        "constexpr_blockwise_shift_scale",
        _is([[-4, 3.5, 7, 1], [0.5, 1, -8, 0]]),
        (_ZERO,),
        _made(
            lambda mb: mb.constexpr_blockwise_shift_scale(
                data=_bits([[-8, 7, 7, 1], [1, 2, -8, 0]], "int4"), scale=np.array([[0.5, 1]], np.float32)
            )
        ),
        ios=18,
    ),
    Case(
        "constexpr_blockwise_shift_scale",
        _is([[3, 2.5, 0], [-2.5, -1, 4]]),
        (_ZERO,),
        _made(
            lambda mb: mb.constexpr_blockwise_shift_scale(
                data=np.array([[10, 9, 4], [0, 3, 13]], np.uint8),
                scale=np.array([[0.5], [0.5]], np.float32),
                offset=np.array([[4], [5]], np.uint8),
            )
        ),
        note="with an offset for each row",
        ios=18,
    ),
    Case(
        "constexpr_cast",
        _is([0.5, -2]),
        (_ZERO,),
        _made(lambda mb: mb.constexpr_cast(source_val=np.array([0.5, -2], np.float16), output_dtype="fp32")),
    ),
)


def _dense(mb: Any, sparse: Sequence[Any]) -> Any:
    mask, values = sparse
    return mb.constexpr_sparse_to_dense(nonzero_data=values, mask=mask)
