"""The training loop: one recipe, one network, one run folder; killed at any moment, it resumes at the last epoch."""

import copy
import hashlib
import itertools
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from skinseg_edge.confusion import ConfusionMatrix
from skinseg_edge.errors import InputError
from skinseg_edge.networks import create
from skinseg_edge.networks.checkpoint import save_checkpoint
from skinseg_edge.networks.foreign_weights import load_initial_weights
from skinseg_edge.progress import Progress, no_progress
from skinseg_edge.training.descent import Descent
from skinseg_edge.training.devices import on_device
from skinseg_edge.training.distillation import Teacher
from skinseg_edge.training.feed import TrainingBatches, normalise
from skinseg_edge.training.job import TrainingJob
from skinseg_edge.training.objective import Objective
from skinseg_edge.training.optimization import learning_rate
from skinseg_edge.training.processes import ALONE, Processes
from skinseg_edge.training.quantization_aware import freeze_reaches, input_reaches, plain_state, prepare_all
from skinseg_edge.training.run_folder import EpochRecord, RunFolder
from skinseg_edge.training.stage_pictures import StagePictures
from skinseg_edge.training.validation import PixelCount
from skinseg_edge.training.weight_average import WeightAverage

__all__ = ["Trainer", "TrainingJob"]

# The weights of the later epochs settle around input ranges that no longer move.
_RANGES_MOVE = 0.5
# Of a tensor's sum of magnitudes: how far two processes' sums may lie apart.
_ROUNDED_APART = 1e-5


class Trainer:
    """Trains a job in a run folder.

    *progress* is opened once an epoch with the number of batches and a description, and what it gives is called after
    each batch (a progress bar); *report* gets each finished epoch's record. `started_from` tells in words which weights
    a run began with; it is empty for fresh ones. `quantized` are the layers that compute in 8 bits, if any.

    *processes*: with whom the job is shared. All of them hold the same weights and the same records; the first alone
    touches the folder, and should alone be given *progress* and *report*.
    """

    def __init__(
        self,
        job: TrainingJob,
        folder: RunFolder,
        *,
        progress: Progress = no_progress,
        report: Callable[[EpochRecord], None] = lambda _: None,
        processes: Processes = ALONE,
    ) -> None:
        self.job = job
        self.folder = folder
        self._progress = progress
        self._report = report
        self._processes = processes
        self._device = torch.device(job.device)
        torch.manual_seed(job.seed)
        self._maps = len(job.class_names)
        self.started_from = ""
        self.quantized: tuple[str, ...] = ()
        # A machine may lack a file that another has; what fails here in one process is told by the first.
        network, teacher = processes.together(self._made)
        self._described = processes.together(lambda: _described(job, teacher, self.quantized))
        processes.first(lambda: folder.open(self._described))
        _check_alike(self._described, processes)
        self._pictures = processes.together(lambda: StagePictures(job, self._device, processes))
        self._network = processes.together(lambda: on_device(network, self._device))
        self._objective = Objective(job.recipe, teacher)
        self._descent = Descent(self._network, self._objective, job, self._device, processes)
        self._average = WeightAverage(self._network, job.recipe.average_decay)
        self._steps_an_epoch = max(1, len(job.train) // job.recipe.batch)
        self._records: list[EpochRecord] = []
        self._resume()

    @property
    def records(self) -> tuple[EpochRecord, ...]:
        """The log so far."""
        return tuple(self._records)

    def fit(self) -> EpochRecord:
        """Train the remaining epochs and return the best epoch's record."""
        for epoch in range(len(self._records), self.job.recipe.epochs):
            self._pictures.load(self.job.recipe.stage_of(epoch).side)
            record = self._epoch(epoch)
            self._records.append(record)
            self._check_in_step()
            self._processes.first(lambda: self._keep(self._records[-1]))
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

    def _made(self) -> tuple[nn.Module, Teacher | None]:
        """Return the network with the weights that it starts from, and its teacher."""
        job = self.job
        network = create(job.network, self._maps, **job.options)
        if job.initial_weights is not None:
            self.started_from = load_initial_weights(network, job.network, job.initial_weights)
        if job.quantization_aware:
            self.quantized = prepare_all(network, job.contract().input_hw)
        return network, None if job.teacher is None else Teacher(job.teacher, job.class_names, self._device)

    def _epoch(self, epoch: int) -> EpochRecord:
        start = time.monotonic()
        recipe, stage = self.job.recipe, self.job.recipe.stage_of(epoch)
        batches = self._pictures.batches(stage)
        # Whatever a network draws (dropout) hangs on the epoch alone, so a resumed run draws the same.
        self._descent.reseed(self.job.seed * 1_000_003 + epoch)
        self._network.train()
        freeze_reaches(self._network, epoch >= _RANGES_MOVE * recipe.epochs)
        losses: list[Tensor] = []
        rate = 0.0
        described = f"epoch {epoch + 1}/{recipe.epochs} at {stage.side} px"
        steps = len(batches) // self.job.accumulate
        with self._progress(steps, described) as advance:
            parts = _parts(batches, epoch)
            for step in range(steps):
                rate = learning_rate(recipe, epoch, step, self._steps_an_epoch)
                losses.append(self._descent.step(itertools.islice(parts, self.job.accumulate), rate))
                self._average.update(self._network)
                advance()
        # Asked for once an epoch: a GPU would wait at every step.
        loss = float(self._processes.sum(torch.stack(losses)).mean())
        self._processes.together(lambda: _refuse_diverged(loss, epoch))
        matrix = self._validate()
        lesion = matrix.some_vs_rest(self.job.contract().lesion_labels)
        seconds = time.monotonic() - start
        return EpochRecord(
            epoch + 1, stage.side, rate, loss, lesion.dice, lesion.iou, seconds, mean_iou=matrix.macro_iou
        )

    @torch.inference_mode()
    def _validate(self) -> ConfusionMatrix:
        """Count pixels of all validation pictures, of all processes, with the averaged weights."""
        network = copy.deepcopy(self._network).eval()
        network.load_state_dict(self._average.weights)
        count = PixelCount(self._maps, self._device)
        for photos, masks in self._pictures.validation():
            count.add(network(self._images(photos)), masks)
        return count.matrix(self._processes.sum)

    def _images(self, photos: Tensor) -> Tensor:
        return normalise(photos.to(self._device), self.job.recipe.mean, self.job.recipe.std)

    def _check_in_step(self) -> None:
        """Raise InputError in every process if the weights of one have gone another way than the first's."""
        if self._processes.count == 1:
            return
        state = self._network.state_dict()
        sums, sizes = (torch.stack(each).cpu() for each in zip(*map(_sum_and_size, state.values()), strict=True))
        known = self._processes.first(lambda: sums)
        # Two kinds of GPU may round one step, or this sum, apart; what is not summed over processes is further away.
        same = ((known - sums).abs() <= _ROUNDED_APART * sizes) | known.isnan()
        apart = [name for name, is_same in zip(state, same.tolist(), strict=True) if not is_same]
        self._processes.together(lambda: _refuse_apart(apart, self._processes))

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
                "optimizer": self._descent.optimizer.state_dict(),
                "scaler": self._descent.scaler.state_dict(),
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
        data = self._processes.bytes_of_first(self.folder.state_bytes)
        if data is not None:
            self._processes.together(lambda: self._take_over(data))

    def _take_over(self, data: bytes) -> None:
        state = self.folder.state_from(data)
        try:
            self._network.load_state_dict(state["network"])
            self._average.weights = {name: tensor.to(self._device) for name, tensor in state["average"].items()}
            self._average.steps = state["average_steps"]
            self._descent.optimizer.load_state_dict(state["optimizer"])
            self._descent.scaler.load_state_dict(state["scaler"])
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


def _parts(batches: TrainingBatches, epoch: int) -> Iterator[tuple[list[int], int, Tensor, Tensor]]:
    """Yield the parts of the batches of *epoch* as `Descent.step` takes them."""
    for number, (photos, masks) in enumerate(batches.epoch(epoch)):
        yield batches.order.rows(number), batches.order.size(number), photos, masks


def _refuse_diverged(loss: float, epoch: int) -> None:
    if not math.isfinite(loss):
        raise InputError(f"training diverged in epoch {epoch + 1}: the loss is {loss}; lower the learning rate")


def _sum_and_size(tensor: Tensor) -> tuple[Tensor, Tensor]:
    values = tensor.double()
    return values.sum(), values.abs().sum()


def _check_alike(described: dict[str, Any], processes: Processes) -> None:
    known = processes.first(lambda: described)
    other = sorted(name for name in known.keys() | described.keys() if known.get(name) != described.get(name))

    def refuse() -> None:
        if other:
            raise InputError(
                f"cannot train in {processes.count} processes: process {processes.rank} was started with another "
                f"{', '.join(other)} than process 0; give all the same command and the same pictures"
            )

    processes.together(refuse)


def _refuse_apart(names: list[str], processes: Processes) -> None:
    if names:
        raise InputError(
            f"cannot go on in {processes.count} processes: {names[0]} of process {processes.rank} differs from that of "
            "process 0, so the network keeps something of its own batches that is not summed over processes; "
            "start one process"
        )
