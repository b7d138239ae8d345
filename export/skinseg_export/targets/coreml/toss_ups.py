"""Tell rounding at a hard gate from a wrong program, as `skinseg_export.gates` does for ONNX.

A program and the network in torch take their yes-or-no decisions in the same order; torch is run again with those that
the program took.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skinseg_export.deployed_graph import OUTPUT_NAME
from skinseg_export.gates import replay_decisions
from skinseg_export.layer_values import torch_values
from skinseg_export.targets.coreml.mil_reference import Evaluator, MilProgram

if TYPE_CHECKING:
    from torch.export import ExportedProgram

__all__ = ["explained_by_toss_ups"]

_TOSS_UP = 1e-3  # largest distance from a gate, relative to its layer, that rounding explains


def explained_by_toss_ups(
    program: MilProgram, exported: "ExportedProgram", picture: NDArray[np.uint8], max_error: float
) -> int | None:
    """Return how many gates rounding decided differently in *program* if that explains its error, None if it does not.

    *exported*: the trained network. *picture*: (1, H, W, 3) uint8 RGB. *max_error*: of the |dp| that may be left.
    """
    decisions: dict[str, NDArray[Any]] = {}

    def watch(name: str, value: NDArray[Any]) -> None:
        if value.dtype == np.bool_:
            decisions[name] = value

    probability = Evaluator(program, outputs=(OUTPUT_NAME,)).run(picture, watch=watch)[OUTPUT_NAME]
    theirs = {name: value for name, value in torch_values(exported, picture).items() if value.dtype == np.bool_}
    named = _paired(decisions.values(), theirs)
    if named is None:
        return None
    replay = replay_decisions(exported, picture, named, probability)
    explained = replay.margin <= _TOSS_UP and replay.max_error <= max_error
    return replay.flips if explained else None


def _paired(ours: Iterable[NDArray[Any]], theirs: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]] | None:
    """Return *ours* by the names of *theirs*, both in order; None if they are not the same gates."""
    own = list(ours)
    if [value.shape for value in own] != [value.shape for value in theirs.values()]:
        return None
    return dict(zip(theirs, own, strict=True))
