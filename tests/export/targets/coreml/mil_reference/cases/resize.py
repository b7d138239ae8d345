"""Resizing by torch's two conventions, by MIL's own, and sampling at any place."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.export.targets.coreml.mil_reference.case import Case, numbers

__all__ = ["CASES"]

_X = numbers(1, 3, 5, 6)
_PAIR = torch.tensor([0.0, 1.0]).reshape(1, 1, 1, 2)  # the example of `resize_bilinear`'s documentation
_GRID = numbers(1, 4, 7, 2, seed=1, low=-1.5, high=1.5)
_SHARE = numbers(1, 4, 7, 2, seed=3, low=-0.25, high=1.25)
_PIXELS = numbers(1, 4, 7, 2, seed=2, low=-1, high=5)


def _row(*places: float) -> Callable[[Tensor], Tensor]:
    return lambda pair: torch.tensor(places).reshape(1, 1, 1, -1)


def _resized(mode: str, width: int) -> Callable[..., Any]:
    return lambda mb, x: mb.resize_bilinear(x=x, target_size_height=1, target_size_width=width, sampling_mode=mode)


def _sampled(**options: Any) -> Callable[..., Any]:
    usual = {"sampling_mode": "bilinear", "padding_mode": "constant", "padding_value": 0.0, "align_corners": True}
    return lambda mb, x, grid: mb.resample(x=x, coordinates=grid, **{**usual, **options})


def _at_pixels(x: Tensor, pixels: Tensor) -> Tensor:
    """Sample at (column, row) counted in pixels; what is outside is 0.5."""
    grid = 2 * pixels / torch.tensor([5.0, 4.0]) - 1
    return F.grid_sample(x - 0.5, grid, align_corners=True) + 0.5


CASES = (
    Case("upsample_bilinear", lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"), (_X,)),
    Case(
        "upsample_bilinear",
        lambda x: F.interpolate(x, scale_factor=3, mode="bilinear", align_corners=True),
        (_X,),
        note="with aligned corners",
    ),
    Case("upsample_bilinear", lambda x: F.interpolate(x, (13, 8), mode="bilinear"), (_X,), note="to a given size"),
    # Half pixel centres switched off: place i lies at i / 2.
    Case(
        "upsample_bilinear",
        _row(0.0, 0.5, 1.0, 1.0),
        (_PAIR,),
        lambda mb, x: mb.upsample_bilinear(x=x, scale_factor_width=2, align_corners=False, half_pixel_centers=False),
        note="with centres at whole numbers",
    ),
    Case("upsample_nearest_neighbor", lambda x: F.interpolate(x, scale_factor=2), (_X,)),
    Case(
        "resize_nearest_neighbor",
        lambda x: F.interpolate(x, (8, 4)),
        (_X,),
        lambda mb, x: mb.resize_nearest_neighbor(x=x, target_size_height=8, target_size_width=4),
    ),
    Case(
        "resize_bilinear",
        _row(0.0, 0.1, 0.5, 0.9, 1.0),
        (_PAIR,),
        _resized("UNALIGN_CORNERS", 5),
        note="UNALIGN_CORNERS",
    ),
    Case(
        "resize_bilinear",
        _row(0.0, 0.25, 0.5, 0.75, 1.0),
        (_PAIR,),
        _resized("STRICT_ALIGN_CORNERS", 5),
        note="STRICT_ALIGN_CORNERS",
    ),
    Case(
        "resize_bilinear", _row(0.0, 0.25, 0.5, 0.75, 1.0), (_PAIR,), _resized("ALIGN_CORNERS", 5), note="ALIGN_CORNERS"
    ),
    Case("resize_bilinear", _row(0.5), (_PAIR,), _resized("ALIGN_CORNERS", 1), note="ALIGN_CORNERS to one pixel"),
    Case("resize_bilinear", _row(0.0, 0.4, 0.8, 1.0, 1.0), (_PAIR,), _resized("DEFAULT", 5), note="DEFAULT"),
    Case(
        "resize_bilinear", _row(0.1, 0.3, 0.5, 0.7, 0.9), (_PAIR,), _resized("OFFSET_CORNERS", 5), note="OFFSET_CORNERS"
    ),
    Case(
        "resize",
        lambda x: F.interpolate(x, (7, 9), mode="bilinear"),
        (_X,),
        lambda mb, x: mb.resize(x=x, shape=[7, 9], resized_dims=np.uint32(2), sampling_mode="UNALIGN_CORNERS"),
    ),
    Case(
        "resize",
        lambda x: F.interpolate(x, (5, 9)),
        (_X,),
        lambda mb, x: mb.resize(x=x, shape=[0, 9], resized_dims=np.uint32(2), interpolation_mode="NEAREST_NEIGHBOR"),
        note="of one dimension to the nearest",
    ),
    Case("crop", lambda x: x[:, :, 1:-2, 2:], (_X,), lambda mb, x: mb.crop(x=x, crop_height=[1, 2], crop_width=[2, 0])),
    Case("resample", lambda x, grid: F.grid_sample(x, grid, align_corners=True), (_X, _GRID), note="between corners"),
    Case("resample", lambda x, grid: F.grid_sample(x, grid, align_corners=False), (_X, _GRID), note="between edges"),
    Case(
        "resample",
        lambda x, grid: F.grid_sample(x, grid, "nearest", "border", align_corners=False),
        (_X, _GRID),
        note="the nearest, the edge outside",
    ),
    Case(
        "resample",
        lambda x, grid: F.grid_sample(x, grid, padding_mode="reflection", align_corners=True),
        (_X, _GRID),
        _sampled(padding_mode="reflection", coordinates_mode="normalized_minus_one_to_one"),
        note="mirrored without the edge",
    ),
    Case(
        "resample",
        lambda x, grid: F.grid_sample(x, grid, padding_mode="reflection", align_corners=False),
        (_X, _GRID),
        _sampled(padding_mode="symmetric", coordinates_mode="normalized_minus_one_to_one", align_corners=False),
        note="mirrored with the edge",
    ),
    Case(
        "resample",
        lambda x, share: F.grid_sample(x, 2 * share - 1, align_corners=True),
        (_X, _SHARE),
        _sampled(coordinates_mode="normalized_zero_to_one"),
        note="by shares",
    ),
    Case(
        "resample",
        _at_pixels,
        (_X, _PIXELS),
        _sampled(coordinates_mode="unnormalized", padding_value=0.5),
        note="by pixels, a grey outside",
    ),
)
