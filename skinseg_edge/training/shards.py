"""Which pictures a process reads, and in which order all of them come.

Pictures are dealt to N lanes: picture i belongs to lane i mod N. In each epoch every lane is shuffled for itself and
the lanes take turns, so place p of the epoch is lane p mod N's next picture, and every stretch of N places holds one
picture of each lane. A process owns whole lanes and reads no others. The order hangs on the number of lanes alone: any
number of processes up to N sees the same batches, each its own part of them. With one lane it is the plain shuffle.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch.utils.data import Sampler

from skinseg_edge.errors import InputError

__all__ = ["MicroBatches", "Share", "epoch_order"]

# Torch's generator on the CPU takes 32 bits of a seed; lanes lie far apart in them.
_BETWEEN_LANES = 2_654_435_761


@dataclass(frozen=True)
class Share:
    """The lanes of one process: of *lanes*, those that fall to number *rank* of *processes* when dealt in turn.

    Raises InputError if there are more processes than lanes.
    """

    lanes: int = 1
    rank: int = 0
    processes: int = 1

    def __post_init__(self) -> None:
        """Check that every process has something to do."""
        if self.processes > self.lanes:
            raise InputError(
                f"cannot train in {self.processes} processes: this run's pictures are dealt to {self.lanes} lanes, "
                f"expected as many or more; start {self.lanes} at most, or a new run with "
                f"--shards {self.processes}"
            )

    def owns(self, place: int) -> bool:
        """Tell whether picture number *place*, or place number *place* of an epoch, is this process's."""
        return place % self.lanes % self.processes == self.rank

    def of(self, count: int) -> list[int]:
        """Return which of *count* pictures are this process's."""
        return [i for i in range(count) if self.owns(i)]


def epoch_order(count: int, lanes: int, seed: int, epoch: int) -> list[int]:
    """Return the numbers 0 to *count* - 1 in the order of *epoch*; see the module's text."""
    order = [0] * count
    for lane in range(lanes):
        size = len(range(lane, count, lanes))
        generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch + lane * _BETWEEN_LANES)
        shuffled: list[int] = torch.randperm(size, generator=generator).tolist()
        order[lane::lanes] = [lane + lanes * i for i in shuffled]
    return order


class MicroBatches(Sampler[list[tuple[int, int]]]):
    """The whole batches of an epoch, each in *accumulate* parts, each part as this process's list of (epoch, i).

    *count*: of all pictures. *batch*: pictures of a batch over all processes. A part is a stretch of the epoch's order,
    so its pictures are the same for any number of processes. The last, smaller batch is left out.
    """

    def __init__(self, count: int, *, batch: int, accumulate: int, share: Share, seed: int) -> None:
        self.epoch = 0
        self._count = count
        self._batch = batch
        self._accumulate = accumulate
        self._share = share
        self._seed = seed

    def __len__(self) -> int:
        return self._count // self._batch * self._accumulate

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        order = epoch_order(self._count, self._share.lanes, self._seed, self.epoch)
        for number in range(len(self)):
            yield [(self.epoch, order[place]) for place in self._places(number) if self._share.owns(place)]

    def size(self, number: int) -> int:
        """Return how many pictures part *number* of the epoch has over all processes."""
        return len(self._places(number))

    def rows(self, number: int) -> list[int]:
        """Return which pictures of part *number* are this process's, as rows of the whole part."""
        places = self._places(number)
        return [row for row, place in enumerate(places) if self._share.owns(place)]

    def _places(self, number: int) -> range:
        batch, part = divmod(number, self._accumulate)
        first = batch * self._batch
        return range(
            first + part * self._batch // self._accumulate, first + (part + 1) * self._batch // self._accumulate
        )
