"""Build a TensorRT-RTX engine in a thread while the bundle's files are held against the network."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager

from skinseg_export.artefacts import Artefacts
from skinseg_export.export_options import ExportOptions
from skinseg_export.targets.tensorrt.build import rtx_engine_from_onnx
from skinseg_export.targets.tensorrt.rtx_builder import rtx_version
from skinseg_export.tensorrt_artefacts import TypedFile
from skinseg_runtime.usable_cores import usable_cores

__all__ = ["cores_left", "engine_ahead", "wait_for_engines"]


@contextmanager
def engine_ahead(artefacts: Artefacts, file: TypedFile | None, options: ExportOptions) -> Iterator[None]:
    """Begin the engine of *file* if one will be asked for, and put its future into *artefacts*; end the thread behind.

    The builder works outside of Python's lock, on one core. One at a time is enough memory: whoever builds another
    engine inside the block waits for this one, by `wait_for_engines`.
    """
    if file is None or "trt" not in options.targets or rtx_version() is None:
        yield
        return
    onnx, targets = file.model.SerializeToString(), options.compute_capabilities
    with ThreadPoolExecutor(1, thread_name_prefix="engine") as pool:
        artefacts.engines_ahead[file.path] = pool.submit(
            rtx_engine_from_onnx, onnx, file.path, file.precision, compute_capabilities=targets
        )
        yield


def cores_left(artefacts: Artefacts) -> int:
    """Return how many cores are free beside an engine that is being built ahead, at least 1."""
    is_building = any(not each.done() for each in artefacts.engines_ahead.values())
    return max(1, usable_cores() - is_building)


def wait_for_engines(artefacts: Artefacts) -> None:
    """Return once no engine is being built ahead; what became of them is asked where they are wanted."""
    wait(artefacts.engines_ahead.values())
