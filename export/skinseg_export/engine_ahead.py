"""Build the half-precision file's TensorRT-RTX engine in a thread while that file is held against the network."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager

from skinseg_export.artefacts import Artefacts
from skinseg_export.export_options import ExportOptions
from skinseg_export.targets.onnx.build import HALF_PATH, OnnxFiles
from skinseg_export.targets.tensorrt.build import rtx_engine_from_onnx
from skinseg_export.targets.tensorrt.rtx_builder import rtx_version

__all__ = ["engine_ahead", "wait_for_engines"]


@contextmanager
def engine_ahead(artefacts: Artefacts, files: OnnxFiles, options: ExportOptions) -> Iterator[None]:
    """Begin the engine where one will be asked for, and put its future into *artefacts*; end the thread behind.

    The builder works outside of Python's lock, on one core. One at a time is enough memory: whoever builds another
    engine inside the block waits for this one, by `wait_for_engines`.
    """
    if files.half is None or "trt" not in options.targets or rtx_version() is None:
        yield
        return
    onnx, targets = files.half.SerializeToString(), options.compute_capabilities
    with ThreadPoolExecutor(1, thread_name_prefix="engine") as pool:
        artefacts.engines_ahead[HALF_PATH] = pool.submit(
            rtx_engine_from_onnx, onnx, HALF_PATH, "fp16", compute_capabilities=targets
        )
        yield


def wait_for_engines(artefacts: Artefacts) -> None:
    """Return once no engine is being built ahead; what became of them is asked where they are wanted."""
    wait(artefacts.engines_ahead.values())
