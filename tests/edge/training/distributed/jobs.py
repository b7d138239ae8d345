"""Training jobs that one process and two can do alike, and a stop after some epochs."""

import contextlib
from dataclasses import replace
from pathlib import Path

from skinseg_edge.networks.user_networks import import_user_networks
from skinseg_edge.training.augmentation import PHONE
from skinseg_edge.training.lists import chosen_pairs
from skinseg_edge.training.processes import ALONE, Processes
from skinseg_edge.training.recipes import Stage, recipe
from skinseg_edge.training.run_folder import EpochRecord, RunFolder
from skinseg_edge.training.trainer import Trainer, TrainingJob

__all__ = ["JOBS", "NETWORKS", "job", "trained"]

NETWORKS = Path(__file__).with_name("tiny_networks.py")
# Batches of 5 over 2 lanes: 3 pictures and 2, then 2 and 3. Of 3 lanes, one process owns two and the other one.
JOBS: dict[str, dict[str, object]] = {
    "normed": {"network": "tiny-normed"},
    "taught": {"network": "tiny-normed", "lanes": 3},
    "quantized": {"network": "tiny-normed", "quantization_aware": True},
    "in parts": {"network": "tiny-plain", "accumulate": 2},
    "whole": {"network": "tiny-plain"},
    "drifting": {"network": "tiny-drifting"},
}


class _Cut(Exception):  # no error, a stop
    pass


def job(name: str, data: Path) -> TrainingJob:
    """Return a job of JOBS on the folder *data*; its teacher and its first weights are `best.safetensors` there."""
    import_user_networks(str(NETWORKS))
    train, validation = chosen_pairs(data)
    start = data / "best.safetensors"
    chosen = replace(
        recipe("scsonet", "best"),
        stages=(Stage(32, 2, PHONE), Stage(48, 2, PHONE)),
        batch=5,
        warm_up=1,
        cross_feature_weight=0.015,
        internal_feature_weight=0.015,
    )
    more = JOBS[name]
    if more["network"] == "tiny-plain":
        # Unlike AdamW and a clipped norm, this tells a gradient from twice the same gradient.
        chosen = replace(chosen, optimizer="sgd", learning_rate=0.05, clip_norm=0.0)
    if name == "taught":
        more = {**more, "teacher": start}
    if name == "quantized":
        more = {**more, "initial_weights": start}
    described = {"recipe": chosen, "train": train, "validation": validation, "workers": 0, "lanes": 2, **more}
    return TrainingJob(**described)  # type: ignore[arg-type]  # a dict of all kinds of values


def trained(
    name: str, data: Path, runs: Path, *, epochs: int = 4, processes: Processes = ALONE, workers: int = 0
) -> Trainer:
    """Train the job *name* in the folder *runs*/*name* until *epochs* of its four are done, and return the trainer."""

    def stop(record: EpochRecord) -> None:
        if record.epoch == epochs < 4:
            raise _Cut

    described = replace(job(name, data), workers=workers)
    trainer = Trainer(described, RunFolder(runs / name), report=stop, processes=processes)
    with contextlib.suppress(_Cut):
        trainer.fit()
    return trainer
