"""ONNX Runtime as a calculator: it runs a graph for its numbers, whatever they are, not for a mask."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from numpy.typing import NDArray

from skinseg_runtime.usable_cores import usable_cores

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["Calculator", "open_calculator"]

_ONLY_FATAL = 4  # ONNX Runtime's scale; what it would print arrives as an exception, too


class Calculator(Protocol):
    """An open graph: names of outputs and inputs by name in, the outputs in the order of their names out."""

    def run(self, names: Sequence[str], feeds: Mapping[str, NDArray[Any]], /) -> Sequence[NDArray[Any]]:
        """Return the values of *names*."""
        ...


def open_calculator(model: "ModelProto", *, optimised: bool, threads: int | None = None) -> Calculator:
    """Open *model*; *optimised*: with the fusions that a device's ONNX Runtime makes, else node by node as listed.

    *threads*: None takes a thread for each core that may be used.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    levels = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if optimised else levels.ORT_DISABLE_ALL
    if not optimised:
        # The default order goes backwards from each output: with many, most values would wait for the end.
        options.execution_order = onnxruntime.ExecutionOrder.PRIORITY_BASED
    options.intra_op_num_threads = threads or usable_cores()
    # Threads that wait for each other in a loop cost up to as much again where cores are shared.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # No block for several values, one after the other or all at once, as the runtime opens its sessions.
    # With the latter alone CM-SSM's scan of ranges took 4.6 GB instead of 2.9, and a third of its time to clear pages.
    options.enable_mem_pattern = options.enable_mem_reuse = False
    options.log_severity_level = _ONLY_FATAL
    session: Any = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    calculator: Calculator = session
    return calculator
