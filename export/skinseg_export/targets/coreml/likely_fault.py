"""What a wrong answer looks like: the usual mistakes of a conversion, made on purpose with the trained network.

If the package answers as the network does with one of them, that one is named.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import permutations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from skinseg_edge.contract import ModelContract
from skinseg_export.deployed_graph import PixelGraph

__all__ = ["likely_fault"]

_SHARE = 0.05  # of the error that must be left for a mistake to explain it
_MOST_ORDERS = 3  # classes whose every order is tried; with more, only the reverse

Probability = NDArray[np.float64]


def likely_fault(
    answer: NDArray[np.float32], picture: NDArray[np.uint8], network: nn.Module, contract: ModelContract
) -> str | None:
    """Say with which mistake *network* gives *answer*, in words that follow "it answers as if"; None for none of them.

    *answer*: (K, H, W) float32 of the package for *picture*, (H, W, 3) uint8 RGB at network size.
    """
    pixels = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32))  # 1 x 3 x H x W
    expected = _probability(network, contract, pixels)
    error = _distance(answer, expected)
    tried = [(words, _distance(answer, made())) for words, made in _mistakes(network, contract, pixels, expected)]
    words, left = min(tried, key=lambda pair: pair[1])
    return words if left <= _SHARE * error else None


def _mistakes(
    network: nn.Module, contract: ModelContract, pixels: Tensor, expected: Probability
) -> Iterator[tuple[str, Callable[[], Probability]]]:
    def asked(pixels: Tensor, **changed: tuple[float, float, float]) -> Callable[[], Probability]:
        return lambda: _probability(network, replace(contract, **changed), pixels)  # type: ignore[arg-type]  # of mean, std

    none, one = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    yield "its colours came in the order BGR", asked(pixels.flip(1))
    yield "nothing were divided by the standard deviation", asked(pixels, std=one)
    yield "the mean were not subtracted", asked(pixels, mean=none)
    yield "nothing were normalised", asked(pixels, mean=none, std=one)
    yield "pixels were divided by 255 twice", asked(pixels / 255)
    yield "pixels were never divided by 255", asked(pixels * 255)
    yield "the picture were upside down", asked(pixels.flip(2))
    yield "the picture were mirrored", asked(pixels.flip(3))
    yield "its answer were upside down", lambda: expected[:, ::-1]
    yield "its answer were mirrored", lambda: expected[:, :, ::-1]
    yield "its answer were multiplied by 255", lambda: expected * 255
    yield "its answer were logits, not probabilities", lambda: _logits(expected, is_binary=contract.is_binary)
    if contract.is_binary:
        yield "its answer were the probability of background (1 - p)", lambda: 1 - expected
    for order in _orders(len(contract.classes)):
        named = ", ".join(contract.classes[number] for number in order)
        yield f"its classes stood in the order {named}", lambda order=order: expected[list(order)]  # type: ignore[misc]  # bound now


def _orders(classes: int) -> list[tuple[int, ...]]:
    right = tuple(range(classes))
    orders = permutations(right) if classes <= _MOST_ORDERS else [right[::-1]]
    return [order for order in orders if order != right]


def _probability(network: nn.Module, contract: ModelContract, pixels: Tensor) -> Probability:
    with torch.inference_mode():
        return np.asarray(PixelGraph(network, contract).eval()(pixels)[0].numpy(), np.float64)


def _logits(probability: Probability, *, is_binary: bool) -> Probability:
    inner = np.clip(probability, 1e-12, 1 - 1e-12)
    return np.log(inner / (1 - inner)) if is_binary else np.log(inner)


def _distance(answer: NDArray[np.float32], other: Probability) -> float:
    if answer.shape != other.shape:
        return float("inf")
    with np.errstate(invalid="ignore"):
        distance = float(np.abs(answer - other).mean())
    return distance if np.isfinite(distance) else float("inf")
