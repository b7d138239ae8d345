"""A training run that is stopped after every epoch and started again."""

import pytest

from skinseg_edge.training.run_folder import RunFolder
from skinseg_edge.training.trainer import Trainer, TrainingJob

__all__ = ["resumed_after_each_epoch"]


class _Cut(Exception):  # no error, a stop
    pass


def resumed_after_each_epoch(job: TrainingJob, folder: RunFolder) -> Trainer:
    """Train *job* of four epochs in *folder*, stopped after each of the first three, and return the last trainer."""

    def cut(_: object) -> None:
        raise _Cut

    for _ in range(3):
        with pytest.raises(_Cut):
            Trainer(job, folder, report=cut).fit()
    resumed = Trainer(job, folder)
    resumed.fit()
    return resumed
