"""Selective scan over an image in four directions (SS2D).

Liu et al., "VMamba: Visual State Space Model", NeurIPS 2024, in the form that VM-UNet uses.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skinseg_edge.networks.blocks.selective_scan import selective_scan
from skinseg_edge.networks.blocks.squeeze_excitation import SqueezeExcitation

_DIRECTIONS = 4  # row by row, column by column, and both from the end
_EXPANSION = 2
_SMALLEST_STEP, _LARGEST_STEP = 0.001, 0.1  # of Δ at the start
_STEP_FLOOR = 1e-4


class Scan2d(nn.Module):
    """Let every position read all others along four paths: N x H x W x C -> N x H x W x C.

    *states*: state variables a channel. *squeeze* weighs the channels of the merged, normalised scan by
    squeeze-and-excitation before the gate; the paper says no more than "after the scan".
    """

    def __init__(self, channels: int, states: int = 16, squeeze: bool = True) -> None:
        super().__init__()
        self.inner, self.states, self.rank = _EXPANSION * channels, states, math.ceil(channels / 16)
        self.entry = nn.Linear(channels, 2 * self.inner, bias=False)
        self.local = nn.Conv2d(self.inner, self.inner, 3, padding=1, groups=self.inner)
        described = self.rank + 2 * states
        self.describe = nn.Parameter(torch.empty(_DIRECTIONS, described, self.inner))  # to Δ's rank, B and C
        self.step_weight = nn.Parameter(torch.empty(_DIRECTIONS, self.inner, self.rank))
        self.step_bias = nn.Parameter(torch.empty(_DIRECTIONS, self.inner))
        self.log_rates = nn.Parameter(torch.empty(_DIRECTIONS, self.inner, states))  # log(-A)
        self.direct = nn.Parameter(torch.empty(_DIRECTIONS, self.inner))  # D
        self.norm = nn.LayerNorm(self.inner)
        self.squeeze = SqueezeExcitation(self.inner) if squeeze else None
        self.exit = nn.Linear(self.inner, channels, bias=False)
        self._initialise()

    def forward(self, tokens: Tensor) -> Tensor:
        """Return what *tokens* (N x H x W x C) read of each other."""
        features, gate = self.entry(tokens).chunk(2, 3)  # N x H x W x E each
        features = F.silu(self.local(features.permute(0, 3, 1, 2))).permute(0, 2, 3, 1)
        merged = self.norm(self.scanned(features))
        if self.squeeze is not None:
            merged = self.squeeze(merged)
        return self.exit(merged * F.silu(gate))  # type: ignore[no-any-return]  # nn.Module.__call__ is untyped in torch

    def scanned(self, features: Tensor) -> Tensor:
        """Return the sum of the four scans of *features*, N x H x W x E like them."""
        height, width, inner = (int(size) for size in features.shape[1:])
        length = height * width
        rows = features.reshape(-1, 1, length, inner)
        columns = features.transpose(1, 2).reshape(-1, 1, length, inner)
        ahead = torch.cat((rows, columns), 1)
        paths = torch.cat((ahead, ahead.flip(2)), 1)  # N x 4 x L x E
        described = torch.matmul(paths, self.describe.transpose(1, 2))
        ranked, B, C = torch.split(described, [self.rank, self.states, self.states], 3)
        step = torch.matmul(ranked, self.step_weight.transpose(1, 2)) + self.step_bias[:, None]
        delta = F.softplus(step.float())
        y = selective_scan(paths, delta, -torch.exp(self.log_rates.float()), B, C, self.direct)
        ahead = y[:, :2] + y[:, 2:].flip(2)
        rows, columns = torch.split(ahead, 1, 1)  # N x 1 x L x E
        columns = columns.reshape(-1, width, height, inner).transpose(1, 2)
        return (rows.reshape(-1, height, width, inner) + columns).to(features.dtype)

    def _initialise(self) -> None:
        nn.init.uniform_(self.describe, -(self.inner**-0.5), self.inner**-0.5)
        nn.init.uniform_(self.step_weight, -(self.rank**-0.5), self.rank**-0.5)
        with torch.no_grad():
            spread = torch.rand(self.step_bias.shape) * math.log(_LARGEST_STEP / _SMALLEST_STEP)
            steps = (_SMALLEST_STEP * torch.exp(spread)).clamp(min=_STEP_FLOOR)
            self.step_bias.copy_(steps + torch.log(-torch.expm1(-steps)))  # the inverse of softplus
            self.log_rates.copy_(torch.log(torch.arange(1.0, self.states + 1)).expand_as(self.log_rates))
        nn.init.ones_(self.direct)
