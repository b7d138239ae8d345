"""Activations as coremltools converts them from torch, and the few that only MIL's builder makes."""

import torch
from torch.nn import functional as F

from tests.export.targets.coreml.mil_reference.case import Case, numbers

__all__ = ["CASES"]

_X = numbers(1, 6, 4, 5)
_CHANNELS = [0.1, 0.2, -0.3, 0.4, 0.5, 1.5]
_OF_CHANNELS = torch.tensor(_CHANNELS).reshape(-1, 1, 1)

CASES = (
    Case("relu", torch.relu, (_X,)),
    Case("relu6", F.relu6, (_X * 4,)),
    Case("leaky_relu", lambda x: F.leaky_relu(x, 0.125), (_X,)),
    Case("prelu", lambda x: F.prelu(x, torch.tensor(_CHANNELS)), (_X,)),
    Case(
        "clamped_relu",
        lambda x: F.leaky_relu(x, 0.5).clamp_max(1.5),
        (_X,),
        lambda mb, x: mb.clamped_relu(x=x, alpha=0.5, beta=1.5),
    ),
    Case(
        "thresholded_relu", lambda x: F.threshold(x, 0.5, 0.0), (_X,), lambda mb, x: mb.thresholded_relu(x=x, alpha=0.5)
    ),
    Case("elu", lambda x: F.elu(x, 0.75), (_X,)),
    Case("gelu", F.gelu, (_X,)),
    Case("gelu", lambda x: F.gelu(x, approximate="tanh"), (_X,), note="by tanh"),
    Case(
        "gelu",
        lambda x: x * torch.sigmoid(1.702 * x),
        (_X,),
        lambda mb, x: mb.gelu(x=x, mode="SIGMOID_APPROXIMATION"),
        note="by sigmoid",
    ),
    Case("silu", F.silu, (_X,)),
    Case("sigmoid", torch.sigmoid, (_X,)),
    Case("sigmoid_hard", F.hardsigmoid, (_X,)),
    Case(
        "linear_activation", lambda x: 0.5 * x - 2, (_X,), lambda mb, x: mb.linear_activation(x=x, alpha=0.5, beta=-2.0)
    ),
    Case(
        "scaled_tanh",
        lambda x: 1.5 * torch.tanh(0.5 * x),
        (_X,),
        lambda mb, x: mb.scaled_tanh(x=x, alpha=1.5, beta=0.5),
    ),
    Case("softplus", F.softplus, (_X,)),
    Case("softplus", F.softplus, (numbers(1, 2, 3, 3, low=-40, high=40),), note="far from 0"),
    Case(
        "softplus_parametric",
        lambda x: _OF_CHANNELS * F.softplus(x / 2),
        (_X,),
        lambda mb, x: mb.softplus_parametric(x=x, alpha=_CHANNELS, beta=[0.5] * 6),
    ),
    Case("softsign", F.softsign, (_X,), lambda mb, x: mb.softsign(x=x)),
    Case("softmax", lambda x: torch.softmax(x, 1), (_X,), note="over channels"),
    Case("softmax", lambda x: torch.softmax(4 * x, -1), (_X,), note="over columns"),
    Case("tanh", torch.tanh, (_X,)),
)
