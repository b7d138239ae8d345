"""An engine that is loaded on a GPU: its context, its memory and its stream, all of one thread."""

import logging
import math
import threading
import time
import traceback
from contextlib import ExitStack, suppress
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.errors import DeviceUnready, EngineUnusable
from skinseg_runtime.cuda_memory.device import CudaDevice, CudaFault
from skinseg_runtime.engines.answers import check_images
from skinseg_runtime.engines.products import Product
from skinseg_runtime.engines.runtime_cache import RuntimeCacheFile
from skinseg_runtime.engines.tensor_buffers import TensorBuffer, tensor_buffer
from skinseg_runtime.engines.tensorrt_launch import Launcher, NotQueued
from skinseg_runtime.engines.tensorrt_layout import IMAGE, MASK, PROBABILITY, Layout, read_layout
from skinseg_runtime.engines.tensorrt_library import load, tensorrt_logger
from skinseg_runtime.engines.tensorrt_loading import Loaded, context_of, loaded_engine, words_of

__all__ = ["TensorRtSession"]

_log = logging.getLogger(__name__)


class _Closable(Protocol):
    def close(self) -> None: ...


P = TypeVar("P", bound=_Closable)

_WARM_RUNS = 3  # one plain, one that captures a graph, one that launches it


class TensorRtSession:
    """An engine of *product* on the GPU of *cuda*, for the thread that made both.

    *plan*: bytes of the engine; to load them runs native code, so their hash and seal must have been checked. *source*:
    what errors call them. *use_graph*: launch runs as CUDA graphs where that works. *cache*: where TensorRT-RTX keeps
    what it compiles; TensorRT has no use for it. *dla_core*: the DLA that the engine was built for.

    Memory is allocated once, for the largest batch. The session does not close *cuda*.

    Raises EngineUnusable if TensorRT refuses the plan, ContractInvalid if it has other inputs and outputs than a
    network of a bundle, DeviceUnready if TensorRT cannot get it ready, CudaFault if CUDA fails.
    """

    def __init__(
        self,
        plan: bytes,
        product: Product,
        *,
        source: str,
        cuda: CudaDevice,
        use_graph: bool = True,
        cache: RuntimeCacheFile | None = None,
        dla_core: int | None = None,
    ) -> None:
        self.cuda = cuda
        self.gpu_ms: float | None = None
        self._trt = load(product)
        self._source = source
        self._cache = cache
        self._thread = threading.get_ident()
        self._is_open = True
        self._parts = ExitStack()  # closed in the order opposite to the one in which they were made
        try:
            self._stream = self._kept(cuda.stream())
            self._loaded = self._kept(self._load(plan, dla_core))
            self.layout: Layout = read_layout(self._trt, self._loaded.engine, source)
            self._ready = self._kept(
                context_of(self._trt, self._loaded.engine, source, use_graph=use_graph, cache=cache)
            )
            self._get_ready(captures=use_graph and not self._ready.captures_itself)
        except BaseException as error:
            # The frames that it came through hold TensorRT's objects, which must be gone before the GPU is closed.
            traceback.clear_frames(error.__traceback__)
            self.close()
            raise

    def run(self, images: NDArray[np.uint8], *, want_mask: bool = False) -> NDArray[np.float32] | NDArray[np.uint8]:
        """Return what the network says of *images* (N, H, W, 3) uint8 RGB, with N from 1 to the largest batch.

        The answer is (N, K, H, W) float32, unchecked; with *want_mask* (N, 1, H, W) uint8 of 0 and 1. `gpu_ms` is then
        the time of this run on the GPU, without copies.

        Raises ValueError if the session is closed, images do not fit or the engine has no mask, DeviceUnready if
        TensorRT refuses the run, CudaFault if CUDA fails.
        """
        self._check(images, want_mask)
        tensorrt_logger(self._trt).clear()  # what is said from here on concerns this run
        try:
            return self._run(images, want_mask)
        except NotQueued as error:
            self._stream.synchronize()  # if CUDA has a fault, that is the reason, and this call names it
            raise self._unready("refuses the run") from error
        except CudaFault as fault:
            if not fault.is_sticky:
                self._stream.synchronize()  # what is queued still works on the buffers
            raise

    def warm_up(self) -> None:
        """Run on black pictures until nothing is left that only a first run does; keep what RTX compiled for it."""
        started = time.perf_counter()
        for batch in sorted({self.layout.largest_batch, self.layout.smallest_batch}, reverse=True):
            black = np.zeros((batch, *self.layout.image_shape), np.uint8)
            for _ in range(_WARM_RUNS):
                self.run(black)
        self._keep_kernels()
        _log.info("%s warmed up in %.2f s", self._source, time.perf_counter() - started)

    def close(self) -> None:
        """Give everything back; a second call does nothing."""
        self._is_open = False
        self._parts.close()

    def _load(self, plan: bytes, dla_core: int | None) -> Loaded:
        try:
            return loaded_engine(self._trt, plan, self._source, dla_core=dla_core)
        except EngineUnusable:
            self._stream.synchronize()  # if CUDA has a fault, that is the reason and not the engine
            raise

    def _get_ready(self, *, captures: bool) -> None:
        self._bytes_each = {IMAGE: _bytes_of(self.layout.image_shape, np.uint8)}
        self._bytes_each[PROBABILITY] = _bytes_of(self.layout.probability_shape, np.float32)
        if self.layout.has_mask:
            self._bytes_each[MASK] = _bytes_of(self.layout.mask_shape, np.uint8)
        self._buffers = {name: self._bound_buffer(name) for name in self._bytes_each}
        self._before, self._after = self._kept(self.cuda.event()), self._kept(self.cuda.event())
        self._launcher = self._kept(Launcher(self._ready.context, self.cuda, self._stream, captures=captures))
        self._parts.callback(self._drain)
        self._batch = 0 if self.layout.is_free else self.layout.largest_batch

    def _bound_buffer(self, name: str) -> TensorBuffer:
        buffer = self._kept(tensor_buffer(self.cuda, self.layout.largest_batch * self._bytes_each[name]))
        if not self._ready.context.set_tensor_address(name, buffer.address):
            raise self._unready(f"takes no address for {name!r}")
        return buffer

    def _run(self, images: NDArray[np.uint8], want_mask: bool) -> NDArray[Any]:
        self._take_batch(max(len(images), self.layout.smallest_batch))
        image = self._buffers[IMAGE]
        image.array[: images.nbytes] = images.reshape(-1)  # the rest of a larger batch keeps what it held
        image.to_device(images.nbytes, self._stream)
        self._before.record(self._stream)
        self._launcher.run()
        self._after.record(self._stream)
        name = MASK if want_mask else PROBABILITY
        wanted_bytes = len(images) * self._bytes_each[name]
        self._buffers[name].to_host(wanted_bytes, self._stream)
        self._stream.synchronize()
        self.gpu_ms = self._after.ms_since(self._before)
        shape, kind = (self.layout.mask_shape, np.uint8) if want_mask else (self.layout.probability_shape, np.float32)
        # A copy: the next run writes to the same place.
        return self._buffers[name].array[:wanted_bytes].copy().view(kind).reshape(len(images), *shape)

    def _take_batch(self, batch: int) -> None:
        """Tell the context the shape of the next run, if it is another one than before."""
        if batch == self._batch or not self.layout.is_free:
            return
        self._launcher.forget()
        self._batch = 0
        shape = (batch, *self.layout.image_shape)
        try:  # no name for the context here: an error's traceback would keep it alive after `close`
            takes_it = self._ready.context.set_input_shape(IMAGE, shape) and not self._ready.context.infer_shapes()
        except RuntimeError as error:  # infer_shapes says so that a network does not allow a shape
            raise self._unready(f"takes no batch of {batch}") from error
        if not takes_it:
            raise self._unready(f"takes no batch of {batch}")
        self._batch = batch

    def _check(self, images: NDArray[np.uint8], want_mask: bool) -> None:
        if threading.get_ident() != self._thread:
            raise RuntimeError(f"{self._source} belongs to the thread that loaded it; reach it through TensorRtEngine")
        if not self._is_open:
            raise ValueError(f"{self._source} is closed")
        check_images(images, self.layout.input_hw)
        if not 1 <= len(images) <= self.layout.largest_batch:
            raise ValueError(f"there are {len(images)} images, expected 1 to {self.layout.largest_batch}")
        if want_mask and not self.layout.has_mask:
            raise ValueError(f"{self._source} gives no mask; build it with skinseg-build --mask-output")

    def _keep_kernels(self) -> None:
        if self._cache is None or self._ready.kernels is None:
            return
        compiled: Any = self._ready.kernels.serialize()  # Any: `bytes` takes it, which no Protocol of 3.10 can say
        if compiled is not None and bytes(compiled) != self._cache.read():
            self._cache.write(bytes(compiled))

    def _unready(self, what: str) -> DeviceUnready:
        return DeviceUnready(
            f"cannot run {self._source}: TensorRT {self._trt.__version__} {what} and says {words_of(self._trt)}; "
            "run skinseg-doctor to see what is missing here, or build the engine again with skinseg-build --force"
        )

    def _drain(self) -> None:
        """Wait for what is still queued, before the memory that it works on goes; a lost GPU does nothing more."""
        with suppress(CudaFault):
            self._stream.synchronize()

    def _kept(self, part: P) -> P:
        self._parts.callback(part.close)
        return part


def _bytes_of(shape: tuple[int, ...], kind: type[np.generic]) -> int:
    return math.prod(shape) * np.dtype(kind).itemsize
