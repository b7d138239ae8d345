"""CM-SSM: a U-shaped state-space network with convolutional mixing and cross-region attention.

A derivative of VM-UNet (Ruan, Xiang, "VM-UNet: Vision Mamba UNet for Medical Image Segmentation", 2024), whose layout
and 27,427,561 parameters remain when SE, CMN and CRA are switched off. With all three it has 54,338,257.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from skinseg_edge.networks.blocks import (
    ConvMixing,
    CoordinateAttention,
    DropPath,
    PatchEmbedding,
    PatchExpanding,
    PatchMerging,
    Scan2d,
)
from skinseg_edge.networks.features import FeatureMaps

_PATCH = 4
_STAGES = 4


class CMSSM(nn.Module):
    """Segment lesions: N x 3 x H x W float32 -> logits N x classes x H x W, H and W multiples of 32.

    *channels* is the width of the first stage and doubles at each of the three below. *encoder_depths* and
    *decoder_depths* count the blocks of each stage in the order of computation. *ratio* is the widening inside CMN,
    *scan_state* the state variables a channel. The paper's ablations: *squeeze* (SE behind the scan), *mixing* (CMN,
    the second half of each block) and *cross_attention* (CRA on the skips). *drop_path* is the largest chance to leave
    out a branch while training; it grows to the deepest block and shrinks again. *checkpointing* computes each block
    again during the backward pass instead of keeping what is inside it: a quarter more time for a fifth less memory
    (the scan alone computes its states again in any case).

    Raises ValueError if channels is no multiple of 4, there are not 4 depths of 1 or more, another number is below 1,
    or drop_path is outside [0, 1).
    """

    def __init__(
        self,
        classes: int = 1,
        channels: int = 96,
        encoder_depths: Sequence[int] = (2, 2, 2, 2),
        decoder_depths: Sequence[int] = (2, 2, 2, 1),
        ratio: int = 4,
        scan_state: int = 16,
        squeeze: bool = True,
        mixing: bool = True,
        cross_attention: bool = True,
        drop_path: float = 0.2,
        checkpointing: bool = False,
    ) -> None:
        super().__init__()
        _check_options(channels, encoder_depths, decoder_depths, ratio, scan_state, drop_path)
        self.checkpointing = checkpointing

        def stage(width: int, rates: Sequence[float]) -> nn.ModuleList:
            blocks = (StateSpaceBlock(width, ratio, scan_state, squeeze, mixing, rate) for rate in rates)
            return nn.ModuleList(blocks)

        widths = [channels * 2**level for level in range(_STAGES)]
        deeper, shallower = widths[:-1], widths[:0:-1]
        self.embedding = PatchEmbedding(channels, _PATCH)
        rates = _parts(_rising(drop_path, sum(encoder_depths)), encoder_depths)
        self.encoders = nn.ModuleList(stage(width, each) for width, each in zip(widths, rates, strict=True))
        self.mergings = nn.ModuleList(PatchMerging(width) for width in deeper)
        rates = _parts(_rising(drop_path, sum(decoder_depths))[::-1], decoder_depths)
        self.decoders = nn.ModuleList(stage(width, each) for width, each in zip(widths[::-1], rates, strict=True))
        self.expandings = nn.ModuleList(PatchExpanding(before, after) for before, after in pairwise(widths[::-1]))
        self.attentions = nn.ModuleList(
            CoordinateAttention(width) if cross_attention else nn.Identity() for width in shallower
        )
        self.final_expanding = PatchExpanding(channels, channels // _PATCH, _PATCH)
        self.head = nn.Conv2d(channels // _PATCH, classes, 1)
        self.apply(_initialise)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits of *images*; a sigmoid (one class) or softmax (several) makes them probabilities."""
        return self.forward_features(images)[0]

    def forward_features(self, images: Tensor) -> tuple[Tensor, FeatureMaps]:
        """Return the logits and the maps that feature distillation reads; the teacher is the last upsampled one."""
        _check_size(images)
        maps: list[Tensor] = []
        tokens = self.embedding(images)
        skips: list[Tensor] = []
        for level, blocks in enumerate(self.encoders):
            if level > 0:
                # As in VM-UNet's code: the skip leaves after the merging, and the map of full resolution has none.
                tokens = self.mergings[level - 1](tokens)
                skips.append(tokens)
            tokens = self._run(blocks, tokens, maps)
        for level, blocks in enumerate(self.decoders):
            if level > 0:
                attended = self.attentions[level - 1](_maps_from_tokens(skips.pop()))
                tokens = self.expandings[level - 1](tokens + attended.permute(0, 2, 3, 1))
            tokens = self._run(blocks, tokens, maps)
        students = maps[: -len(self.decoders[-1])]  # type: ignore[arg-type]  # the elements of a ModuleList are Modules
        teacher = _maps_from_tokens(self.final_expanding(tokens))
        return self.head(teacher), FeatureMaps(tuple(maps), tuple(students), teacher)

    def _run(self, blocks: nn.Module, tokens: Tensor, maps: list[Tensor]) -> Tensor:
        for block in blocks.children():
            if self.checkpointing and self.training and torch.is_grad_enabled():
                tokens = checkpoint(block, tokens, use_reentrant=False)
            else:
                tokens = block(tokens)
            maps.append(_maps_from_tokens(tokens))
        return tokens


class StateSpaceBlock(nn.Module):
    """Scan, then mix, each behind a layer normalisation and around a residual: N x H x W x C -> N x H x W x C."""

    def __init__(
        self, channels: int, ratio: int, scan_state: int, squeeze: bool, mixing: bool, drop_path: float
    ) -> None:
        super().__init__()
        self.scan_norm = nn.LayerNorm(channels)
        self.scan = Scan2d(channels, scan_state, squeeze)
        self.mixing_norm = nn.LayerNorm(channels) if mixing else None
        self.mixing = ConvMixing(channels, ratio) if mixing else None
        self.drop_path = DropPath(drop_path)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the block's output."""
        tokens = tokens + self.drop_path(self.scan(self.scan_norm(tokens)))
        if self.mixing is None or self.mixing_norm is None:
            return tokens
        return tokens + self.drop_path(self.mixing(self.mixing_norm(tokens)))  # type: ignore[no-any-return]  # nn.Module.__call__


def _maps_from_tokens(tokens: Tensor) -> Tensor:
    return tokens.permute(0, 3, 1, 2)


def _rising(highest: float, count: int) -> list[float]:
    return [highest * index / max(count - 1, 1) for index in range(count)]


def _parts(rates: list[float], depths: Sequence[int]) -> list[list[float]]:
    ends = [sum(depths[: stage + 1]) for stage in range(len(depths))]
    return [rates[end - depth : end] for end, depth in zip(ends, depths, strict=True)]


def _check_options(
    channels: int,
    encoder_depths: Sequence[int],
    decoder_depths: Sequence[int],
    ratio: int,
    scan_state: int,
    drop_path: float,
) -> None:
    if channels < _PATCH or channels % _PATCH:
        raise ValueError(f"cmssm channels must be a multiple of {_PATCH}; got {channels}")
    for depths in (encoder_depths, decoder_depths):
        if len(depths) != _STAGES or min(depths) < 1:
            raise ValueError(f"cmssm takes {_STAGES} depths a side, each 1 or more; got {tuple(depths)}")
    if ratio < 1 or scan_state < 1:
        raise ValueError(f"cmssm ratio and scan_state must be 1 or more; got {ratio} and {scan_state}")
    if not 0 <= drop_path < 1:
        raise ValueError(f"cmssm drop_path must lie in [0, 1); got {drop_path}")


def _check_size(images: Tensor) -> None:
    height, width = (int(size) for size in images.shape[2:])
    divisor = _PATCH * 2 ** (_STAGES - 1)
    if height % divisor or width % divisor:
        raise ValueError(
            f"cannot segment {height} x {width} px: cmssm halves its grid of {_PATCH} px patches {_STAGES - 1} times; "
            f"give it multiples of {divisor}"
        )


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
