"""Tell rounding at a hard gate from a wrong graph.

SCSONet keeps or drops an activation by its sign. Where a value is zero but for rounding, two correct runtimes may
decide differently, and from there on their outputs differ by more than rounding. So the torch network is run again
with the decisions that ONNX Runtime took: if those were toss-ups and the outputs now agree, the graph is right.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skinseg_export.deployed_graph import OUTPUT_NAME
from skinseg_export.layer_values import gate_values, torch_values

if TYPE_CHECKING:
    from onnx import ModelProto
    from torch.export import ExportedProgram

__all__ = ["GateReplay", "replay_decisions", "replay_gates"]


@dataclass(frozen=True)
class GateReplay:
    """How one picture fared when both sides decided alike.

    *flips*: activations on which they would have decided differently. *margin*: how far the farthest of them was from
    the gate's threshold, relative to the root mean square of that layer. *max_error*: |dp| that is left.
    """

    flips: int
    margin: float
    max_error: float


def replay_gates(model: "ModelProto", program: "ExportedProgram", image: NDArray[np.uint8]) -> GateReplay:
    """Run *program* for *image* ((1, H, W, 3) uint8 RGB) with the decisions that *model* takes in ONNX Runtime."""
    decisions = gate_values(model, image)
    probability = decisions.pop(OUTPUT_NAME)
    return replay_decisions(program, image, decisions, probability)


def replay_decisions(
    program: "ExportedProgram",
    image: NDArray[np.uint8],
    decisions: Mapping[str, NDArray[Any]],
    probability: NDArray[np.float32],
) -> GateReplay:
    """Run *program* for *image* ((1, H, W, 3) uint8 RGB) with *decisions*, by the names of its operations.

    *probability*: (1, K, H, W), what came of them elsewhere.
    """
    nodes = {node.name: node for node in program.graph_module.graph.nodes}
    gates = {name: taken for name, taken in decisions.items() if name in nodes}
    values = torch_values(program, image, gates)
    flips, margin = 0, 0.0
    for name, taken in gates.items():
        other = values[name] != taken
        gated = values.get(getattr(nodes[name].args[0], "name", ""))
        if other.any():
            flips += int(other.sum())
            margin = max(margin, _margin(gated, other))
    last = next(reversed(values.values()))  # the program's last operation is the output
    return GateReplay(flips, margin, float(np.abs(probability - last).max()))


def _margin(gated: NDArray[np.float32] | None, other: NDArray[np.bool_]) -> float:
    if gated is None or gated.shape != other.shape:
        return float("inf")  # no way to tell: not a toss-up
    scale = float(np.sqrt(np.mean(np.square(gated, dtype=np.float64))))
    return float(np.abs(gated[other]).max()) / max(scale, 1e-12)
