"""The thread that owns the network: it opens it, does one thing after the other with it, and closes it."""

import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NoAnswerYet
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from skinseg_demo.config import DemoConfig
from skinseg_demo.waiting_line import WaitingLine
from skinseg_edge.bundle import Bundle
from skinseg_edge.errors import DeadlinePassed, DeviceLost, DeviceUnready, FileMissing
from skinseg_runtime.segmenter import Segmenter

__all__ = ["Done", "EngineNotReady", "EngineWorker", "Model", "State"]

State = Literal["starting", "building", "ready", "failed"]

_log = logging.getLogger(__name__)

_T = TypeVar("_T")
_AGAIN_S = 15.0  # a device that is busy now may be free later
_PATIENCE_S = 20.0  # for what is on its way, when the box ends


class EngineNotReady(DeviceUnready):
    """The network is not loaded: not yet, or it cannot be."""


@dataclass(frozen=True)
class Model:
    """What outlines: told with every result, and on the admin's page.

    *version*: of the code that exported it. *engine*, *precision*: what runs it. *fallback*: why not a better one, in a
    sentence; None if that is not so.
    """

    name: str
    version: str
    bundle_sha256: str
    engine: str
    precision: str | None
    fallback: str | None

    def to_json(self) -> dict[str, object]:
        """Return plain values for `json.dumps`."""
        return dict(vars(self))


@dataclass(frozen=True)
class Done(Generic[_T]):
    """*value*: what the work gave. *queue_ms*: until the thread came to it; *engine_ms*: until it was done."""

    value: _T
    queue_ms: float
    engine_ms: float


@dataclass(frozen=True)
class _Job:
    work: Callable[[Segmenter], Any]
    answer: "Future[Done[Any]]"
    asked: float


class EngineWorker:
    """Opens the bundle of *config* on its own thread; until that is done its state is "starting" or "building".

    Where it cannot be opened the state is "failed" and `reason` says why; the rest of the box goes on. A device that
    was only busy is asked again every 15 s.

    *line*: who may have a picture outlined; not held by live frames, which take no place.
    """

    def __init__(self, config: DemoConfig) -> None:
        self.line = WaitingLine(config.queue_places)
        self._config = config
        self._state: State = "starting"
        self._reason: str | None = None
        self._model: Model | None = None
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._is_busy = threading.Lock()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="skinseg-engine", daemon=True)

    @property
    def state(self) -> State:
        """How it is; "failed" goes back to "ready" where a busy device came free."""
        return self._state

    @property
    def reason(self) -> str | None:
        """Why it failed, in one sentence; None otherwise."""
        return self._reason

    @property
    def waiting(self) -> int:
        """How many pictures wait."""
        return self.line.waiting

    @property
    def model(self) -> Model | None:
        """What outlines; None until it is ready."""
        return self._model

    def start(self) -> None:
        """Start the thread; in the process that serves, after the fork."""
        self._thread.start()

    def stop(self) -> None:
        """Do what is asked already, give the engine back and end the thread; waits 20 s at most."""
        self._ending.set()
        self._jobs.put(None)
        if self._thread.is_alive():
            self._thread.join(_PATIENCE_S)

    def check_ready(self) -> None:
        """Raise EngineNotReady, with a sentence that says why, if nothing can be outlined now."""
        if self._state == "ready":
            return
        if self._state == "failed":
            raise EngineNotReady(f"cannot outline pictures: the network could not be loaded: {self._reason}")
        doing = "being built for this device, which takes minutes" if self._state == "building" else "being loaded"
        raise EngineNotReady(f"cannot outline pictures yet: the network is {doing}; try again soon")

    def run(self, work: Callable[[Segmenter], _T], *, deadline_s: float = 30.0) -> Done[_T]:
        """Have *work* done with the segmenter, on the thread, and wait for it.

        Raises EngineNotReady if there is none, DeadlinePassed if it takes longer, and what *work* raises.
        """
        self.check_ready()
        answer: Future[Done[_T]] = Future()
        self._jobs.put(_Job(work, answer, time.perf_counter()))
        try:
            return answer.result(deadline_s)
        except NoAnswerYet as error:  # the built-in one from Python 3.11 on
            if not answer.done():
                answer.cancel()
                raise DeadlinePassed(
                    f"cannot outline the picture: no answer came within {deadline_s:g} s; send it again"
                ) from error
            raise

    def run_if_idle(self, work: Callable[[Segmenter], _T], *, deadline_s: float = 2.0) -> Done[_T] | None:
        """Do *work* if nobody is served and nobody waits; else return None at once. For live frames."""
        self.check_ready()
        if not self.line.is_empty or self._is_busy.locked() or not self._jobs.empty():
            return None
        return self.run(work, deadline_s=deadline_s)

    def _serve(self) -> None:
        while not self._ending.is_set():
            segmenter = self._opened()
            if segmenter is None:
                return
            with segmenter:
                self._state = "ready"
                is_lost = self._work(segmenter)
            if not is_lost:
                return

    def _work(self, segmenter: Segmenter) -> bool:
        """Do jobs until the end; return True if the device was lost, so that the network must be loaded again."""
        while (job := self._jobs.get()) is not None:
            if not job.answer.set_running_or_notify_cancel():
                continue
            with self._is_busy:
                begun = time.perf_counter()
                try:
                    value = job.work(segmenter)
                except Exception as error:  # noqa: BLE001  # whoever asked is told
                    job.answer.set_exception(error)
                    if isinstance(error, DeviceLost):
                        self._fail(error)
                        return True
                    continue
                now = time.perf_counter()
                job.answer.set_result(Done(value, (begun - job.asked) * 1000, (now - begun) * 1000))
        return False

    def _opened(self) -> Segmenter | None:
        """Open the bundle, again and again where a device is busy; None if that is in vain, or the box ends."""
        while True:
            try:
                return self._open()
            except Exception as error:  # noqa: BLE001  # the box goes on without a network, and says why
                self._fail(error)
                if not isinstance(error, DeviceUnready) or self._ending.wait(_AGAIN_S):
                    self._refuse_all()
                    return None

    def _open(self) -> Segmenter:
        if self._config.bundle is None:
            raise FileMissing("cannot load a network: no bundle was named; start skinseg-demo with one")
        bundle = Bundle.open(self._config.bundle)
        segmenter = Segmenter.open(
            bundle,
            engine=self._config.engine,
            allow_build=self._config.allow_build,
            on_build_step=lambda _: self._builds(),
        )
        self._model = Model(
            name=bundle.manifest.name,
            version=bundle.manifest.provenance.code_version,
            bundle_sha256=bundle.sha256,
            engine=segmenter.engine.name,
            precision=segmenter.precision,
            fallback=segmenter.fallback,
        )
        self._reason = None
        return segmenter

    def _builds(self) -> None:
        self._state = "building"

    def _fail(self, error: Exception) -> None:
        _log.error("the network cannot be used: %s", error)
        self._reason = str(error) or type(error).__name__
        self._state = "failed"

    def _refuse_all(self) -> None:
        """Answer what was asked before the state was seen."""
        while not self._jobs.empty():
            job = self._jobs.get()
            if job is not None and job.answer.set_running_or_notify_cancel():
                job.answer.set_exception(EngineNotReady(f"cannot outline pictures: {self._reason}"))
