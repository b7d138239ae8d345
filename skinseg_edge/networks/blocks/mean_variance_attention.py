"""Channel attention from the mean and the variance of each channel: ULFFN's channel attention module (CAM)."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_STAGE = 8  # px; sides that are no multiple of it are averaged in smaller squares first


class MeanVarianceAttention(nn.Module):
    """Add to each channel its share w in (0, 1): x + x * w, N x C x H x W -> N x C x H x W.

    w = sigmoid(W2 ReLU(W1 [mean | variance])) over H and W; the hidden layer has `channels // reduction` values.
    """

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(2 * channels, channels // reduction, 1)
        self.expand = nn.Conv2d(channels // reduction, channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Return *features* with each channel weighed."""
        mean = _mean(features)
        deviation = features - mean
        statistics = torch.cat((mean, _mean(deviation * deviation)), 1)  # N x 2C x 1 x 1
        weight = torch.sigmoid(self.expand(F.relu(self.squeeze(statistics))))
        return features + features * weight


def _mean(features: Tensor) -> Tensor:
    # In two stages: a half-precision sum over 512 x 512 values would leave its range. Two means in a row would be
    # merged into one by the ONNX optimizer, a pooling and a mean are not.
    side = math.gcd(features.shape[2], features.shape[3], _STAGE)
    pooled = F.avg_pool2d(features, side, side) if side > 1 else features
    return pooled.mean((2, 3), keepdim=True)  # N x C x 1 x 1
