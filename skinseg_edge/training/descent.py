"""How weights go down the gradient of a whole batch, however many parts and processes it is cut into.

The loss of a batch is the mean over its pictures, and every loss of this project is a mean over pictures of one size.
So each part's loss counts by its pictures, the gradients of parts are summed, and those of processes too
(DistributedDataParallel, which sums while the backward pass still runs).
"""

import warnings
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from skinseg_edge.training.job import TrainingJob
from skinseg_edge.training.objective import Objective
from skinseg_edge.training.optimization import optimizer_of
from skinseg_edge.training.processes import Processes, telling_the_lost
from skinseg_edge.training.whole_batch import BatchRows, see_whole_batches

__all__ = ["Descent"]


class Descent:
    """Optimizer, gradient scaler and gradients of a network.

    *network*: on *device*; changed in place where it has to see whole batches. *objective*: what to make small.
    """

    def __init__(
        self, network: nn.Module, objective: Objective, job: TrainingJob, device: torch.device, processes: Processes
    ) -> None:
        self._network = network
        self._objective = objective
        self._job = job
        self._device = device
        self._processes = processes
        self._rows = BatchRows()
        if job.lanes > 1:
            processes.together(lambda: see_whole_batches(network, processes, device, self._rows))
        loss = _LossOf(network, objective, job.half)
        self._loss = _summed_over_processes(loss, device) if processes.count > 1 else loss
        self.optimizer = optimizer_of(network, job.recipe)
        self.scaler = torch.amp.GradScaler(device.type, enabled=job.half and device.type == "cuda")

    def reseed(self, seed: int) -> None:
        """Let all that networks and losses draw (dropout, channels) hang on *seed* alone."""
        # What a network draws by itself would be the same in every process, for different pictures.
        torch.manual_seed(seed + self._processes.rank * 1_000_000_007)
        self._objective.reseed(seed)
        self._rows.reseed(seed)

    def step(self, parts: Iterable[tuple[list[int], int, Tensor, Tensor]], rate: float) -> Tensor:
        """Move the weights once and return this process's part of the batch's loss, a scalar on the device.

        *parts*: of a whole batch, each as (which of its pictures are this process's, how many it has over all
        processes, photos N x H x W x 3 uint8 RGB, masks N x H x W uint8). *rate*: the learning rate.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        total = torch.zeros((), device=self._device)
        for number, (rows, size, photos, masks) in enumerate(parts):
            self._rows.see(rows, size)
            weight = len(photos) / self._job.batch
            with telling_the_lost(), self._unsummed(number):
                photos, masks = (part.to(self._device, non_blocking=True) for part in (photos, masks))
                loss = self._loss(photos, masks, number > 0)
                # What DistributedDataParallel gives is the mean over processes, here the sum is wanted.
                scaled = self.scaler.scale(loss * (weight * self._processes.count))
                scaled.backward()
            total = total + loss.detach() * weight
        self._move()
        return total

    def _move(self) -> None:
        if self._job.recipe.clip_norm > 0:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self._network.parameters(), self._job.recipe.clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()

    def _unsummed(self, number: int) -> AbstractContextManager[None]:
        """Keep the gradients of all parts but the last to this process."""
        last = number == self._job.accumulate - 1
        return nullcontext() if last or not isinstance(self._loss, DistributedDataParallel) else self._loss.no_sync()


class _LossOf(nn.Module):
    """Network and objective as the one module that DistributedDataParallel wants: pictures in, loss out."""

    def __init__(self, network: nn.Module, objective: Objective, half: bool) -> None:
        super().__init__()
        self.network = network
        self._objective = objective
        self._half = half
        # Where there is no unused weight, torch tells, past Python's warnings, that it need not have looked for any.
        self.unused = nn.Parameter(torch.zeros(()))

    def forward(self, photos: Tensor, masks: Tensor, again: bool) -> Tensor:
        return self._objective(self.network, photos, masks, half=self._half, again=again)


def _summed_over_processes(loss: nn.Module, device: torch.device) -> DistributedDataParallel:
    # Torch tells of layouts that differ from its own: a copy more, the numbers are right.
    warnings.filterwarnings("ignore", message="Grad strides do not match bucket view strides", category=UserWarning)
    with warnings.catch_warnings():
        # Torch 2.13 has another name for it. To be renamed when that is the oldest torch that pyproject.toml allows.
        warnings.filterwarnings("ignore", message="`broadcast_buffers` is deprecated", category=FutureWarning)
        return DistributedDataParallel(
            loss,
            device_ids=[device.index] if device.type == "cuda" else None,
            broadcast_buffers=False,  # statistics are those of the whole batch in every process
            find_unused_parameters=True,  # SCSONet has some
        )
