"""The training loop: one recipe, one network, one run folder; killed at any moment, it resumes at the last epoch."""

import copy
import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from skinseg_edge.confusion import ConfusionMatrix
from skinseg_edge.datasets.label_maps import mirror_partners
from skinseg_edge.errors import InputError
from skinseg_edge.networks import create
from skinseg_edge.networks.checkpoint import save_checkpoint
from skinseg_edge.networks.foreign_weights import load_initial_weights
from skinseg_edge.progress import Progress, no_progress
from skinseg_edge.training.devices import on_device
from skinseg_edge.training.distillation import Teacher
from skinseg_edge.training.feed import LoadedPair, TrainingBatches, load_pairs, normalise, validation_batches
from skinseg_edge.training.job import TrainingJob
from skinseg_edge.training.objective import Objective
from skinseg_edge.training.optimization import learning_rate, optimizer_of
from skinseg_edge.training.quantization_aware import freeze_reaches, input_reaches, plain_state, prepare_all
from skinseg_edge.training.recipes import Stage
from skinseg_edge.training.run_folder import EpochRecord, RunFolder
from skinseg_edge.training.validation import PixelCount
from skinseg_edge.training.weight_average import WeightAverage

__all__ = ["Trainer", "TrainingJob"]

# Training pictures are kept a quarter larger than the stage, so that turning and zooming still find real pixels.
_MARGIN = 1.25
# The weights of the later epochs settle around input ranges that no longer move.
_RANGES_MOVE = 0.5


class Trainer:
    """Trains a job in a run folder.

    *progress* is opened once an epoch with the number of batches and a description, and what it gives is called after
    each batch (a progress bar); *report* gets each finished epoch's record. `started_from` tells in words which weights
    a run began with; it is empty for fresh ones. `quantized` are the layers that compute in 8 bits, if any.
    """

    def __init__(
        self,
        job: TrainingJob,
        folder: RunFolder,
        *,
        progress: Progress = no_progress,
        report: Callable[[EpochRecord], None] = lambda _: None,
    ) -> None:
        self.job = job
        self.folder = folder
        self._progress = progress
        self._report = report
        self._device = torch.device(job.device)
        torch.manual_seed(job.seed)
        self._maps = len(job.class_names)
        network = create(job.network, self._maps, **job.options)
        self.started_from = ""
        if job.initial_weights is not None:
            self.started_from = load_initial_weights(network, job.network, job.initial_weights)
        self.quantized = prepare_all(network, job.contract().input_hw) if job.quantization_aware else ()
        teacher = None if job.teacher is None else Teacher(job.teacher, job.class_names, self._device)
        self._described = _described(job, teacher, self.quantized)
        folder.open(self._described)
        self._network = on_device(network, self._device)
        self._average = WeightAverage(self._network, job.recipe.average_decay)
        self._optimizer = optimizer_of(self._network, job.recipe)
        self._objective = Objective(job.recipe, teacher)
        self._scaler = torch.amp.GradScaler(self._device.type, enabled=job.half and self._device.type == "cuda")
        self._steps_an_epoch = max(1, len(job.train) // job.recipe.batch)
        self._records: list[EpochRecord] = []
        self._loaded_side = 0
        self._batches: TrainingBatches | None = None
        self._batched: Stage | None = None
        self._train: list[LoadedPair] = []
        self._validation: list[LoadedPair] = []
        self._resume()

    @property
    def records(self) -> tuple[EpochRecord, ...]:
        """The log so far."""
        return tuple(self._records)

    def fit(self) -> EpochRecord:
        """Train the remaining epochs and return the best epoch's record."""
        for epoch in range(len(self._records), self.job.recipe.epochs):
            self._load_stage(epoch)
            record = self._epoch(epoch)
            self._records.append(record)
            self._keep(record)
            self._report(record)
        return self.best_record()

    def best_record(self) -> EpochRecord:
        """Return the best record among those at the final size.

        Best is the highest validation Dice of the lesion, or mean IoU where there are more than two classes.
        """
        final = [record for record in self._records if record.side == self.job.recipe.side]
        if not final:
            raise InputError("no epoch at the final size has been trained yet")
        return max(final, key=lambda record: record.mean_iou if self._maps > 2 else record.dice)

    def _epoch(self, epoch: int) -> EpochRecord:
        start = time.monotonic()
        recipe, stage = self.job.recipe, self.job.recipe.stage_of(epoch)
        batches = self._batches_of(stage)
        # Whatever a network draws (dropout) hangs on the epoch alone, so a resumed run draws the same.
        torch.manual_seed(self.job.seed * 1_000_003 + epoch)
        self._objective.reseed(self.job.seed * 1_000_003 + epoch)
        self._network.train()
        freeze_reaches(self._network, epoch >= _RANGES_MOVE * recipe.epochs)
        losses: list[Tensor] = []
        rate = 0.0
        described = f"epoch {epoch + 1}/{recipe.epochs} at {stage.side} px"
        with self._progress(len(batches), described) as advance:
            for step, (photos, masks) in enumerate(batches.epoch(epoch)):
                rate = learning_rate(recipe, epoch, step, self._steps_an_epoch)
                losses.append(self._step(photos, masks, rate))
                advance()
        loss = float(torch.stack(losses).mean())  # asked for once an epoch: a GPU would wait at every step
        if not math.isfinite(loss):
            raise InputError(f"training diverged in epoch {epoch + 1}: the loss is {loss}; lower the learning rate")
        matrix = self._validate()
        lesion = matrix.some_vs_rest(self.job.contract().lesion_labels)
        seconds = time.monotonic() - start
        return EpochRecord(
            epoch + 1, stage.side, rate, loss, lesion.dice, lesion.iou, seconds, mean_iou=matrix.macro_iou
        )

    def _step(self, photos: Tensor, masks: Tensor, rate: float) -> Tensor:
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        photos, masks = (part.to(self._device, non_blocking=True) for part in (photos, masks))
        loss = self._objective(self._network, photos, masks, half=self.job.half)
        self._optimizer.zero_grad(set_to_none=True)
        self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]  # Tensor.backward has no annotations
        if self.job.recipe.clip_norm > 0:
            self._scaler.unscale_(self._optimizer)
            nn.utils.clip_grad_norm_(self._network.parameters(), self.job.recipe.clip_norm)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        self._average.update(self._network)
        return loss.detach()

    @torch.inference_mode()
    def _validate(self) -> ConfusionMatrix:
        """Count pixels of all validation pictures with the averaged weights."""
        network = copy.deepcopy(self._network).eval()
        network.load_state_dict(self._average.weights)
        count = PixelCount(self._maps, self._device)
        for photos, masks in validation_batches(self._validation, self.job.recipe.batch):
            count.add(network(self._images(photos)), masks)
        return count.matrix()

    def _images(self, photos: Tensor) -> Tensor:
        return normalise(photos.to(self._device), self.job.recipe.mean, self.job.recipe.std)

    def _load_stage(self, epoch: int) -> None:
        side = self.job.recipe.stage_of(epoch).side
        if side == self._loaded_side:
            return
        self._batches = None  # and with them go the workers and the pictures of the stage before
        self._train = load_pairs(self.job.train, self.job.contract(round(side * _MARGIN)))
        self._validation = load_pairs(self.job.validation, self.job.contract(side))
        self._loaded_side = side

    def _batches_of(self, stage: Stage) -> TrainingBatches:
        if self._batches is None or self._batched != stage:
            self._batches = TrainingBatches(
                self._train,
                side=stage.side,
                batch=self.job.recipe.batch,
                policy=stage.augmentation,
                seed=self.job.seed,
                workers=self.job.workers,
                soft=self._maps == 1,
                mirrored=() if self._maps == 1 else mirror_partners(self.job.class_names),
                pinned=self._device.type == "cuda",
            )
            self._batched = stage
        return self._batches

    def _keep(self, record: EpochRecord) -> None:
        """Write the epoch: first the weights if they are the best, then the state that says so."""
        if record.side == self.job.recipe.side and self.best_record() is record:
            save_checkpoint(
                self.folder.best,
                plain_state(self._average.weights),
                network_name=self.job.network,
                contract=self.job.contract(),
                options=self.job.options,
                training=self._training(record),
                overwrite=True,
            )
        self.folder.save_state(
            {
                "network": self._network.state_dict(),
                "average": self._average.weights,
                "average_steps": self._average.steps,
                "optimizer": self._optimizer.state_dict(),
                "scaler": self._scaler.state_dict(),
                "records": [asdict(each) for each in self._records],
            }
        )
        self.folder.write_log(self._records)

    def _training(self, best: EpochRecord) -> dict[str, Any]:
        """Return what the checkpoint tells of its training."""
        training = {**self._described, "data": self.job.data, "best": asdict(best)}
        if self.job.data_folder:
            training["data_folder"] = self.job.data_folder
        if self.quantized:
            reaches = input_reaches(self._network, self._average.weights)
            training["quantization"] = {"method": "qat", "input_reaches": reaches}
        return training

    def _resume(self) -> None:
        state = self.folder.load_state()
        if state is None:
            return
        try:
            self._network.load_state_dict(state["network"])
            self._average.weights = {name: tensor.to(self._device) for name, tensor in state["average"].items()}
            self._average.steps = state["average_steps"]
            self._optimizer.load_state_dict(state["optimizer"])
            self._scaler.load_state_dict(state["scaler"])
            self._records = [EpochRecord(**record) for record in state["records"]]
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            raise self.folder.damaged(error) from error


def _described(job: TrainingJob, teacher: Teacher | None, quantized: tuple[str, ...]) -> dict[str, Any]:
    described = job.describe()
    if job.initial_weights is not None:
        sha256 = hashlib.sha256(job.initial_weights.read_bytes()).hexdigest()
        described["initial_weights"] = {"file": job.initial_weights.name, "sha256": sha256}
    if teacher is not None:
        described["teacher"] = teacher.describe()
    if quantized:
        described["quantization"] = {"method": "qat", "layers": list(quantized)}
    return described
