"""Resizing, cropping and sampling of the last two dimensions.

Source: ops/defs/iOS15/image_resizing.py, iOS16 and iOS17 of the same name. Where an output's row i lies in the input is
what the sampling modes differ in; their formulas stand in `resize_bilinear`'s documentation.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from skinseg_export.targets.coreml.mil_reference.registry import operator

__all__ = [
    "crop",
    "resample",
    "resize",
    "resize_bilinear",
    "resize_nearest_neighbor",
    "upsample_bilinear",
    "upsample_nearest_neighbor",
]


@operator("upsample_nearest_neighbor", moves_only=True)
def upsample_nearest_neighbor(x: Tensor, scale_factor_height: float = 1, scale_factor_width: float = 1) -> Tensor:
    """Return x, floor(scale times) as high and wide, each pixel that of the input at or before it."""
    return _nearest(x, _scaled_size(x, scale_factor_height, scale_factor_width))


@operator("resize_nearest_neighbor", moves_only=True)
def resize_nearest_neighbor(x: Tensor, target_size_height: int, target_size_width: int) -> Tensor:
    """Return x in the given size, each pixel that of the input at or before it."""
    return _nearest(x, (target_size_height, target_size_width))


@operator("upsample_bilinear")
def upsample_bilinear(
    x: Tensor,
    scale_factor_height: float = 1,
    scale_factor_width: float = 1,
    align_corners: bool = True,
    half_pixel_centers: bool | None = None,
) -> Tensor:
    """Return x, floor(scale times) as high and wide; the scale is computed anew from the two sizes.

    Corners aligned: the outermost centres fall together. Else pixel centres are at i + 0.5 (*half_pixel_centers*, the
    default), or at i.
    """
    size = _scaled_size(x, scale_factor_height, scale_factor_width)
    if align_corners:
        return _bilinear(x, size, "STRICT_ALIGN_CORNERS")
    return _bilinear(x, size, "DEFAULT" if half_pixel_centers is False else "UNALIGN_CORNERS")


@operator("resize_bilinear")
def resize_bilinear(
    x: Tensor, target_size_height: int = 1, target_size_width: int = 1, sampling_mode: str = "DEFAULT"
) -> Tensor:
    """Return x in the given size, between its pixels as *sampling_mode* places them."""
    return _bilinear(x, (target_size_height, target_size_width), sampling_mode)


@operator("resize")
def resize(
    x: Tensor,
    shape: Sequence[int],
    resized_dims: int,
    interpolation_mode: str = "LINEAR",
    sampling_mode: str = "DEFAULT",
) -> Tensor:
    """Return x with its last *resized_dims* (1 or 2) lengths as the end of *shape* has them; 0 keeps a length.

    Raises ValueError for the nearest neighbour in another mode than DEFAULT, of which the documentation says nothing.
    """
    lengths = list(x.shape)
    for back in range(1, resized_dims + 1):
        lengths[-back] = shape[-back] or lengths[-back]
    if lengths[:-2] != list(x.shape[:-2]):
        raise ValueError(f"resizes more than two dimensions, {tuple(x.shape)} to {tuple(lengths)}")
    if interpolation_mode == "LINEAR":
        return _bilinear(x, (lengths[-2], lengths[-1]), sampling_mode)
    if sampling_mode != "DEFAULT":
        raise ValueError(f"the nearest neighbour is defined for DEFAULT only, not for {sampling_mode}")
    return _nearest(x, (lengths[-2], lengths[-1]))


@operator("crop", moves_only=True)
def crop(x: Tensor, crop_height: Sequence[int], crop_width: Sequence[int]) -> Tensor:
    """Return x without the first and last rows and columns that the two pairs count."""
    rows, columns = x.shape[-2:]
    return x[..., crop_height[0] : rows - crop_height[1], crop_width[0] : columns - crop_width[1]]


@operator("resample")
def resample(
    x: Tensor,
    coordinates: Tensor,
    sampling_mode: str,
    padding_mode: str,
    padding_value: float,
    coordinates_mode: str,
    align_corners: bool,
) -> Tensor:
    """Return x (N, C, H, W) at *coordinates* (N, H', W', 2), which are (column, row).

    They count pixels, or span the picture by [-1, 1] or [0, 1]: from centre to centre of the outermost pixels if
    *align_corners*, else from edge to edge. Outside lies *padding_value*, the edge, or the mirrored picture
    (`reflection` without the edge, `symmetric` with it).
    """
    from_edges = padding_mode == "symmetric"  # torch mirrors at pixel edges only in this convention
    grid = _grid(coordinates.float(), x, coordinates_mode, align_corners, from_edges=from_edges)
    outside = {"constant": "zeros", "border": "border"}.get(padding_mode, "reflection")
    base = padding_value if padding_mode == "constant" else 0.0
    return F.grid_sample(x - base, grid, sampling_mode, outside, align_corners=not from_edges) + base


def _grid(coordinates: Tensor, x: Tensor, mode: str, align_corners: bool, *, from_edges: bool) -> Tensor:
    """Return *coordinates* in [-1, 1] of the picture: edge to edge if *from_edges*, else centre to centre."""
    size = torch.tensor([x.shape[-1], x.shape[-2]], dtype=torch.float32)  # (columns, rows)
    pixels = coordinates
    if mode != "unnormalized":
        share = (coordinates + 1) / 2 if mode == "normalized_minus_one_to_one" else coordinates
        pixels = share * (size - 1) if align_corners else share * size - 0.5
    if from_edges:
        return (2 * pixels + 1) / size - 1
    return 2 * pixels / (size - 1).clamp_min(1) - 1


def _scaled_size(x: Tensor, rows: float, columns: float) -> tuple[int, int]:
    return int(x.shape[-2] * rows), int(x.shape[-1] * columns)


def _nearest(x: Tensor, size: tuple[int, int]) -> Tensor:
    flat = x.reshape(1, -1, *x.shape[-2:])
    return F.interpolate(flat, size, mode="nearest").reshape(*x.shape[:-2], *size)


def _bilinear(x: Tensor, size: tuple[int, int], sampling_mode: str) -> Tensor:
    flat = x.reshape(1, -1, *x.shape[-2:])
    if sampling_mode in ("STRICT_ALIGN_CORNERS", "UNALIGN_CORNERS"):  # as torch defines them
        aligned = sampling_mode == "STRICT_ALIGN_CORNERS"
        resized = F.interpolate(flat, size, mode="bilinear", align_corners=aligned)
    else:
        rows = _linear(flat.transpose(2, 3), size[0], sampling_mode)  # (1, C, W, H')
        resized = _linear(rows.transpose(2, 3), size[1], sampling_mode)
    return resized.reshape(*x.shape[:-2], *size)


def _linear(x: Tensor, length: int, sampling_mode: str) -> Tensor:
    """Return x with its last dimension *length* long."""
    last = x.shape[-1] - 1
    places = _places(x.shape[-1], length, sampling_mode).clamp(0, last)
    left = places.floor().long()
    share = places - left  # of the right neighbour
    return x[..., left] * (1 - share) + x[..., (left + 1).clamp_max(last)] * share


def _places(given: int, length: int, sampling_mode: str) -> Tensor:
    """Return where each of *length* results lies among *given* pixels."""
    steps = torch.arange(length, dtype=torch.float32)
    if sampling_mode == "ALIGN_CORNERS":
        return steps * (given - 1) / (length - 1) if length > 1 else torch.tensor([(given - 1) / 2])
    if sampling_mode == "OFFSET_CORNERS":
        return (steps + 0.5) * (max(1, given - 1) / length)
    return steps * given / length
