"""The one module that touches `tensorrt_rtx`: parse an ONNX file, build an engine, both without a GPU."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from skinseg_edge.errors import ToolMissing, VerificationFailed

__all__ = ["LARGEST_BATCH", "ParsedNetwork", "RtxEngine", "TensorType", "build_engine", "parse_onnx", "rtx_version"]

LARGEST_BATCH = 8  # of the optimization profile of a model with a free batch axis
_MEMORY_LINES = {
    "activation_bytes": re.compile(r"Total Activation Memory: (\d+) bytes"),
    "weights_bytes": re.compile(r"Total Weights Memory: (\d+) bytes"),
    "scratch_bytes": re.compile(r"Max Scratch Memory: (\d+) bytes"),
}
_ERROR = 1  # severities up to this one are errors


@dataclass(frozen=True)
class TensorType:
    """An input or output as the builder sees it: *dtype* such as "UINT8" or "FLOAT", -1 in *shape* for a free axis."""

    name: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class ParsedNetwork:
    """What the parser made of an ONNX file."""

    inputs: tuple[TensorType, ...]
    outputs: tuple[TensorType, ...]
    layers: int


@dataclass(frozen=True)
class RtxEngine:
    """*data*: the bare engine. *memory*: activation_bytes, weights_bytes, scratch_bytes as the builder logged them."""

    data: bytes
    network: ParsedNetwork
    compute_capabilities: tuple[str, ...]
    memory: dict[str, int] = field(default_factory=dict)


def rtx_version() -> str | None:
    """Return the version of the installed TensorRT-RTX, None without one."""
    try:
        return str(_rtx().__version__)
    except ToolMissing:
        return None


def parse_onnx(onnx: bytes) -> ParsedNetwork:
    """Let the builder's parser read *onnx* as a strongly typed network.

    Raises VerificationFailed naming the node that it refuses, ToolMissing without tensorrt_rtx.
    """
    _, network, _parser = _parsed(onnx)
    return _described(network)


def build_engine(
    onnx: bytes, compute_capabilities: Sequence[str], on_step: Callable[[str], None] | None = None
) -> RtxEngine:
    """Build an engine of *onnx* for GPUs of *compute_capabilities* (such as "8.6"), on the CPU alone.

    *on_step* is called with the name of each phase. A free batch axis gets a profile of 1 to LARGEST_BATCH.

    Raises VerificationFailed with the builder's own words if it refuses, ToolMissing without tensorrt_rtx.
    """
    rtx = _rtx()
    builder, network, _parser = _parsed(onnx)
    config = builder.create_builder_config()
    config.num_compute_capabilities = len(compute_capabilities)
    for index, capability in enumerate(compute_capabilities):
        config.set_compute_capability(getattr(rtx.ComputeCapability, f"SM{capability.replace('.', '')}"), index)
    monitor = _monitor(on_step)
    config.progress_monitor = monitor
    _add_profile(builder, network, config)
    log = _logger()
    log.lines.clear()
    plan = builder.build_serialized_network(network, config)
    if monitor.interrupted:
        raise KeyboardInterrupt
    if plan is None:
        raise VerificationFailed(f"cannot build the TensorRT-RTX engine: {log.complaint()}")
    return RtxEngine(bytes(plan), _described(network), tuple(compute_capabilities), log.memory())


def _rtx() -> Any:
    try:
        import tensorrt_rtx
    except ImportError as error:
        raise ToolMissing(
            "cannot build a TensorRT-RTX engine: tensorrt_rtx is not installed; "
            "run pip install 'skinseg-edge[trt-rtx]' (x86-64 Linux and Windows)"
        ) from error
    return tensorrt_rtx


def _parsed(onnx: bytes) -> tuple[Any, Any, Any]:
    rtx = _rtx()
    builder = rtx.Builder(_logger())
    network = builder.create_network(1 << int(rtx.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = rtx.OnnxParser(network, _logger())
    if not parser.parse(onnx):
        faults = [_fault(parser.get_error(index)) for index in range(parser.num_errors)]
        raise VerificationFailed(f"cannot parse the ONNX file for TensorRT-RTX: {'; '.join(faults)}")
    return builder, network, parser  # the parser owns the weights' memory


def _fault(error: Any) -> str:
    words = " ".join(str(error.desc()).split())
    if error.node() < 0:
        return words
    reason = "this operator is not supported" if str(error.code()).endswith("UNSUPPORTED_NODE") else words
    return f"node {error.node_name()} ({error.node_operator()}): {reason}"


def _described(network: Any) -> ParsedNetwork:
    def types(count: int, get: Callable[[int], Any]) -> tuple[TensorType, ...]:
        tensors = [get(index) for index in range(count)]
        return tuple(TensorType(tensor.name, tensor.dtype.name, tuple(tensor.shape)) for tensor in tensors)

    return ParsedNetwork(
        types(network.num_inputs, network.get_input), types(network.num_outputs, network.get_output), network.num_layers
    )


def _add_profile(builder: Any, network: Any, config: Any) -> None:
    image = network.get_input(0)
    shape = tuple(image.shape)
    if shape[0] != -1:
        return
    profile = builder.create_optimization_profile()
    profile.set_shape(image.name, (1, *shape[1:]), (1, *shape[1:]), (LARGEST_BATCH, *shape[1:]))
    config.add_optimization_profile(profile)


@lru_cache(maxsize=1)
def _logger() -> Any:
    # One for the whole process: TensorRT keeps the first it sees and ignores every later one, with a warning.
    rtx = _rtx()

    class Log(rtx.ILogger):  # type: ignore[misc, name-defined]  # tensorrt_rtx is untyped
        def __init__(self) -> None:
            super().__init__()
            self.lines: list[tuple[int, str]] = []

        def log(self, severity: Any, message: str) -> None:
            self.lines.append((int(severity), message))

        def complaint(self) -> str:
            found = [message for severity, message in self.lines if severity <= _ERROR]
            return "; ".join(found) or "the builder gave no reason"

        def memory(self) -> dict[str, int]:
            joined = "\n".join(message for _, message in self.lines)
            matches = {name: pattern.search(joined) for name, pattern in _MEMORY_LINES.items()}
            return {name: int(match[1]) for name, match in matches.items() if match is not None}

    return Log()


def _monitor(on_step: Callable[[str], None] | None) -> Any:
    rtx = _rtx()

    class Monitor(rtx.IProgressMonitor):  # type: ignore[misc, name-defined]  # tensorrt_rtx is untyped
        def __init__(self) -> None:
            super().__init__()
            self.interrupted = False

        def phase_start(self, name: str, parent: str | None, steps: int) -> None:
            self._guarded(lambda: on_step(name) if on_step else None)

        def step_complete(self, name: str, step: int) -> bool:
            self._guarded(lambda: None)
            return not self.interrupted  # False cancels the build

        def phase_finish(self, name: str) -> None:
            self._guarded(lambda: None)

        def _guarded(self, call: Callable[[], None]) -> None:
            try:
                call()
            except KeyboardInterrupt:  # Ctrl-C strikes in here; an exception must not cross the C++ frames
                self.interrupted = True

    return Monitor()
