"""Hold a saved Core ML package against the trained network: its structure, its answers, its weights.

Its answers are those of `mil_reference`, which evaluates the program as it lies in the files. That proves the program;
Apple's kernels are proved by a receipt of a device.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import nn

from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import ParityFailed, VerificationFailed
from skinseg_export.deployed_graph import OUTPUT_NAME
from skinseg_export.golden import Golden
from skinseg_export.parity import (
    HALF,
    HALF_UNTRAINED,
    SINGLE,
    SINGLE_UNTRAINED,
    Parity,
    PictureFigures,
    Tolerances,
    compare,
    named_pictures,
    noise_pictures,
)
from skinseg_export.targets.coreml.divergence import divergence_story
from skinseg_export.targets.coreml.likely_fault import likely_fault
from skinseg_export.targets.coreml.mil_reference import Evaluator, MilEngine, MilProgram
from skinseg_export.targets.coreml.options import CoremlOptions
from skinseg_export.targets.coreml.program_graph import CLASS_MAP_NAME
from skinseg_export.targets.coreml.structure import check_structure
from skinseg_export.targets.coreml.toss_ups import explained_by_toss_ups
from skinseg_export.targets.coreml.weight_check import foreign_constants
from skinseg_export.torch_engine import TorchEngine

if TYPE_CHECKING:
    from torch.export import ExportedProgram

__all__ = ["EVALUATED", "MIN_MEAN_DICE", "TrainedSide", "verify_mlpackage", "verify_program"]

EVALUATED = "by the program's evaluation on this machine"
MIN_MEAN_DICE = {"fp32": 0.998, "fp16": 0.998, "int8": 0.99}
"""The least mean Dice to the trained network's masks of golden pictures; what has fewer bits is left to the gate."""

_ANY_MASK = {"disagreement": 1.0, "min_dice": 0.0, "max_area_drift": np.inf, "max_hd95": np.inf}
# Fewer bits move single numbers far; whether the masks hold is for the gate to say. This finds a broken program.
_COMPRESSED = replace(HALF, mean_error=0.2, average_error=0.1, **_ANY_MASK)
# Fresh weights may give all classes nearly one probability, and rounding then decides for one: numbers alone count.
_FRESH_HALF = replace(HALF_UNTRAINED, **_ANY_MASK)
_FACE_REMARK = "structure checked; its numbers are not verified on this machine"

Checks = dict[str, float | str | bool]


@dataclass(frozen=True, eq=False)
class TrainedSide:
    """What a package is held against: the trained *network* (logits out) and its *golden* pictures.

    *fresh*: the network's program freshly converted in fp32, for what lies inside. *exported*: its operations in torch,
    by which a hard gate that rounding decided is told from a fault; None leaves that out. *trained*: False for fresh
    weights, whose masks say nothing.
    """

    network: nn.Module
    contract: ModelContract
    golden: Sequence[Golden]
    fresh: MilProgram
    exported: "ExportedProgram | None" = None
    trained: bool = True

    @cached_property
    def engine(self) -> TorchEngine:
        """The network as an engine."""
        return TorchEngine(self.network, self.contract)

    @cached_property
    def noise(self) -> tuple[NDArray[np.uint8], ...]:
        """Pictures no camera takes, (H, W, 3) uint8."""
        return noise_pictures(self.contract)

    @cached_property
    def pictures(self) -> Mapping[str, NDArray[np.uint8]]:
        """Golden and other pictures by the names that figures use, (1, H, W, 3) uint8 RGB at network size."""
        return named_pictures(self.contract, self.golden, self.noise)


def verify_mlpackage(
    folder: Path, contract: ModelContract, *, parameters: int, options: CoremlOptions | None = None
) -> Checks:
    """Return the figures of the structure of the package at *folder*; see `check_structure`.

    *options*: what it was made with, the usual ones by default.
    """
    structure = check_structure(folder, contract, options or CoremlOptions(), parameters=parameters)
    return {**structure.checks(), "numbers_verified": False, "remark": _FACE_REMARK}


def verify_program(program: MilProgram, options: CoremlOptions, side: TrainedSide) -> tuple[Checks, Parity]:
    """Return the figures of *program* on golden and random pictures against the trained network, and each picture's.

    Raises ParityFailed naming the picture, the figure that left its tolerance, and what is known of the fault;
    VerificationFailed if the class map contradicts the probabilities or a weight is not the trained network's.
    """
    precision = options.precision
    parity = compare(MilEngine(program, side.contract), side.engine, side.contract, side.golden, side.noise)
    flips = _checked_pictures(program, parity, precision, side)
    _check_mean_dice(program, parity, precision, side)
    _check_class_map(program, side)
    _check_weights(program, precision, side)
    sizes = _check_other_sizes(program, options, side)
    return {**parity.checks(), **flips, **sizes, "numbers_verified": EVALUATED}, parity


def _allowed(precision: str, *, trained: bool) -> Tolerances:
    if precision == "fp32":
        return SINGLE if trained else SINGLE_UNTRAINED
    if precision == "fp16":
        return HALF if trained else _FRESH_HALF
    return _COMPRESSED


def _checked_pictures(program: MilProgram, parity: Parity, precision: str, side: TrainedSide) -> Checks:
    allowed = _allowed(precision, trained=side.trained)
    flips = 0
    for figures in parity.pictures:
        excess = figures.excess(allowed)
        if excess is not None:
            tossed = _toss_ups(program, figures, precision, side)
            if tossed is None:
                raise _refusal(program, figures, excess, precision, side)
            flips += tossed
    if precision != "fp32" and not parity.average_error <= allowed.average_error:
        worst = max(parity.pictures, key=lambda each: each.mean_error)
        excess = f"mean |dp| over all pictures is {parity.average_error:.3g}, allowed {allowed.average_error:g}"
        raise _refusal(program, worst, excess, precision, side)
    return {"gate_toss_ups": flips} if precision == "fp32" else {}


def _toss_ups(program: MilProgram, figures: PictureFigures, precision: str, side: TrainedSide) -> int | None:
    if precision != "fp32" or side.exported is None or figures.excess(HALF) is not None:
        return None
    return explained_by_toss_ups(program, side.exported, side.pictures[figures.name], SINGLE.max_error)


def _check_mean_dice(program: MilProgram, parity: Parity, precision: str, side: TrainedSide) -> None:
    least = MIN_MEAN_DICE.get(precision)
    found = [each for each in parity.pictures if each.name.startswith("golden/")]
    if least is None or not side.trained or not found:
        return
    mean = float(np.mean([each.dice for each in found]))
    if not mean >= least:
        worst = min(found, key=lambda each: each.dice)
        excess = f"Dice is {worst.dice:.3g}, and the mean of all golden pictures {mean:.4f}, allowed {least:g}"
        raise _refusal(program, worst, excess, precision, side)


def _refusal(
    program: MilProgram, figures: PictureFigures, excess: str, precision: str, side: TrainedSide
) -> ParityFailed:
    """Say what went wrong on a picture, and everything that helps to find out why."""
    picture = side.pictures[figures.name]
    answer = Evaluator(program, outputs=(OUTPUT_NAME,)).run(picture)[OUTPUT_NAME][0]
    fault = likely_fault(answer, picture[0], side.network, side.contract)
    foreign = foreign_constants(program, side.fresh, precision)
    parts = [f"cannot accept {program.path.name}: on {figures.name} its {excess}"]
    parts += [f"it answers as if {fault}"] if fault else []
    parts += [f"{foreign[0]}"] if foreign else []
    parts.append(divergence_story(program, side.fresh, picture, precision))
    return ParityFailed("; ".join(parts))


def _check_class_map(program: MilProgram, side: TrainedSide) -> None:
    """Check that the class of each pixel is the one that the probabilities say."""
    contract = side.contract
    for name, picture in list(side.pictures.items())[:2]:
        found = Evaluator(program).run(picture)
        probability, classes = found[OUTPUT_NAME][0], found[CLASS_MAP_NAME][0]
        expected = probability[0] >= np.float32(contract.threshold) if contract.is_binary else probability.argmax(0)
        wrong = int((classes != expected).sum())
        if wrong:
            raise VerificationFailed(
                f"cannot accept {program.path.name}: on {name} its {CLASS_MAP_NAME} differs in {wrong} pixels from "
                f"what its {OUTPUT_NAME} says ({_rule(contract)}); export it anew"
            )


def _rule(contract: ModelContract) -> str:
    return f"lesion from {contract.threshold:g} on" if contract.is_binary else "the most probable class"


def _check_weights(program: MilProgram, precision: str, side: TrainedSide) -> None:
    foreign = foreign_constants(program, side.fresh, precision)
    if foreign:
        raise VerificationFailed(
            f"cannot accept {program.path.name}: {foreign[0]}, and {len(foreign) - 1} more constants are not the "
            "trained network's; export it anew"
        )


def _check_other_sizes(program: MilProgram, options: CoremlOptions, side: TrainedSide) -> Checks:
    """Check the answers at the sizes beside the contract's own, on a picture no camera takes."""
    allowed = _allowed(options.precision, trained=False)  # other sizes than the trained one: there is no right mask
    errors = {}
    for size in options.sizes:
        contract = replace(side.contract, input_hw=size)
        picture = noise_pictures(contract, 1)[0][None]
        ours = Evaluator(program, outputs=(OUTPUT_NAME,)).run(picture)[OUTPUT_NAME]
        error = np.abs(ours - TorchEngine(side.network, contract).infer(picture))
        key = f"{size[0]}x{size[1]}"
        errors[f"max_error_{key}"] = float(f"{error.max():.4g}")
        if not (error.max() <= allowed.max_error and error.mean() <= allowed.mean_error):
            raise ParityFailed(
                f"cannot accept {program.path.name}: at {size[0]} x {size[1]} px (rows x columns) its |dp| is "
                f"{error.max():.3g} at most and {error.mean():.3g} in the mean, allowed {allowed.max_error:g} and "
                f"{allowed.mean_error:g}"
            )
    return dict(errors)
