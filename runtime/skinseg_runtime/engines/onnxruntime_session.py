"""A session of ONNX Runtime with the settings of this project, on the provider that was asked for and no other."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.errors import BundleUnusable, ToolMissing
from skinseg_runtime.engines.onnxruntime_metadata import metadata_of
from skinseg_runtime.engines.onnxruntime_providers import Provider

__all__ = ["Session", "Tensor", "first_line", "open_session"]

_ONLY_FATAL = 4  # ONNX Runtime's scale; what it would print arrives as an exception, too
_LAYOUT, _PLAIN = "skinseg.layout", "plain"  # written by skinseg_export
# Blocks of 16 channels (8 without AVX-512), with copies on the way in and out: a loss for a narrow network.
_BLOCKED_LAYOUT = "NchwcTransformer"


class Tensor(Protocol):
    """What a session tells of an input or output."""

    name: str
    type: str
    shape: Sequence[int | str | None]


class Session(Protocol):
    """The part of onnxruntime.InferenceSession that is used here."""

    def get_inputs(self) -> Sequence[Tensor]:
        """Return what it reads."""
        ...

    def get_outputs(self) -> Sequence[Tensor]:
        """Return what it gives."""
        ...

    def run(self, names: Sequence[str], feeds: Mapping[str, NDArray[np.uint8]], /) -> Sequence[NDArray[np.float32]]:
        """Return the outputs *names* for the inputs *feeds*."""
        ...


def open_session(model: bytes, source: str, threads: int, provider: Provider) -> Session:
    """Open *model*, the bytes of an ONNX file, on *provider*; *source* is what errors call it.

    *threads*: for one image, as far as the provider computes on the processor.

    Raises ToolMissing if onnxruntime is not installed, or lacks the provider, or falls back to another one;
    BundleUnusable if it refuses the model.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ToolMissing(
            "cannot run the network: onnxruntime is not installed; install it with 'pip install onnxruntime'"
        ) from error
    provider.check_available(onnxruntime.get_available_providers())
    onnxruntime.disable_telemetry_events()
    unwanted = [_BLOCKED_LAYOUT] if metadata_of(model).get(_LAYOUT) == _PLAIN else []
    try:
        session: Any = onnxruntime.InferenceSession(
            model,
            _options(onnxruntime, threads),
            providers=[(provider.onnx_name, provider.options(threads))],
            disabled_optimizers=unwanted,
        )
    except Exception as error:  # ONNX Runtime's exceptions share no other root
        raise BundleUnusable(
            f"cannot load {source} ({len(model)} bytes): ONNX Runtime says '{first_line(error)}'; "
            "update onnxruntime or export the model again"
        ) from error
    # A provider that cannot be set up is left out with a line on stderr, and one that fails in a run is replaced.
    provider.check_first(session.get_providers(), source)
    session.disable_fallback()
    untyped_no_longer: Session = session
    return untyped_no_longer


def first_line(error: Exception) -> str:
    """Return what ONNX Runtime says of *error*, cut to a line."""
    return (str(error).strip().splitlines() or [repr(error)])[0][:300]


def _options(onnxruntime: Any, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ONLY_FATAL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # One block for all values of a run, laid out beforehand, is larger than what the arena needs and not faster:
    # 6 MiB of 34 for the shipped network, 98 of 244 for U-Net (docs/graph.md).
    options.enable_mem_pattern = False
    # A block that another value may take next stays taken for as long as any of them lives: half of CM-SSM's 1.9 GiB.
    options.enable_mem_reuse = False
    # Threads that wait in a loop take cores from the decoding of the next photo and from other programs: 67 ms of
    # processor time a photo on two threads, 39 without, and 1.4 times the wall time on a busy machine (on an idle one
    # 0.95 to 0.99; docs/onnxruntime.md).
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Weights outside the file would be read from the current folder, and no hash covers those.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", "/nowhere")
    return options
