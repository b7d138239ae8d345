"""The two processes of a build, seen from their parent: one clock, one deadline, and what each of their ends means."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from skinseg_edge import errors
from skinseg_edge.errors import BuildFailed, DeadlinePassed, SkinsegError
from skinseg_runtime.engine_build.apart import Died, Overdue, answer_of
from skinseg_runtime.engine_build.job import BuildAnswer, BuildJob, Proof, ProofJob
from skinseg_runtime.engine_build.request import BuildStep

__all__ = ["BuildProcesses"]

_STARTING = "Starting"
_WORKER = "skinseg_runtime.engine_build.worker"
_PROOF = "skinseg_runtime.engine_build.proof"


class BuildProcesses:
    """What builds and proves one engine.

    *what*: the engine in messages, such as "the TensorRT engine of lesion.skinseg". *timeout_s*: for both processes
    together. *progress*: hears of every step, and of the last one again, about once a second, while nothing new comes.
    *consequence*: what follows for the engine that is in use, in words, or "".
    """

    def __init__(self, what: str, timeout_s: float, progress: Callable[[BuildStep], None], consequence: str) -> None:
        self._what = what
        self._timeout_s = timeout_s
        self._progress = progress
        self._consequence = consequence
        self._started = time.monotonic()
        self._last = BuildStep(phase=_STARTING, parent=None, step=0, of=1, elapsed_s=0.0)
        self._workspace_mib: int | None = None

    @property
    def elapsed_s(self) -> float:
        """Seconds since the build began."""
        return time.monotonic() - self._started

    def build(self, job: BuildJob) -> BuildAnswer:
        """Build the plan of *job*.

        Raises what the builder raises, BuildFailed if its process died, DeadlinePassed if it took too long.
        """
        return BuildAnswer.from_json(self._ask(_WORKER, job.to_json(), self._build_death))

    def prove(self, job: ProofJob) -> Proof:
        """Run the golden cases through the plan of *job*; raises like `build`."""
        return Proof.from_json(self._ask(_PROOF, job.to_json(), self._proof_death))

    def _ask(self, module: str, job: Mapping[str, object], death: Callable[[Died], BuildFailed]) -> dict[str, object]:
        try:
            answer = answer_of(module, job, self._hear, timeout_s=self._timeout_s - self.elapsed_s)
        except Overdue as error:
            raise DeadlinePassed(
                f"cannot build {self._what}: it is not done after {self._timeout_s:.0f} s, in the phase "
                f"'{self._last.phase}', expected it to be; allow more with --timeout{self._consequence}"
            ) from error
        except Died as error:
            raise death(error) from error
        done = answer.get("done")
        if isinstance(done, dict):
            return done
        raise self._error(answer["error"])

    def _hear(self, news: Mapping[str, object]) -> None:
        match news:
            case {"workspace_mib": int(mib)}:
                self._workspace_mib = mib
            case {"phase": str(phase), "step": int(step), "of": int(of)}:
                parent = news.get("parent")
                self._last = BuildStep(
                    phase=phase,
                    parent=parent if isinstance(parent, str) else None,
                    step=step,
                    of=of,
                    elapsed_s=self.elapsed_s,
                )
        self._progress(replace(self._last, elapsed_s=self.elapsed_s))

    def _error(self, error: object) -> SkinsegError:
        """Return what ended the child, to be raised here."""
        told = error if isinstance(error, dict) else {}
        kind = getattr(errors, str(told.get("kind")), None) if told.get("kind") in errors.__all__ else None
        message = f"{told.get('message', 'the child gave no reason')}{self._consequence}"
        return (kind if isinstance(kind, type) and issubclass(kind, SkinsegError) else BuildFailed)(message)

    def _build_death(self, death: Died) -> BuildFailed:
        where = f"in the phase '{self._last.phase}' after {self.elapsed_s:.0f} s"
        if not death.was_killed:
            return BuildFailed(
                f"cannot build {self._what}: its process {death.how} {where} and said '{death.last}', expected an "
                f"engine; run skinseg-doctor to see what is missing here{self._consequence}"
            )
        workspace = "" if self._workspace_mib is None else f" (it was {self._workspace_mib} MiB)"
        return BuildFailed(
            f"cannot build {self._what}: its process was killed {where}, most likely because memory ran out, expected "
            "an engine; end other programs, a Jetson's desktop first (sudo systemctl isolate multi-user.target), add "
            f"swap, or give it less with --workspace{workspace}{self._consequence}"
        )

    def _proof_death(self, death: Died) -> BuildFailed:
        return BuildFailed(
            f"cannot accept {self._what}: the process that ran its golden cases {death.how} and said '{death.last}', "
            f"expected masks; build again, or use another precision{self._consequence}"
        )
