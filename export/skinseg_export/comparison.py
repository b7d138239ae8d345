"""Several models on the same pictures: their runs, and whether a difference between them is luck."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skinseg_edge.errors import InputError
from skinseg_edge.picture_means import per_image_mean_dice
from skinseg_export.evaluation import Evaluation
from skinseg_export.run_statistics import (
    Interval,
    PairedTest,
    Summary,
    bootstrap_interval,
    paired_t_test,
    summary_of,
)
from skinseg_export.scores import SCORES

__all__ = ["Contender", "Difference", "contenders_of", "difference_between"]


@dataclass(frozen=True)
class Contender:
    """One model. *runs*: its evaluations on the same pictures, one a training run. *parameters*: None if unknown."""

    label: str
    runs: tuple[Evaluation, ...]
    parameters: int | None = None

    def summary(self, key: str) -> Summary:
        """Return mean and spread over the runs of the score *key*."""
        return summary_of([SCORES[key].of(run) for run in self.runs])

    @property
    def picture_dice(self) -> tuple[float, ...]:
        """Dice of each picture at network size, 0/0 = 1, mean over the runs."""
        return tuple(
            float(np.mean([per_image_mean_dice([run.pictures[i].network]) for run in self.runs]))
            for i in range(len(self.runs[0].pictures))
        )


@dataclass(frozen=True)
class Difference:
    """One model minus another, Dice at network size.

    *pictures*: paired t-test over pictures. *interval*: bootstrap interval of the mean difference over pictures.
    *runs*, *runs_interval*: the same of the pooled Dice over runs in their order; None unless both have as many, at
    least two.
    """

    first: str
    second: str
    pictures: PairedTest
    interval: Interval
    runs: PairedTest | None
    runs_interval: Interval | None


def contenders_of(
    labels: Sequence[str], runs: Sequence[Evaluation], parameters: Sequence[int | None]
) -> tuple[Contender, ...]:
    """Put runs with one label together, labels in the order of their first run.

    Raises InputError if the runs were not scored on the same pictures, or those of one label are not of one network.
    """
    names = [tuple(score.pair.name for score in run.pictures) for run in runs]
    if len(set(names)) > 1:
        raise InputError("cannot compare: the models were not scored on the same pictures; evaluate them together")
    for label in labels:
        classes = {run.contract_classes for run, of in zip(runs, labels, strict=True) if of == label}
        sizes = {count for count, of in zip(parameters, labels, strict=True) if of == label} - {None}
        if len(classes) > 1 or len(sizes) > 1:
            raise InputError(
                f"cannot take the runs of {label!r} together: they tell other classes apart or have other numbers of "
                "parameters; give every network a label of its own"
            )
    return tuple(
        Contender(
            label,
            tuple(run for run, of in zip(runs, labels, strict=True) if of == label),
            next(count for count, of in zip(parameters, labels, strict=True) if of == label),
        )
        for label in dict.fromkeys(labels)
    )


def difference_between(first: Contender, second: Contender) -> Difference:
    """Test *first* against *second* on the same pictures."""
    ours, theirs = first.picture_dice, second.picture_dice
    one, other = ([run.network.dice for run in contender.runs] for contender in (first, second))
    repeated = len(one) == len(other) >= 2
    return Difference(
        first.label,
        second.label,
        paired_t_test(ours, theirs),
        _interval_of_difference(ours, theirs),
        paired_t_test(one, other) if repeated else None,
        _interval_of_difference(one, other) if repeated else None,
    )


def _interval_of_difference(first: Sequence[float], second: Sequence[float]) -> Interval:
    return bootstrap_interval([a - b for a, b in zip(first, second, strict=True)])
