"""Build the half-precision file's TensorRT-RTX engine in a thread while that file is held against the network."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from skinseg_export.artefacts import Artefacts
from skinseg_export.export_options import ExportOptions
from skinseg_export.targets.onnx.build import HALF_PATH, OnnxFiles
from skinseg_export.targets.tensorrt.build import rtx_engine_from_onnx
from skinseg_export.targets.tensorrt.rtx_builder import rtx_version

__all__ = ["engine_ahead"]


@contextmanager
def engine_ahead(artefacts: Artefacts, files: OnnxFiles, options: ExportOptions) -> Iterator[None]:
    """Begin the engine where one will be asked for, and put its future into *artefacts*; end the thread behind.

    The builder works outside of Python's lock, on one core. Where 8 bits are asked for nothing begins: their
    verification builds engines itself, and one builder at a time is enough memory.
    """
    if files.half is None or "trt" not in options.targets or options.wants_quantized or rtx_version() is None:
        yield
        return
    onnx, targets = files.half.SerializeToString(), options.compute_capabilities
    with ThreadPoolExecutor(1, thread_name_prefix="engine") as pool:
        artefacts.engines_ahead[HALF_PATH] = pool.submit(
            rtx_engine_from_onnx, onnx, HALF_PATH, "fp16", compute_capabilities=targets
        )
        yield
