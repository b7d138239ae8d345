"""Omni-dimensional dynamic convolution (ODConv) with constant weights.

Li, Zhou, Yao, "Omni-Dimensional Dynamic Convolution", ICLR 2022, equation 3; SCSONet takes one kernel.
The usual code multiplies the kernel itself by the attentions, so a convolution gets weights at run time: that forbids
a dynamic batch, quantization and Core ML (tensors of rank 6). Here the nine taps of the 3 x 3 kernel become channels
first; multiplying those by the spatial attention is the same sum, and every convolution keeps constant weights.
Several kernels share their input and all other attentions, so they are one convolution with more outputs, and the sum
over the kernels is taken behind it.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_TAPS = 9  # of a 3 x 3 kernel
_HIDDEN = 16  # the reference's max(int(in_channels / 16), 16), which is 16 for every width used here


class ODConv3x3(nn.Module):
    """Convolve 3 x 3 with kernel weights scaled by channel, filter and spatial attention of the input.

    Input N x in_channels x H x W, output N x out_channels x H x W; stride 1, padding 1, no bias.
    *kernels*: how many kernels are mixed, each picture by its own softmax; 1 leaves that attention out.
    In training mode the batch must hold at least two pictures, because the attention normalises over N x 16 x 1 x 1.
    """

    def __init__(self, in_channels: int, out_channels: int, kernels: int = 1) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.kernels = kernels
        self.weight = nn.Parameter(torch.empty(kernels * out_channels, in_channels, 3, 3))
        self.squeeze = nn.Conv2d(in_channels, _HIDDEN, 1, bias=False)
        self.norm = nn.BatchNorm2d(_HIDDEN)
        self.channel_attention = nn.Conv2d(_HIDDEN, in_channels, 1)
        self.filter_attention = nn.Conv2d(_HIDDEN, out_channels, 1)
        self.spatial_attention = nn.Conv2d(_HIDDEN, _TAPS, 1)
        self.kernel_attention = nn.Conv2d(_HIDDEN, kernels, 1) if kernels > 1 else None
        # One one-hot 3 x 3 kernel a tap, repeated for every input channel: C x H x W -> 9C x H x W.
        shifts = torch.eye(_TAPS).reshape(_TAPS, 1, 3, 3).repeat(in_channels, 1, 1, 1)
        self.register_buffer("_shifts", shifts, persistent=False)
        for kernel in self.weight.detach().chunk(kernels):
            nn.init.kaiming_normal_(kernel, mode="fan_out", nonlinearity="relu")

    def forward(self, features: Tensor) -> Tensor:
        """Return the attended convolution of *features* (N x C x H x W)."""
        pooled = features.mean((2, 3), keepdim=True)  # N x C x 1 x 1
        hidden = F.relu(self.norm(self.squeeze(pooled)))  # N x 16 x 1 x 1
        channel = torch.sigmoid(self.channel_attention(hidden))  # N x C x 1 x 1
        spatial = torch.sigmoid(self.spatial_attention(hidden))  # N x 9 x 1 x 1
        filters = torch.sigmoid(self.filter_attention(hidden))  # N x C_out x 1 x 1
        shifts = self.get_buffer("_shifts")
        taps = F.conv2d(features * channel, shifts, padding=1, groups=self.in_channels)  # N x 9C x H x W
        taps = taps * spatial.repeat(1, self.in_channels, 1, 1)
        kernel = self.weight.flatten(1)[:, :, None, None]  # K C_out x 9C x 1 x 1, taps fastest as in `taps`
        return self._mixed(F.conv2d(taps, kernel), hidden) * filters

    def _mixed(self, features: Tensor, hidden: Tensor) -> Tensor:
        """Sum the outputs of all kernels (N x K C_out x H x W -> N x C_out x H x W), weighed by a softmax over them."""
        if self.kernel_attention is None:
            return features
        shares = torch.softmax(self.kernel_attention(hidden), 1)  # N x K x 1 x 1
        outputs = zip(features.chunk(self.kernels, 1), shares.chunk(self.kernels, 1), strict=True)
        first, *others = (output * share for output, share in outputs)
        for output in others:
            first = first + output
        return first
