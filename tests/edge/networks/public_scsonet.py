"""The public SCSONet by the names of its checkpoints, computed slowly from their definitions.

Names and shapes: github.com/Haoyu1Chen/SCSONet at b0433c8, read for these facts only.
"""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["probabilities_by_definition", "random_public_state"]

_WIDTHS = (8, 16, 24, 32, 48, 64)
_ENCODERS = (("encoder4", 24, 32), ("encoder5", 32, 48), ("encoder6", 48, 64))
_DECODERS = (("decoder1", 64, 48), ("decoder2", 48, 32), ("decoder3", 32, 24))


def random_public_state(generator: torch.Generator) -> dict[str, Tensor]:
    """Return float64 weights under the 169 public names, random but of a size that keeps activations alive."""
    state = {}
    for name, shape in _shapes():
        values = torch.randn(shape, generator=generator, dtype=torch.float64)
        if name.endswith(("running_var", "bn.weight", "gn.weight")) or (name[1:3] == "bn" and name.endswith("weight")):
            state[name] = values.abs() + 0.5
        elif name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(3)
        elif name.endswith("gn.beta"):
            # Zero as at the start: the public epsilon is 1e-10, ours 1e-5, and only a beta lets the gates see that.
            state[name] = torch.zeros_like(values)
        else:
            fan_in = max(values[0].numel(), 1) if len(shape) > 1 and not name.endswith("gamma") else 1
            state[name] = values / fan_in**0.5
    return state


def _shapes() -> Iterator[tuple[str, tuple[int, ...]]]:
    c1, c2, c3, c4, c5, _ = _WIDTHS
    yield from _convolution("encoder1.0", c1, 3, 3)
    yield from _dynamic_convolution("encoder2.0", c1, c2)
    yield from _convolution("encoder3.0", c3, c2, 3)
    for name, before, after in _ENCODERS:
        yield from _reconstruction(f"{name}.0", before)
        yield f"{name}.1.partial_conv3.weight", (before // 2, before // 2, 3, 3)
        yield from _convolution(f"{name}.2", after, before, 3)
        yield from _multiscale_attention(f"{name}.3", after)
    yield "scab.catt.get_all_att.weight", (1, 1, 3)
    for level, width in enumerate(_WIDTHS[:5], start=1):
        yield f"scab.catt.att{level}.weight", (width, 128)
        yield f"scab.catt.att{level}.bias", (width,)
    yield from _convolution("scab.satt.shared_conv2d.0", 1, 2, 7)
    for name, before, after in _DECODERS:
        yield from _convolution(f"{name}.0", after, before, 3)
        yield f"{name}.1.partial_conv3.weight", (after // 2, after // 2, 3, 3)
        yield from _reconstruction(f"{name}.2", after)
        yield from _multiscale_attention(f"{name}.3", after)
    yield from _convolution("decoder4.0", c2, c3, 3)
    yield from _dynamic_convolution("decoder5.0", c2, c1)
    for level, width in enumerate((c1, c2, c3, c4, c5), start=1):
        yield f"ebn{level}.weight", (width,)
        yield f"ebn{level}.bias", (width,)
    for level, width in enumerate((c5, c4, c3, c2, c1), start=1):
        yield f"dbn{level}.weight", (width,)
        yield f"dbn{level}.bias", (width,)
    yield from _convolution("final", 1, c1, 1)


def _convolution(name: str, after: int, before: int, side: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.weight", (after, before, side, side)
    yield f"{name}.bias", (after,)


def _dynamic_convolution(name: str, before: int, after: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.weight", (1, after, before, 3, 3)
    yield f"{name}.attention.fc.weight", (16, before, 1, 1)
    for part in ("weight", "bias", "running_mean", "running_var"):
        yield f"{name}.attention.bn.{part}", (16,)
    yield f"{name}.attention.bn.num_batches_tracked", ()
    yield from _convolution(f"{name}.attention.channel_fc", before, 16, 1)
    yield from _convolution(f"{name}.attention.filter_fc", after, 16, 1)
    yield from _convolution(f"{name}.attention.spatial_fc", 9, 16, 1)


def _reconstruction(name: str, width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    half, quarter = width // 2, width // 4
    yield f"{name}.SRU.gn.gamma", (width, 1, 1)
    yield f"{name}.SRU.gn.beta", (width, 1, 1)
    yield f"{name}.CRU.squeeze1.weight", (quarter, half, 1, 1)
    yield f"{name}.CRU.squeeze2.weight", (quarter, half, 1, 1)
    yield f"{name}.CRU.GWC.weight", (width, quarter // 2, 3, 3)
    yield f"{name}.CRU.GWC.bias", (width,)
    yield f"{name}.CRU.PWC1.weight", (width, quarter, 1, 1)
    yield f"{name}.CRU.PWC2.weight", (width - quarter, quarter, 1, 1)


def _multiscale_attention(name: str, width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.gn.weight", (width // 8,)
    yield f"{name}.gn.bias", (width // 8,)
    yield from _convolution(f"{name}.conv1x1", width // 8, width // 8, 1)
    yield from _convolution(f"{name}.conv3x3", width // 8, width // 8, 3)


def probabilities_by_definition(state: Mapping[str, Tensor], image: Tensor) -> Tensor:
    """Return the lesion probability of one *image*, 1 x 3 x H x W float64, as the public network defines it."""
    return _Definition(state).probabilities(image)


class _Definition:
    def __init__(self, state: Mapping[str, Tensor]) -> None:
        self.state = state

    def probabilities(self, image: Tensor) -> Tensor:
        features, skips = image, []
        for level in range(1, 6):
            features = self.normalised(f"ebn{level}", self.encoded(level, features))
            features = F.gelu(F.max_pool2d(features, 2))
            skips.append(features)
        skips = self.bridged(skips)
        features = F.gelu(self.encoded(6, features))
        for level in range(1, 6):
            features = self.normalised(f"dbn{level}", self.decoded(level, features))
            features = F.gelu(features if level == 1 else _doubled(features)) + skips[5 - level]
        return _doubled(self.convolved("final", features)).sigmoid()

    def encoded(self, level: int, features: Tensor) -> Tensor:
        name = f"encoder{level}"
        if level == 2:
            return self.dynamically_convolved(f"{name}.0", features)
        if level < 4:
            return self.convolved(f"{name}.0", features)
        features = self.partly_convolved(f"{name}.1", self.reconstructed(f"{name}.0", features))
        return self.attended(f"{name}.3", self.convolved(f"{name}.2", features))

    def decoded(self, level: int, features: Tensor) -> Tensor:
        name = f"decoder{level}"
        if level == 5:
            return self.dynamically_convolved(f"{name}.0", features)
        features = self.convolved(f"{name}.0", features)
        if level == 4:
            return features
        return self.attended(f"{name}.3", self.reconstructed(f"{name}.2", self.partly_convolved(f"{name}.1", features)))

    def convolved(self, name: str, features: Tensor, *, dilation: int = 1) -> Tensor:
        weight = self.state[f"{name}.weight"]
        padding = dilation * (weight.shape[-1] // 2)
        return F.conv2d(features, weight, self.state.get(f"{name}.bias"), padding=padding, dilation=dilation)

    def normalised(self, name: str, features: Tensor) -> Tensor:
        return F.group_norm(features, 4, self.state[f"{name}.weight"], self.state[f"{name}.bias"])

    def dynamically_convolved(self, name: str, features: Tensor) -> Tensor:
        mean, variance, weight, bias = (
            self.state[f"{name}.attention.bn.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        hidden = self.convolved(f"{name}.attention.fc", features.mean((2, 3), keepdim=True))
        hidden = F.batch_norm(hidden, mean, variance, weight, bias).relu()
        channel, filters, spatial = (
            self.convolved(f"{name}.attention.{part}_fc", hidden).sigmoid().flatten()
            for part in ("channel", "filter", "spatial")
        )
        kernel = self.state[f"{name}.weight"][0] * spatial.reshape(1, 1, 3, 3) * channel.reshape(1, -1, 1, 1)
        return F.conv2d(features, kernel * filters.reshape(-1, 1, 1, 1), padding=1)

    def partly_convolved(self, name: str, features: Tensor) -> Tensor:
        half = features.shape[1] // 2
        return torch.cat((self.convolved(f"{name}.partial_conv3", features[:, :half]), features[:, half:]), 1)

    def reconstructed(self, name: str, features: Tensor) -> Tensor:
        gamma, beta = self.state[f"{name}.SRU.gn.gamma"], self.state[f"{name}.SRU.gn.beta"]
        groups = features.reshape(16, -1)
        groups = (groups - groups.mean(1, keepdim=True)) / (groups.std(1, keepdim=True) + 1e-10)
        gate = ((groups.reshape(features.shape) * gamma + beta) * gamma / gamma.sum()).sigmoid() >= 0.5
        informative, redundant = features * gate, features * ~gate
        half = features.shape[1] // 2
        exchanged = redundant.roll(half, 1) + informative  # each half gets the redundant part of the other
        upper = self.convolved(f"{name}.CRU.squeeze1", exchanged[:, :half])
        lower = self.convolved(f"{name}.CRU.squeeze2", exchanged[:, half:])
        grouped = F.conv2d(
            upper, self.state[f"{name}.CRU.GWC.weight"], self.state[f"{name}.CRU.GWC.bias"], padding=1, groups=2
        )
        rich = grouped + self.convolved(f"{name}.CRU.PWC1", upper)
        both = torch.cat((rich, self.convolved(f"{name}.CRU.PWC2", lower), lower), 1)
        weighed = both * both.mean((2, 3), keepdim=True).softmax(1)
        return weighed[:, : 2 * half] + weighed[:, 2 * half :]

    def attended(self, name: str, features: Tensor) -> Tensor:
        return torch.cat([self.group_attended(name, group) for group in features.chunk(8, 1)], 1)

    def group_attended(self, name: str, group: Tensor) -> Tensor:
        height = group.shape[2]
        lines = torch.cat((group.mean(3, keepdim=True), group.mean(2, keepdim=True).transpose(2, 3)), 2)
        rows, columns = self.convolved(f"{name}.conv1x1", lines).sigmoid().tensor_split((height,), 2)
        first = F.group_norm(
            group * rows * columns.transpose(2, 3),
            group.shape[1],
            self.state[f"{name}.gn.weight"],
            self.state[f"{name}.gn.bias"],
        )
        second = self.convolved(f"{name}.conv3x3", group)
        weights = (each.mean((2, 3), keepdim=True).softmax(1) for each in (first, second))
        related = sum(weight * other for weight, other in zip(weights, (second, first), strict=True))
        assert isinstance(related, Tensor)
        return group * related.sum(1, keepdim=True).sigmoid()

    def bridged(self, skips: list[Tensor]) -> list[Tensor]:
        attended = []
        for skip in skips:
            statistics = torch.cat((skip.mean(1, keepdim=True), skip.max(1, keepdim=True).values), 1)
            attended.append(skip * self.convolved("scab.satt.shared_conv2d.0", statistics, dilation=3).sigmoid())
        joined = [one + other for one, other in zip(attended, skips, strict=True)]
        described = torch.cat([each.mean((2, 3)) for each in joined], 1)  # 1 x 128
        described = F.conv1d(described[:, None], self.state["scab.catt.get_all_att.weight"], padding=1)[:, 0]
        result = []
        for level, (one, other) in enumerate(zip(joined, attended, strict=True), start=1):
            linear = F.linear(
                described, self.state[f"scab.catt.att{level}.weight"], self.state[f"scab.catt.att{level}.bias"]
            )
            result.append(one * linear.sigmoid()[:, :, None, None] + other)
        return result


def _doubled(features: Tensor) -> Tensor:
    return F.interpolate(features, scale_factor=2.0, mode="bilinear", align_corners=True)
