"""Normalisation over two processes is that of one over both their pictures, on the way there and back.

Two threads stand in for the processes; their sums meet at a barrier.
"""

import copy
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor, nn

from skinseg_edge.training.synchronized_norm import SynchronizedBatchNorm


class Meeting:
    """Sums over two threads."""

    def __init__(self) -> None:
        self._brought: list[Tensor] = []
        self._full = threading.Barrier(2, timeout=60)

    def sum(self, values: Tensor) -> Tensor:
        self._brought.append(values.clone())
        self._full.wait()
        total = self._brought[0] + self._brought[1]
        if self._full.wait() == 0:
            self._brought.clear()
        self._full.wait()
        return values.copy_(total)


def nothing_to_sum(values: Tensor) -> Tensor:
    raise AssertionError(values)


def in_two(
    norm: nn.BatchNorm2d, parts: list[Tensor], gradients: list[Tensor]
) -> list[tuple[Tensor, nn.Module, Tensor]]:
    """Return output, layer and gradient of the input for each of two threads."""
    meeting = Meeting()

    def work(number: int) -> tuple[Tensor, nn.Module, Tensor]:
        layer = SynchronizedBatchNorm(copy.deepcopy(norm), meeting.sum)
        part = parts[number].clone().requires_grad_()
        out = layer(part)
        out.backward(gradients[number])
        assert part.grad is not None
        return out.detach(), layer, part.grad

    with ThreadPoolExecutor(2) as threads:
        return list(threads.map(work, (0, 1)))


@pytest.mark.parametrize("momentum", [0.1, None])
@pytest.mark.parametrize("affine", [True, False])
def test_two_parts_of_unequal_size_make_the_whole_batch(momentum: float | None, affine: bool) -> None:
    random = torch.Generator().manual_seed(0)
    whole = torch.randn(5, 3, 4, 6, generator=random) * torch.tensor([1.0, 9.0, 0.1]).view(1, 3, 1, 1) + 20
    gradient = torch.randn(5, 3, 4, 6, generator=random)
    norm = nn.BatchNorm2d(3, momentum=momentum, affine=affine)
    if affine:
        nn.init.uniform_(norm.weight, 0.5, 2)
    results = in_two(norm, [whole[:2], whole[2:]], [gradient[:2], gradient[2:]])

    expected = whole.clone().requires_grad_()
    out = norm(expected)
    out.backward(gradient)
    assert expected.grad is not None
    # Values of 20 with a spread of 0.1 keep five digits of it; the gradient is divided by the spread.
    torch.testing.assert_close(torch.cat([each[0] for each in results]), out.detach(), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(torch.cat([each[2] for each in results]), expected.grad, rtol=1e-3, atol=1e-3)
    for _, layer, _ in results:
        state = layer.state_dict()
        assert state.keys() == norm.state_dict().keys()
        for name, tensor in norm.state_dict().items():
            torch.testing.assert_close(state[name], tensor, rtol=1e-5, atol=1e-6)
    if affine:
        for name in ("weight", "bias"):
            gradients = [layer.get_parameter(name).grad for layer in (results[0][1], results[1][1], norm)]
            assert gradients[0] is not None
            assert gradients[1] is not None
            torch.testing.assert_close(gradients[0] + gradients[1], gradients[2], rtol=1e-3, atol=1e-3)


def test_in_use_it_is_the_plain_layer() -> None:
    norm = nn.BatchNorm2d(3).train()
    norm(torch.randn(4, 3, 5, 5))
    layer = SynchronizedBatchNorm(norm, nothing_to_sum).eval()
    images = torch.randn(2, 3, 5, 5)
    assert torch.equal(layer(images), norm.eval()(images))


def test_one_value_a_channel_is_refused_as_the_plain_layer_does() -> None:
    layer = SynchronizedBatchNorm(nn.BatchNorm2d(3), lambda values: values)
    with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
        layer(torch.zeros(1, 3, 1, 1))
