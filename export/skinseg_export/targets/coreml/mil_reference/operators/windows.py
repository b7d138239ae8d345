"""How far a window's input reaches beyond the picture: MIL's kinds of padding, shared by convolutions and pools.

Source: ops/defs/_utils.py (`aggregated_pad`, `spatial_dimensions_out_shape`).
"""

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F

__all__ = ["padded", "window_pads"]


def window_pads(
    pad_type: str,
    sizes: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    *,
    dilations: Sequence[int] | None = None,
    pad: Sequence[int] | None = None,
) -> list[int]:
    """Return how much is added before and after each spatial dimension: [before 0, after 0, before 1, ...].

    `valid`: nothing. `custom`: *pad*. `same`: as much as makes the output ceil(size / stride) long, an odd rest behind;
    `same_lower`: an odd rest in front. *sizes*: of the input's spatial dimensions.

    Raises ValueError if *pad_type* is none of these.
    """
    if pad_type == "valid":
        return [0] * (2 * len(sizes))
    if pad_type == "custom":
        return list(pad or [0] * (2 * len(sizes)))
    if pad_type not in ("same", "same_lower"):
        raise ValueError(f"pads by {pad_type!r}, which is not defined")
    pads: list[int] = []
    for size, extent, stride, dilation in zip(sizes, kernel, strides, dilations or [1] * len(sizes), strict=True):
        total = max(0, stride * (-(-size // stride)) - size + (extent - 1) * dilation + 1 - stride)
        lesser, greater = total // 2, total - total // 2
        pads += [lesser, greater] if pad_type == "same" else [greater, lesser]
    return pads


def padded(x: Tensor, pads: Sequence[int], value: float) -> Tensor:
    """Return x with *pads* (as of `window_pads`) of *value* around its last dimensions; negative ones crop."""
    if not any(pads):
        return x
    pairs = [tuple(pads[index : index + 2]) for index in range(0, len(pads), 2)]
    return F.pad(x, [amount for pair in reversed(pairs) for amount in pair], value=value)  # torch: last dimension first
