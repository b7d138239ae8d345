"""The engine of an NVIDIA GPU: TensorRT or TensorRT-RTX, in a thread of its own that everybody queues for."""

import logging
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import ContractInvalid
from skinseg_runtime.cuda_memory import open_cuda
from skinseg_runtime.engines.answers import check_images, checked_mask, checked_probability
from skinseg_runtime.engines.products import Product
from skinseg_runtime.engines.runtime_cache import RuntimeCacheFile
from skinseg_runtime.engines.tensorrt_session import TensorRtSession
from skinseg_runtime.gpu_worker import GpuWorker, Queueing, Ticket

__all__ = ["Pending", "TensorRtEngine"]

_log = logging.getLogger(__name__)


class Pending:
    """The answer to come of images that were handed over with `TensorRtEngine.submit`."""

    def __init__(self, ticket: Ticket[NDArray[Any]], source: str) -> None:
        self._ticket = ticket
        self._source = source

    @property
    def done(self) -> bool:
        """Whether `result` would answer or raise at once."""
        return self._ticket.done

    def result(self) -> NDArray[np.float32]:
        """Wait for the answer and return it: (N, K, H, W) float32 in [0, 1].

        Raises what `TensorRtEngine.infer` raises.
        """
        return checked_probability(self._ticket.result(), self._source)


class TensorRtEngine:
    """A network on an NVIDIA GPU; `infer` may be called from any number of threads at once.

    *plan*: bytes of the engine. To load them runs native code: preflight must have found that this device proved them.
    *contract*: of the network. *source*: what errors call it. *queueing*: how callers wait; the deadline holds for each
    batch that the engine takes at once. *cuda_backend*: "pycuda" or "cuda.bindings"; None takes what is there.
    *use_graph*: launch runs as CUDA graphs where that works. *cache_path*: where TensorRT-RTX keeps what it compiles
    for this GPU. *dla_core*: the DLA that the engine was built for.

    Raises ToolMissing if TensorRT, CUDA or the GPU is missing, EngineUnusable if TensorRT refuses the plan,
    ContractInvalid if the engine does not fit the contract, DeviceUnready if the GPU has no room for it, DeviceLost if
    this process can no longer use its GPU.
    """

    def __init__(
        self,
        plan: bytes,
        contract: ModelContract,
        product: Product,
        *,
        source: str = "the engine",
        queueing: Queueing = Queueing(),  # noqa: B008  # frozen
        cuda_backend: str | None = None,
        use_graph: bool = True,
        cache_path: Path | None = None,
        dla_core: int | None = None,
    ) -> None:
        started = time.perf_counter()
        self.name = product.engine
        self.input_hw = contract.input_hw
        self.classes = len(contract.classes)
        self.gpu_ms: float | None = None
        self._source = source
        self._deadline_s = queueing.deadline_s
        load_session = partial(
            TensorRtSession,
            plan,
            product,
            source=source,
            use_graph=use_graph,
            cache=None if cache_path is None else RuntimeCacheFile(cache_path),
            dla_core=dla_core,
        )
        start = partial(_open_session, load_session, contract, source, cuda_backend)
        self._worker = GpuWorker(
            start, _close_session, name=f"the {product.title} engine {source}", waiting=queueing.waiting
        )
        layout = self._worker.call(lambda session: session.layout)
        self.max_batch = layout.largest_batch
        self.has_mask = layout.has_mask
        _log.info("%s loaded in %.2f s, up to %d at once", source, time.perf_counter() - started, self.max_batch)

    def infer(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return probabilities (N, K, H, W) float32 in [0, 1] of *images* (N, H, W, 3) uint8 RGB.

        More images than the engine takes at once are split.

        Raises ValueError if images.shape[1:] != (*input_hw, 3), the dtype is not uint8 or the engine is closed,
        DeviceBusy if too many wait, DeadlinePassed if there is no answer in time, DeviceUnready if the GPU refuses,
        DeviceLost if this process can no longer use it, ParityFailed if the network gives what is no probability.
        """
        check_images(images, self.input_hw)
        parts = self._answers(images, want_mask=False)
        nothing = np.empty((0, self.classes, *self.input_hw), np.float32)
        return checked_probability(_joined(parts, nothing), self._source)

    def infer_mask(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return masks (N, H, W) uint8 of 0 and 1 of *images* (N, H, W, 3) uint8 RGB, thresholded on the GPU.

        A quarter of the bytes of `infer` are copied back.

        Raises ValueError if the engine was built without a mask, and what `infer` raises.
        """
        check_images(images, self.input_hw)
        parts = self._answers(images, want_mask=True)
        nothing = np.empty((0, 1, *self.input_hw), np.uint8)
        return checked_mask(_joined(parts, nothing)[:, 0], self._source)

    def submit(self, images: NDArray[np.uint8]) -> Pending:
        """Queue *images* (N, H, W, 3) uint8 RGB, with N from 1 to `max_batch`, and return at once.

        The pictures are copied, so their memory may be used again: while the GPU works on one frame of a video, the
        next is decoded. As many may be on their way as `Queueing.waiting` says.

        Raises ValueError if there are more images than `max_batch`, and what `infer` raises.
        """
        check_images(images, self.input_hw)
        if not 1 <= len(images) <= self.max_batch:
            raise ValueError(
                f"there are {len(images)} images, expected 1 to {self.max_batch}, as the engine takes at once"
            )
        work = self._work(images.copy(), want_mask=False)
        return Pending(self._worker.submit(work, deadline_s=self._deadline_s), self._source)

    def close(self) -> None:
        """Let the run that is going on end, refuse what waits, and give the GPU's memory back."""
        self._worker.close()

    def _answers(self, images: NDArray[np.uint8], *, want_mask: bool) -> list[NDArray[Any]]:
        # One after the other, so that callers with few pictures get between the parts of one with many.
        return [
            self._worker.call(
                self._work(images[begin : begin + self.max_batch], want_mask), deadline_s=self._deadline_s
            )
            for begin in range(0, len(images), self.max_batch)
        ]

    def _work(self, images: NDArray[np.uint8], want_mask: bool) -> Callable[[TensorRtSession], NDArray[Any]]:
        def work(session: TensorRtSession) -> NDArray[Any]:
            answer = session.run(images, want_mask=want_mask)
            self.gpu_ms = session.gpu_ms
            return answer

        return work


def _joined(parts: list[NDArray[Any]], nothing: NDArray[Any]) -> NDArray[Any]:
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else nothing


def _open_session(
    load_session: Callable[..., TensorRtSession], contract: ModelContract, source: str, cuda_backend: str | None
) -> TensorRtSession:
    with ExitStack() as undo:
        cuda = undo.enter_context(closing(open_cuda(cuda_backend)))
        session = undo.enter_context(closing(load_session(cuda=cuda)))
        found, expected = (session.layout.input_hw, session.layout.classes), (contract.input_hw, len(contract.classes))
        if found != expected:
            raise ContractInvalid(
                f"cannot use {source}: its input is {found[0]} with {found[1]} classes, the contract says "
                f"{expected[0]} with {expected[1]}; build the engine from the bundle again"
            )
        session.warm_up()
        undo.pop_all()
    return session


def _close_session(session: TensorRtSession) -> None:
    with closing(session.cuda), closing(session):
        pass
