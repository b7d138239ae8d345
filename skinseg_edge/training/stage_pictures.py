"""The pictures of a run's stages: read when a stage begins, each process its own."""

from collections.abc import Iterator

import torch
from torch import Tensor

from skinseg_edge.datasets.label_maps import mirror_partners
from skinseg_edge.training.feed import LoadedPair, TrainingBatches, load_pairs, validation_batches
from skinseg_edge.training.job import TrainingJob
from skinseg_edge.training.processes import Processes
from skinseg_edge.training.recipes import Stage
from skinseg_edge.training.shards import Share

__all__ = ["StagePictures"]

# Training pictures are kept a quarter larger than the stage, so that turning and zooming still find real pixels.
_MARGIN = 1.25


class StagePictures:
    """Training and validation pictures of *job* as one of *processes* sees them; `device` says where they will go."""

    def __init__(self, job: TrainingJob, device: torch.device, processes: Processes) -> None:
        self._job = job
        self._device = device
        self._processes = processes
        self._share = Share(job.lanes, processes.rank, processes.count)
        self._loaded_side = 0
        self._batches: TrainingBatches | None = None
        self._batched: Stage | None = None
        self._train: dict[int, LoadedPair] = {}
        self._validation: list[LoadedPair] = []

    def load(self, side: int) -> None:
        """Read the pictures for a stage of *side* px, unless they are there.

        Raises DatasetUnusable if a mask's size differs from its photo's, and what decoding raises, in every process.
        """
        if side == self._loaded_side:
            return
        self._batches = None  # and with them go the workers and the pictures of the stage before
        self._processes.together(lambda: self._read(side))
        self._loaded_side = side

    def batches(self, stage: Stage) -> TrainingBatches:
        """Return the training batches of *stage*, this process's pictures of them."""
        if self._batches is None or self._batched != stage:
            job = self._job
            several = len(job.class_names) > 1
            self._batches = TrainingBatches(
                self._train,
                side=stage.side,
                batch=job.batch,
                policy=stage.augmentation,
                seed=job.seed,
                workers=job.workers,
                soft=not several,
                mirrored=mirror_partners(job.class_names) if several else (),
                pinned=self._device.type == "cuda",
                accumulate=job.accumulate,
                share=self._share,
                count=len(job.train),
            )
            self._batched = stage
        return self._batches

    def validation(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield this process's validation pictures in batches."""
        return validation_batches(self._validation, self._job.recipe.batch)

    def _read(self, side: int) -> None:
        job, mine = self._job, self._share.of(len(self._job.train))
        loaded = load_pairs([job.train[i] for i in mine], job.contract(round(side * _MARGIN)))
        self._train = dict(zip(mine, loaded, strict=True))
        chosen = [job.validation[i] for i in self._share.of(len(job.validation))]
        self._validation = load_pairs(chosen, job.contract(side))
