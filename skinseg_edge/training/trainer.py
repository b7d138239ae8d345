"""The training loop: one recipe, one network, one run folder; killed at any moment, it resumes at the last epoch."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from skinseg_edge.contract import ModelContract
from skinseg_edge.datasets.readers import PicturePair
from skinseg_edge.errors import DatasetUnusable, InputError, ToolMissing
from skinseg_edge.metrics import BinaryCounts
from skinseg_edge.networks import create
from skinseg_edge.networks.checkpoint import save_checkpoint
from skinseg_edge.training.feed import LoadedPair, load_pairs, normalise, training_batches, validation_batches
from skinseg_edge.training.losses import LOSSES
from skinseg_edge.training.recipes import Recipe
from skinseg_edge.training.run_folder import EpochRecord, RunFolder
from skinseg_edge.training.weight_average import WeightAverage

__all__ = ["Trainer", "TrainingJob", "pick_device"]

Progress: TypeAlias = Callable[[int, str], AbstractContextManager[Callable[[], None]]]

# Training pictures are kept a quarter larger than the stage, so that turning and zooming still find real pixels.
_MARGIN = 1.25


@dataclass(frozen=True, kw_only=True)
class TrainingJob:
    """What to train, on what, how.

    *train*, *validation*: pairs to learn from and to choose the best epoch on. *data*: where they come from, in words,
    for whoever asks the checkpoint. *device*: a torch device name.
    *half*: run the network in bfloat16 or float16 (GPU) autocast. *workers*: processes that augment; 0 = in line.
    """

    network: str
    recipe: Recipe
    train: Sequence[PicturePair]
    validation: Sequence[PicturePair]
    options: Mapping[str, Any] = field(default_factory=dict)
    data: str = "not recorded"
    seed: int = 0
    device: str = "cpu"
    half: bool = False
    workers: int = 1

    def __post_init__(self) -> None:
        """Check that there is something to learn from and to choose by."""
        for kind, pairs, option in (
            ("training", self.train, "--train-list"),
            ("validation", self.validation, "--validation-list"),
        ):
            if not pairs:
                raise DatasetUnusable(
                    f"cannot train {self.network}: there is no {kind} picture; name some with {option}, or add pictures"
                )
        if len(self.train) < 2:
            raise DatasetUnusable(f"cannot train {self.network} on one picture: batch statistics need two or more")
        both = {pair.name for pair in self.train} & {pair.name for pair in self.validation}
        if both:
            raise DatasetUnusable(
                f"cannot train {self.network}: {len(both)} pictures are in both lists (first: {min(both)}); "
                "a score on pictures that were learnt says nothing"
            )

    def contract(self, side: int | None = None) -> ModelContract:
        """Return the contract of the network that comes out, or of a stage of *side* px."""
        side = side or self.recipe.side
        return ModelContract(input_hw=(side, side), mean=self.recipe.mean, std=self.recipe.std)

    def describe(self) -> dict[str, Any]:
        """Return what makes two runs the same, as JSON values."""
        return {
            "network": self.network,
            "options": dict(self.options),
            "recipe": _plain(asdict(self.recipe)),
            "seed": self.seed,
            "half": self.half,
            "train_pictures": len(self.train),
            "validation_pictures": len(self.validation),
        }


class Trainer:
    """Trains a job in a run folder.

    *progress* is opened once an epoch with the number of batches and a description, and what it gives is called after
    each batch (a progress bar); *report* gets each finished epoch's record.
    """

    def __init__(
        self,
        job: TrainingJob,
        folder: RunFolder,
        *,
        progress: Progress = lambda _total, _description: nullcontext(lambda: None),
        report: Callable[[EpochRecord], None] = lambda _: None,
    ) -> None:
        self.job = job
        self.folder = folder
        self._progress = progress
        self._report = report
        self._device = torch.device(job.device)
        torch.manual_seed(job.seed)
        network = create(job.network, **job.options)
        folder.open(job.describe())
        self._network = _on(self._device, network)
        self._average = WeightAverage(self._network, job.recipe.average_decay)
        self._optimizer = _optimizer(self._network, job.recipe)
        self._scaler = torch.amp.GradScaler(self._device.type, enabled=job.half and self._device.type == "cuda")
        self._steps_an_epoch = max(1, len(job.train) // job.recipe.batch)
        self._records: list[EpochRecord] = []
        self._loaded_side = 0
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
        """Return the record with the highest validation Dice among those at the final size."""
        final = [record for record in self._records if record.side == self.job.recipe.side]
        if not final:
            raise InputError("no epoch at the final size has been trained yet")
        return max(final, key=lambda record: record.dice)

    def _epoch(self, epoch: int) -> EpochRecord:
        start = time.monotonic()
        recipe, stage = self.job.recipe, self.job.recipe.stage_of(epoch)
        batches = training_batches(
            self._train,
            side=stage.side,
            batch=recipe.batch,
            policy=stage.augmentation,
            seed=self.job.seed,
            epoch=epoch,
            workers=self.job.workers,
        )
        # Whatever a network draws (dropout) hangs on the epoch alone, so a resumed run draws the same.
        torch.manual_seed(self.job.seed * 1_000_003 + epoch)
        self._network.train()
        losses = []
        rate = 0.0
        described = f"epoch {epoch + 1}/{recipe.epochs} at {stage.side} px"
        with self._progress(len(batches), described) as advance:
            for step, (photos, masks) in enumerate(batches):
                rate = _learning_rate(recipe, epoch, step, self._steps_an_epoch)
                losses.append(self._step(photos, masks, rate))
                advance()
        loss = sum(losses) / len(losses)
        if not math.isfinite(loss):
            raise InputError(f"training diverged in epoch {epoch + 1}: the loss is {loss}; lower the learning rate")
        counts = self._validate()
        return EpochRecord(epoch + 1, stage.side, rate, loss, counts.dice, counts.iou, time.monotonic() - start)

    def _step(self, photos: Tensor, masks: Tensor, rate: float) -> float:
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        images = self._images(photos)
        targets = masks.to(self._device).float().div_(255).unsqueeze(1)  # N x 1 x H x W
        with torch.autocast(self._device.type, enabled=self.job.half):
            logits = self._network(images)
        loss = LOSSES[self.job.recipe.loss](logits, targets)
        self._optimizer.zero_grad(set_to_none=True)
        self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]  # Tensor.backward has no annotations
        self._scaler.unscale_(self._optimizer)
        nn.utils.clip_grad_norm_(self._network.parameters(), 1.0)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        self._average.update(self._network)
        return float(loss.detach())

    @torch.inference_mode()
    def _validate(self) -> BinaryCounts:
        """Count pixels of all validation pictures with the averaged weights, threshold 0.5 (logit 0)."""
        network = create(self.job.network, **self.job.options)
        network.load_state_dict(self._average.weights)
        network = _on(self._device, network).eval()
        total = torch.zeros(4, dtype=torch.int64)
        for photos, masks in validation_batches(self._validation, self.job.recipe.batch):
            lesion = network(self._images(photos))[:, 0].cpu() >= 0
            truth = masks >= 128
            total += torch.stack(
                [(lesion & truth).sum(), (lesion & ~truth).sum(), (~lesion & truth).sum(), (~lesion & ~truth).sum()]
            )
        tp, fp, fn, tn = (int(count) for count in total)
        return BinaryCounts(tp=tp, fp=fp, fn=fn, tn=tn)

    def _images(self, photos: Tensor) -> Tensor:
        return normalise(photos.to(self._device), self.job.recipe.mean, self.job.recipe.std)

    def _load_stage(self, epoch: int) -> None:
        side = self.job.recipe.stage_of(epoch).side
        if side == self._loaded_side:
            return
        self._train = load_pairs(self.job.train, self.job.contract(round(side * _MARGIN)))
        self._validation = load_pairs(self.job.validation, self.job.contract(side))
        self._loaded_side = side

    def _keep(self, record: EpochRecord) -> None:
        """Write the epoch: first the weights if they are the best, then the state that says so."""
        if record.side == self.job.recipe.side and self.best_record() is record:
            save_checkpoint(
                self.folder.best,
                self._average.weights,
                network_name=self.job.network,
                contract=self.job.contract(),
                options=self.job.options,
                training={**self.job.describe(), "data": self.job.data, "best": asdict(record)},
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


def _on(device: torch.device, network: nn.Module) -> nn.Module:
    # Channels last is three times as fast as the default on this project's CPUs, and what GPUs want in half precision.
    return network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def pick_device(name: str) -> str:
    """Return the torch device for *name*; `auto` is CUDA, then Apple's GPU, then the CPU.

    Raises InputError if torch knows no such device, ToolMissing if the machine lacks it.
    """
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        kind = torch.device(name).type
    except RuntimeError as error:
        raise InputError(f"cannot train on {name!r}: expected auto, cpu, cuda, cuda:1 or mps") from error
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there.get(kind, False):
        raise ToolMissing(f"cannot train on {name!r}: this machine or this build of torch has none; use --device cpu")
    return name


def _optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    kind = torch.optim.AdamW if recipe.optimizer == "adamw" else torch.optim.Adam
    return kind(network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)


def _learning_rate(recipe: Recipe, epoch: int, step: int, steps_an_epoch: int) -> float:
    """Return the rate of a step: warm-up is linear, the cosine is per step, the reference's per epoch."""
    peak, floor = recipe.learning_rate, recipe.final_learning_rate
    if recipe.schedule == "constant":
        return peak
    if recipe.schedule == "cosine-50":
        return floor + (peak - floor) * (1 + math.cos(math.pi * epoch / 50)) / 2
    now = epoch + step / steps_an_epoch
    if now < recipe.warm_up:
        return peak * max(now, 0.01) / recipe.warm_up
    done = (now - recipe.warm_up) / max(recipe.epochs - recipe.warm_up, 1)
    return floor + (peak - floor) * (1 + math.cos(math.pi * min(done, 1.0))) / 2


def _plain(value: Any) -> Any:
    # Tuples become lists, as JSON will return them.
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value
