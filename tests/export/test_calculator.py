"""A graph that is run for its numbers takes its memory once, however often it runs."""

import itertools
import resource
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from skinseg_export.calculator import open_calculator

if TYPE_CHECKING:
    from onnx import ModelProto

_NUMBERS = 2**21  # 8 MiB a value
_STEPS = 8


def _chain() -> "ModelProto":
    """Return a graph that raises its input to the power of two, some times, and joins what it had between."""
    from onnx import TensorProto, helper

    names = [f"x{step}" for step in range(_STEPS)]
    nodes = [helper.make_node("Mul", [one, one], [other]) for one, other in itertools.pairwise(names)]
    nodes.append(helper.make_node("Sum", names, ["all"]))
    nodes.append(helper.make_node("ReduceMax", ["all"], ["y"], keepdims=0))
    inputs = [helper.make_tensor_value_info("x0", TensorProto.FLOAT, [_NUMBERS])]
    graph = helper.make_graph(nodes, "chain", inputs, [helper.make_tensor_value_info("y", TensorProto.FLOAT, [])])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows counts no page faults for a process")
@pytest.mark.parametrize("optimised", [False, True])
def test_the_second_run_of_a_graph_uses_the_memory_of_the_first(optimised: bool) -> None:
    calculator = open_calculator(_chain(), optimised=optimised)
    ones = np.ones(_NUMBERS, np.float32)
    faults, largest = [], 0.0
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        largest = float(calculator.run(["y"], {"x0": ones})[0])
        faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)

    assert largest == _STEPS
    assert 4 * max(faults[1:]) < faults[0]
