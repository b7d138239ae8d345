"""Turn TensorRT's progress calls into `BuildStep`s, and a fault of whoever listens into the end of the build."""

import threading
import time
from collections.abc import Callable
from typing import Any

from skinseg_runtime.engine_build.request import BuildStep
from skinseg_runtime.engines.tensorrt_api import TensorRt

__all__ = ["StepTeller", "build_monitor"]


class StepTeller:
    """Knows the phases that are open, and tells of each of their steps; TensorRT calls from threads of its own.

    *fault*: what *on_step* raised, KeyboardInterrupt included. An exception must not cross TensorRT's C++ frames, so
    it is kept, the build is cancelled, and whoever started the build raises it.
    """

    def __init__(self, on_step: Callable[[BuildStep], None]) -> None:
        self.fault: BaseException | None = None
        self._on_step = on_step
        self._began = time.monotonic()
        self._lock = threading.RLock()
        self._open: dict[str, tuple[str | None, int]] = {}

    def begin(self, phase: str, parent: str | None, steps: int) -> None:
        """Tell that a phase of so many *steps* began."""
        with self._lock:
            self._open[phase] = (parent, steps)
            self._tell(phase, 0)

    def advance(self, phase: str, done: int) -> bool:
        """Tell that *done* steps of a phase are done; return whether the build shall go on."""
        with self._lock:
            self._tell(phase, done)
            return self.fault is None

    def end(self, phase: str) -> None:
        """Note that a phase is over, which may be before its last step."""
        with self._lock:
            self._open.pop(phase, None)

    def _tell(self, phase: str, done: int) -> None:
        if self.fault is not None:
            return
        parent, steps = self._open.get(phase, (None, done))
        elapsed = time.monotonic() - self._began
        try:
            self._on_step(BuildStep(phase=phase, parent=parent, step=done, of=steps, elapsed_s=elapsed))
        except BaseException as fault:  # noqa: BLE001  # raised again by `build` once TensorRT has returned
            self.fault = fault


def build_monitor(trt: TensorRt, teller: StepTeller) -> Any:
    """Return an `IProgressMonitor` that hands everything to *teller*."""

    class Monitor(trt.IProgressMonitor):  # type: ignore[misc, name-defined]  # the module is a parameter
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            teller.begin(phase_name, parent_phase, num_steps)

        def step_complete(self, phase_name: str, step: int) -> bool:
            return teller.advance(phase_name, step + 1)

        def phase_finish(self, phase_name: str) -> None:
            teller.end(phase_name)

    return Monitor()
