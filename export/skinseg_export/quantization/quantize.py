"""From the fp32 file to files in 8 bits that the acceptance gate has judged: `int8`, every layer, and `auto`.

What is quantized is simulated here, in ONNX Runtime, with the file's own steps and with half precision rounded where
the file says half. That predicts a device and does not certify it; the device proves its engine again.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skinseg_edge import metrics
from skinseg_edge.contract import ModelContract
from skinseg_edge.progress import Progress
from skinseg_export.acceptance import AcceptanceBench
from skinseg_export.decisions import decided_labels, decision_for
from skinseg_export.half_evaluation import HalfEngine
from skinseg_export.half_precision import half_from_single
from skinseg_export.quantization.qdq import qdq_from_single, weights_of
from skinseg_export.quantization.ranges import Ranges
from skinseg_export.quantization.sensitivity import Sensitivity, measure_sensitivity
from skinseg_export.quantization.walk import Verdict, WalkResult, most_gate_calls, walk
from skinseg_runtime import Segmenter
from skinseg_runtime.acceptance import Acceptance, judge
from skinseg_runtime.engines import Engine
from skinseg_runtime.engines.onnxruntime import OnnxRuntimeEngine

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["AutoFile", "Materials", "QuantizedFile", "Quantizer"]

QUICK_PICTURES = 64  # of the gate's, to choose a method and to sort out on the walk
SENSITIVITY_PICTURES = 32  # of the calibration's
_PREFERRED = ("training", "modelopt", "minmax", "percentile", "entropy")
_NOISE = 0.002  # of mean Dice on so few pictures


@dataclass(frozen=True, kw_only=True, eq=False)
class Materials:
    """What quantization works with.

    *single*: the fp32 file. *layers*: those of it that may be quantized, in the order of computation. *images*:
    calibration pictures, (H, W, 3) uint8 RGB at network size. *ranges*: method -> value name -> reach. *kept*: names of
    nodes that stay fp32. *reference*: the trained network. *bench*: the gate's pictures.
    """

    single: "ModelProto"
    contract: ModelContract
    layers: tuple[str, ...]
    images: tuple[NDArray[np.uint8], ...]
    ranges: Ranges
    kept: frozenset[str]
    reference: Engine
    bench: AcceptanceBench


@dataclass(frozen=True)
class QuantizedFile:
    """*model*: Q/DQ where *quantized* says, half precision elsewhere. *method*: of calibration."""

    model: "ModelProto"
    method: str
    quantized: frozenset[str]
    acceptance: Acceptance


@dataclass(frozen=True)
class AutoFile:
    """What the walk found. *file*: None when nothing may stay in 8 bits."""

    file: QuantizedFile | None
    walk: WalkResult
    sensitivity: Sensitivity


class Quantizer:
    """Makes and judges quantized files out of *materials*; each question is answered once.

    *progress* is opened for each long step with the number of its parts and a description.
    """

    def __init__(self, materials: Materials, progress: Progress) -> None:
        self._given = materials
        self._progress = progress
        self._few = materials.bench.subset(QUICK_PICTURES)
        self._judged: dict[frozenset[str], QuantizedFile] = {}
        self.methods: dict[str, float] = {}
        self._method: str | None = None

    @property
    def method(self) -> str:
        """The calibration method whose masks are nearest to the trained ones, on a few of the gate's pictures.

        Where several are as near but for noise, the first of _PREFERRED: what cuts off less holds on other pictures,
        too.
        """
        if self._method is None:
            layers = self._given.layers
            with self._progress(len(self._given.ranges) * len(self._few), "calibration methods") as advance:
                for method in self._given.ranges:
                    engine = self._single_engine(layers, method)
                    self.methods[method] = self._judge(engine, self._few, advance).mean_dice
            best = max(self.methods.values())
            near = [method for method, dice in self.methods.items() if dice >= best - _NOISE]
            self._method = min(near, key=_PREFERRED.index)
        return self._method

    def int8(self) -> QuantizedFile:
        """Return the file with every layer quantized, judged on all pictures; whether it passed is in it."""
        return self._file(frozenset(self._given.layers))

    def auto(self) -> AutoFile:
        """Walk from every layer quantized to the fewest restored ones that pass."""
        sensitivity = self._sensitivity()
        layers = self._given.layers
        calls = most_gate_calls(len(layers))
        with self._progress(calls, "restoring layers until the gate passes") as advance:

            def passes(quantized: frozenset[str]) -> Verdict:
                advance()
                return _verdict(self._file(quantized).acceptance)

            def passes_quick(quantized: frozenset[str]) -> Verdict:
                return _verdict(self._judge(self._single_engine(quantized, self.method), self._few))

            found = walk(layers, sensitivity, passes, passes_quick)
        return AutoFile(None if found.is_all_restored else self._file(found.quantized), found, sensitivity)

    def _file(self, quantized: frozenset[str]) -> QuantizedFile:
        if quantized not in self._judged:
            method = self.method
            model = half_from_single(self._with_pairs(quantized, method), self._given.kept)
            engine = HalfEngine(model, self._given.contract)
            acceptance = self._judge(engine, self._given.bench)
            self._judged[quantized] = QuantizedFile(model, method, quantized, acceptance)
        return self._judged[quantized]

    def _sensitivity(self) -> Sensitivity:
        given = self._given
        few = min(SENSITIVITY_PICTURES, len(given.images))
        places = np.linspace(0, len(given.images) - 1, few).round().astype(int)  # sorted by name, so spread over all
        images = np.stack([given.images[place] for place in places])
        trained = self._lesions(given.reference, images)
        method = self.method  # asked before the bar below opens: it may open one itself, and bars do not nest

        def trial(quantized: frozenset[str]) -> float:
            found = self._lesions(self._single_engine(quantized, method), images)
            return float(np.mean([metrics.dice(ours, theirs) for ours, theirs in zip(found, trained, strict=True)]))

        with self._progress(2 + 2 * len(given.layers), "sensitivity of each layer") as advance:
            return measure_sensitivity(given.layers, trial, weights_of(given.single, given.layers), advance)

    def _lesions(self, engine: Engine, images: NDArray[np.uint8]) -> list[NDArray[np.bool_]]:
        """Return the lesion masks of *images* at network size."""
        contract = self._given.contract
        decision = decision_for(contract)
        labels = (decided_labels(probability, contract, decision) for probability in engine.infer(images))
        return [np.isin(each, contract.lesion_labels) for each in labels]

    def _judge(self, engine: Engine, bench: AcceptanceBench, advance: Callable[[], None] = lambda: None) -> Acceptance:
        with Segmenter(self._given.contract, engine) as segmenter:
            return judge(segmenter, bench.subjects(), precision="int8", advance=advance)

    def _single_engine(self, quantized: Collection[str], method: str) -> Engine:
        """Return the engine of the file whose rest is fp32: the same steps, and cheaper to run."""
        model = self._with_pairs(quantized, method)
        return OnnxRuntimeEngine(model.SerializeToString(), self._given.contract, source="the quantized graph")

    def _with_pairs(self, quantized: Collection[str], method: str) -> "ModelProto":
        return qdq_from_single(self._given.single, quantized, self._given.ranges[method])


def _verdict(acceptance: Acceptance) -> Verdict:
    return Verdict(acceptance.passed, acceptance.mean_dice, next(iter(acceptance.faults()), ""))
