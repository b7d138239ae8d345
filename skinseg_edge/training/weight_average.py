"""An exponential moving average of weights: smoother, and nearly always better, than the last step's."""

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

__all__ = ["WeightAverage"]


class WeightAverage:
    """Average a network's weights over steps: average = d * average + (1 - d) * weights.

    *decay* d is warmed up as min(decay, (1 + step) / (10 + step)), so early averages forget the random start.
    With decay 0 the average is the network itself. Whole-number buffers are copied.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self._decay = decay
        self.steps = 0
        self.weights: dict[str, Tensor] = {
            name: tensor.detach().clone() for name, tensor in network.state_dict().items()
        }

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Take in the weights of *network* after a step."""
        self.steps += 1
        decay = min(self._decay, (1 + self.steps) / (10 + self.steps))
        state = network.state_dict()
        floating = [name for name, average in self.weights.items() if average.is_floating_point()]
        # All at once: one by one, the hundreds of small tensors of a network keep a GPU waiting.
        move = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]  # torch has no annotations here
        move([self.weights[name] for name in floating], [state[name] for name in floating], self.steps)
        for name in self.weights.keys() - set(floating):
            self.weights[name].copy_(state[name])
