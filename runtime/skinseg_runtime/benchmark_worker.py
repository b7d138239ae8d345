"""A measurement in a process of its own, so that its memory is its own and nothing of another is warm."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from skinseg_edge import errors
from skinseg_edge.bundle import TRUSTED_KEY_VARIABLE
from skinseg_edge.errors import ToolMissing, VerificationFailed
from skinseg_runtime.benchmark import Job, Measured, measure
from skinseg_runtime.engine_build.answering import Tell, answer
from skinseg_runtime.engine_build.apart import Died, Overdue, answer_of

__all__ = ["measure_apart"]

_LONGEST_S = 86_400.0  # a job ends by its own runs and seconds; this is for one that hangs


def measure_apart(job: Job) -> Measured:
    """Do what `benchmark.measure` does, in a fresh interpreter.

    Raises ToolMissing if what the job needs is not there or cannot answer now, VerificationFailed if the model cannot
    be run, or if its process crashed.
    """
    try:
        told = answer_of(__name__, _trusting(job).to_json(), lambda _: None, timeout_s=_LONGEST_S)
    except (Died, Overdue) as end:
        raise VerificationFailed(_crash(job, end)) from end
    done, error = told.get("done"), told.get("error")
    if isinstance(done, dict):
        return Measured.from_json(done)
    assert isinstance(error, dict)
    raised = getattr(errors, str(error["kind"]), VerificationFailed)
    # A busy device is no fault of the form that was to be timed: it ends the whole, as a missing tool does.
    kind = ToolMissing if raised.exit_code == ToolMissing.exit_code else VerificationFailed
    raise kind(error["message"])


def _trusting(job: Job) -> Job:
    """Let the job name the key that the environment does: the child does not inherit it."""
    key = os.environ.get(TRUSTED_KEY_VARIABLE)
    return replace(job, trusted_key=Path(key)) if key and job.trusted_key is None else job


def _crash(job: Job, end: Died | Overdue) -> str:
    precision = f" --precision {job.precision}" if job.precision else ""
    how = f"its process {end.how} and said '{end.last}'" if isinstance(end, Died) else "it gave no answer for a day"
    hint = "; the system may have ended it for want of memory" if isinstance(end, Died) and end.was_killed else ""
    return (
        f"cannot time {job.precision or 'the model'}: {how}, expected a measurement{hint}; run skinseg-bench "
        f"{job.bundle.name} --engine {job.engine}{precision} to see more"
    )


def _work(document: dict[str, object], _: Tell) -> Mapping[str, object]:
    return measure(Job.from_json(document)).to_json()


if __name__ == "__main__":
    answer(_work)
