"""Layers that look beyond one picture, made to see the batch of all processes: normalisation, chance, 8-bit ranges.

A layer that draws what it drops draws for the whole batch, from one seed in every process, and each process takes the
rows of its own pictures; so a picture loses the same features however many processes share the batch.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from skinseg_edge.errors import InputError
from skinseg_edge.networks.blocks import DropPath
from skinseg_edge.training.processes import Processes
from skinseg_edge.training.quantization_aware import FakeQuantizedConv2d
from skinseg_edge.training.synchronized_norm import SynchronizedBatchNorm

__all__ = ["BatchRows", "see_whole_batches"]

_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


class BatchRows:
    """Which rows of the whole batch the next forward pass sees, and what is drawn for all of them."""

    def __init__(self) -> None:
        self._rows: list[int] = []
        self._size = 0
        self._seed = 0
        self._generators: dict[torch.device, torch.Generator] = {}

    def __deepcopy__(self, memory: dict[int, Any]) -> "BatchRows":
        return self  # a copy of the network is for use, and draws nothing

    def reseed(self, seed: int) -> None:
        """Let all that is drawn from now on hang on *seed* alone."""
        self._seed = seed
        self._generators = {}

    def see(self, rows: list[int], size: int) -> None:
        """Say that the next pictures are *rows* of a batch of *size*."""
        self._rows, self._size = rows, size

    def kept(self, like: Tensor, shape: tuple[int, ...], rate: float) -> Tensor:
        """Return what is kept of *like* (N x ...), bool, N x *shape*: each value is dropped with probability *rate*."""
        if like.device not in self._generators:
            self._generators[like.device] = torch.Generator(like.device).manual_seed(self._seed)
        drawn = torch.rand((self._size, *shape), device=like.device, generator=self._generators[like.device])
        return drawn[self._rows] >= rate


class _Dropping(nn.Module):
    """Drop values (*axes* 0), channels (1) or whole pictures (2) of the rows that are this process's."""

    def __init__(self, rate: float, whole: int, rows: BatchRows) -> None:
        super().__init__()
        self.rate = rate
        self._whole = whole
        self._rows = rows

    def forward(self, features: Tensor) -> Tensor:
        """Return *features* (N x C x ...), what is kept scaled up so that the mean stays."""
        if not self.training or self.rate == 0:
            return features
        inner = features.shape[1:]
        shape = tuple(inner[: (len(inner), 1, 0)[self._whole]])
        kept = self._rows.kept(features, shape, self.rate)
        kept = kept.view(*kept.shape, *[1] * (features.ndim - kept.ndim))
        return features * (kept / (1 - self.rate)).to(features.dtype)


def see_whole_batches(network: nn.Module, processes: Processes, device: torch.device, rows: BatchRows) -> None:
    """Replace the layers of *network* whose training hangs on the whole batch, in place; names and weights stay.

    Raises InputError if a layer keeps statistics of its batches in a way that is not known here.
    """
    for module in network.modules():
        if isinstance(module, FakeQuantizedConv2d):
            module.largest_over_processes = processes.largest
    _replace(network, lambda path, module: _dropping(module, rows))
    if processes.count == 1:
        return
    _check_norms(network, processes)
    if device.type == "cuda":
        nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]  # torch has no annotations
    else:
        _replace(network, lambda path, module: _synchronized(module, processes))


def _replace(network: nn.Module, made: Callable[[str, nn.Module], nn.Module | None]) -> None:
    places = dict(network.named_modules(remove_duplicate=False))
    new: dict[nn.Module, nn.Module | None] = {}
    for path, module in places.items():
        if module not in new:
            new[module] = made(path, module)
        replacement = new[module]
        if replacement is not None and path:
            network.set_submodule(path, replacement)


def _dropping(module: nn.Module, rows: BatchRows) -> nn.Module | None:
    if isinstance(module, DropPath):
        made = _Dropping(module.rate, 2, rows)
    elif type(module) in (nn.Dropout, nn.Dropout2d):
        assert isinstance(module, nn.Dropout | nn.Dropout2d)
        made = _Dropping(module.p, 0 if type(module) is nn.Dropout else 1, rows)
    else:
        return None
    return made.train(module.training)


def _check_norms(network: nn.Module, processes: Processes) -> None:
    for path, module in network.named_modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and type(module) not in _NORMS:
            raise InputError(
                f"cannot train in {processes.count} processes: the layer {path} is a {type(module).__name__}, whose "
                "batch statistics are not known to be summed over processes; use nn.BatchNorm2d, or start one process"
            )


def _synchronized(module: nn.Module, processes: Processes) -> nn.Module | None:
    return SynchronizedBatchNorm(module, processes.sum) if isinstance(module, _NORMS) else None
