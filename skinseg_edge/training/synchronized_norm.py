"""Batch normalisation over the batches of all processes, where torch's own will not run.

Torch's `SyncBatchNorm` is for GPUs; on the CPU this one does the same by two sums over processes, one of the statistics
and, on the way back, one of the gradients that they carry (Ioffe and Szegedy, "Batch Normalization", 2015, section 3,
whose sums over a batch become sums over all processes' parts of it). Parts may differ in size.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["Sum", "SynchronizedBatchNorm"]

Sum: TypeAlias = Callable[[Tensor], Tensor]
"""Sums a tensor over all processes, in place, and returns it."""


class SynchronizedBatchNorm(nn.modules.batchnorm._BatchNorm):
    """Takes over the parameters, buffers and settings of *plain*; trains on the statistics of all processes.

    Input N x C x ..., N at least 1. In use it is the plain one. *sum_over_processes*: for float64 tensors.
    """

    def __init__(self, plain: nn.modules.batchnorm._BatchNorm, sum_over_processes: Sum) -> None:
        super().__init__(plain.num_features, plain.eps, plain.momentum, plain.affine, plain.track_running_stats)
        self.weight, self.bias = plain.weight, plain.bias
        for name, buffer in plain.named_buffers():
            setattr(self, name, buffer)
        self._sum = sum_over_processes
        self.train(plain.training)

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalised *input*, in its own type."""
        if not self.training:
            return super().forward(input)
        mean, variance, count = _statistics(input, self._sum)
        self._move(mean, variance, count)
        weight = self.weight if self.affine else torch.ones_like(mean)
        bias = self.bias if self.affine else torch.zeros_like(mean)
        normalised: Tensor = _Normalised.apply(  # type: ignore[no-untyped-call]  # torch has no annotations here
            input, weight, bias, mean, variance, self.eps, count, self._sum
        )
        return normalised

    def _check_input_dim(self, input: Tensor) -> None:
        """Take any number of dimensions, as one class stands in for those of 1, 2 and 3."""

    @torch.no_grad()
    def _move(self, mean: Tensor, variance: Tensor, count: float) -> None:
        """Move the running statistics as the plain one does, with the variance of a sample."""
        if not self.track_running_stats or self.running_mean is None or self.running_var is None:
            return
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        part = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, part)
        self.running_var.lerp_(variance * (count / max(count - 1, 1)), part)


@torch.no_grad()
def _statistics(input: Tensor, sum_over_processes: Sum) -> tuple[Tensor, Tensor, float]:
    """Return mean and variance (C, float32) of all processes' *input*, and how many values each channel has.

    Raises ValueError as the plain one does if a channel has a single value.
    """
    count = input.numel() // input.shape[1]
    # Of each part its own mean and variance, and these joined in double precision: no sum of squares that cancels.
    variance, mean = torch.var_mean(input.float(), [0, *range(2, input.ndim)], correction=0)
    mean, variance = mean.double(), variance.double()
    sums = sum_over_processes(torch.cat([mean * count, (variance + mean**2) * count, mean.new_tensor([count])]))
    total = float(sums[-1])
    if total < 2:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {tuple(input.shape)}")
    mean, squares = (sums[:-1] / total).chunk(2)
    return mean.float(), (squares - mean**2).clamp_(min=0).float(), total


class _Normalised(torch.autograd.Function):
    """The normalisation with given statistics, differentiated as if every process's input had made them."""

    @staticmethod
    def forward(  # autograd's method
        ctx: Any,
        input: Tensor,
        weight: Tensor,
        bias: Tensor,
        mean: Tensor,
        variance: Tensor,
        eps: float,
        count: float,
        sum_over_processes: Sum,
    ) -> Tensor:
        ctx.save_for_backward(input, weight, mean, variance)
        ctx.eps, ctx.count, ctx.sum = eps, count, sum_over_processes
        # With given statistics this is one multiplication and one addition a value.
        return F.batch_norm(input, mean, variance, weight, bias, training=False, eps=eps)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # autograd's method
        input, weight, mean, variance = ctx.saved_tensors
        gradient = gradients[0].float()
        axes, shape = [0, *range(2, input.ndim)], [1, -1, *[1] * (input.ndim - 2)]
        scale = torch.rsqrt(variance + ctx.eps)
        normalised = (input.float() - mean.view(shape)) * scale.view(shape)
        to_bias, to_weight = gradient.sum(axes), (gradient * normalised).sum(axes)
        over_all = ctx.sum(torch.cat([to_bias, to_weight]).double() / ctx.count).float()
        mean_gradient, mean_product = over_all.chunk(2)
        to_input = gradient - mean_gradient.view(shape) - normalised * mean_product.view(shape)
        to_input = to_input * (scale * weight).view(shape)
        return to_input.to(input.dtype), to_weight, to_bias, None, None, None, None, None
