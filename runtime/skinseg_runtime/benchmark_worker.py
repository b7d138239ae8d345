"""A measurement in a process of its own, so that its memory is its own and nothing of another is warm.

`measure_apart` starts `python -m skinseg_runtime.benchmark_worker`, writes the job to its stdin as JSON, and reads from
its stdout either `{"measured": ...}` or `{"error": {"message": ..., "exit_code": ...}}`, as a line of its own.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from skinseg_edge.bundle import TRUSTED_KEY_VARIABLE
from skinseg_edge.errors import SkinsegError, ToolMissing, VerificationFailed
from skinseg_runtime.benchmark import Job, Measured, measure

__all__ = ["measure_apart"]


def measure_apart(job: Job) -> Measured:
    """Do what `benchmark.measure` does, in a fresh interpreter.

    Raises ToolMissing if what the job needs is not there, VerificationFailed if the model cannot be run, or if its
    process crashed.
    """
    finished = subprocess.run(
        [sys.executable, "-m", "skinseg_runtime.benchmark_worker"],
        input=json.dumps(job.to_json()),
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
        cwd=Path(__file__).parent.parent,  # `-m` puts this folder first: what lies in the user's shall not be imported
        env=_environment(),
    )
    answer = _answer(finished.stdout)
    if "measured" in answer:
        return Measured.from_json(answer["measured"])
    if "error" not in answer:
        raise VerificationFailed(_crash(job, finished.returncode, finished.stderr))
    error = answer["error"]
    kind = ToolMissing if error["exit_code"] == ToolMissing.exit_code else VerificationFailed
    raise kind(error["message"])


def _environment() -> dict[str, str]:
    """Return this process's environment, such that it means the same in another folder."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    if key := os.environ.get(TRUSTED_KEY_VARIABLE):
        environment[TRUSTED_KEY_VARIABLE] = str(Path(key).absolute())
    return environment


def _answer(stdout: str) -> dict[str, Any]:
    """Return the last line that is an answer; libraries may print before and after it, a crash leaves half a line."""
    for line in reversed(stdout.splitlines()):
        try:
            answer = json.loads(line)
        except ValueError:
            continue
        if isinstance(answer, dict) and any(isinstance(answer.get(kind), dict) for kind in ("measured", "error")):
            return answer
    return {}


def _crash(job: Job, code: int, stderr: str) -> str:
    last = (stderr.strip().splitlines() or ["nothing on stderr"])[-1][:300]
    precision = f" --precision {job.precision}" if job.precision else ""
    hint = "; the system may have ended it for want of memory" if code in (-9, 137) else ""
    return (
        f"cannot time {job.precision or 'the model'}: its process ended with {code} and said '{last}', expected a "
        f"measurement{hint}; run skinseg-bench {job.bundle.name} --engine {job.engine}{precision} to see more"
    )


def main() -> None:
    """Read a job from stdin, do it, and print what it gave."""
    try:
        answer: dict[str, object] = {"measured": measure(Job.from_json(json.load(sys.stdin))).to_json()}
    except SkinsegError as error:
        answer = {"error": {"message": str(error), "exit_code": error.exit_code}}
    sys.stdout.write(f"\n{json.dumps(answer)}\n")


if __name__ == "__main__":
    main()
