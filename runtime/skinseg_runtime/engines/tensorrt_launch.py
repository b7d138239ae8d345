"""How one run of a context is queued: plainly, or as a CUDA graph that was captured once."""

import logging

from skinseg_runtime.cuda_memory.device import CudaDevice, CudaFault, Graph, Stream
from skinseg_runtime.engines.tensorrt_api import ExecutionContext

__all__ = ["Launcher", "NotQueued"]

_log = logging.getLogger(__name__)


class NotQueued(Exception):
    """TensorRT refused to queue a run; its log has the reason. Stays below the engine."""


class Launcher:
    """Queues runs of *context* on *stream*; *captures*: as a graph, from the second run of the same shape on.

    The first run after a change of shape is queued plainly: TensorRT does work then that must not be captured. A graph
    holds the shape and the addresses it was captured with, so `forget` must be called before these change.
    """

    def __init__(self, context: ExecutionContext, cuda: CudaDevice, stream: Stream, *, captures: bool) -> None:
        self._context: ExecutionContext | None = context
        self._cuda = cuda
        self._stream = stream
        self._captures = captures
        self._is_warm = False
        self._graph: Graph | None = None

    def run(self) -> None:
        """Queue one run.

        Raises NotQueued if TensorRT refuses, CudaFault if CUDA does.
        """
        if self._captures and self._is_warm and self._graph is None:
            self._capture()
        if self._graph is not None:
            self._graph.launch(self._stream)
        else:
            self._enqueue()
            self._is_warm = True

    def forget(self) -> None:
        """Drop the graph."""
        self._is_warm = False
        graph, self._graph = self._graph, None
        if graph is not None:
            graph.close()

    def close(self) -> None:
        """Let graph and context go; a second call does nothing."""
        try:
            self.forget()
        finally:
            self._context = None

    def _capture(self) -> None:
        try:
            self._graph = self._cuda.capture(self._stream, self._enqueue)
        except (CudaFault, NotQueued) as error:
            if isinstance(error, CudaFault) and error.is_sticky:
                raise
            _log.info("no CUDA graph could be captured (%s); each run is queued plainly", error)
            self._captures = False

    def _enqueue(self) -> None:
        assert self._context is not None  # else a closed launcher runs
        if not self._context.execute_async_v3(self._stream.handle):
            raise NotQueued("TensorRT refused the run")
