"""What an engine must show before it is accepted."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_edge.bundle import Bundle
from skinseg_edge.manifest import GoldenCase
from skinseg_runtime.engine_build.apart import answer_of
from skinseg_runtime.engine_build.job import Proof, ProofJob
from skinseg_runtime.engine_build.proof import golden_failure, prove
from skinseg_runtime.engines.onnxruntime import OnnxRuntimeEngine
from skinseg_runtime.verification import GoldenFloors, GoldenOutcome
from tests.fake_device.installing import FakeDevice
from tests.runtime.tiny_bundle import write_bundle


class MaskingEngine(OnnxRuntimeEngine):
    """ONNX Runtime with what a TensorRT engine has beside; *wrong_pixels* of each mask are inverted."""

    max_batch = 1

    def __init__(self, bundle: Bundle, *, wrong_pixels: int = 0, has_mask: bool = True) -> None:
        super().__init__(bundle.read("model.onnx"), bundle.contract)
        self.has_mask = has_mask
        self.gpu_ms: float | None = None
        self._wrong_pixels = wrong_pixels

    def infer_mask(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return (N, H, W) uint8."""
        mask = (self.infer(images)[:, 0] >= 0.5).astype(np.uint8)
        mask.reshape(-1)[: self._wrong_pixels] ^= 1
        return mask


class BatchEngine(MaskingEngine):
    """An engine that takes four pictures at once; *mixes_up*: and then gives each the answer of its neighbour."""

    max_batch = 4

    def __init__(self, bundle: Bundle, *, mixes_up: bool) -> None:
        super().__init__(bundle)
        self._mixes_up = mixes_up

    def infer(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return (N, K, H, W) float32."""
        found = np.concatenate([super(BatchEngine, self).infer(image[None]) for image in images])
        return np.roll(found, 1, axis=0) if self._mixes_up else found


def _outcome(dice: float, *, name: str = "golden/01.png", least: float = 0.98, drift: float = 0.0) -> GoldenOutcome:
    case = GoldenCase(image=name, mask="m", probability="p", min_dice=least, max_area_drift=0.02)
    return GoldenOutcome(case, dice, drift, GoldenFloors(least, 0.02))


def _proof(bundle: Bundle, engine: MaskingEngine) -> Proof:
    return prove(bundle, engine, "fp32", lambda _: None)  # type: ignore[arg-type]  # all of it that a proof touches


@pytest.mark.parametrize(
    ("outcomes", "words"),
    [
        ([_outcome(0.99), _outcome(0.98)], None),
        ([_outcome(0.99), _outcome(0.97, name="golden/02.png")], "1 of 2 golden cases .* the worst is golden/02.png"),
        ([_outcome(0.99, drift=0.5)], "an area drift of 0.5000, expected at most 0.0200"),
        ([_outcome(float("nan"))], "1 of 1 golden cases left their tolerance"),
        ([_outcome(0.99, least=0.5)], "none of 1 golden cases asks for a Dice of 0.8, so nothing shows"),
        ([_outcome(0.1, least=0.5), _outcome(0.99)], None),  # what asks for too little is not judged
    ],
)
def test_the_floors_of_the_golden_cases_decide(outcomes: list[GoldenOutcome], words: str | None) -> None:
    failure = golden_failure(outcomes)

    assert (failure is None) == (words is None)
    assert re.search(words or "", failure or "")


def test_a_proof_records_how_near_the_engine_came(bundle: Path) -> None:
    opened = Bundle.open(bundle)
    news: list[Mapping[str, object]] = []

    proof = prove(opened, MaskingEngine(opened), "fp32", news.append)  # type: ignore[arg-type]  # see above

    assert (proof.failure, len(proof.golden)) == (None, 1)
    assert {"mean_dice", "worst_dice", "median_hd95_px", "area_drift_p95"} <= set(proof.figures)
    assert "engine_ms" not in proof.figures  # no event measured anything
    assert news == [{"phase": "Golden cases", "step": 1, "of": 1}]


def test_a_mask_that_differs_from_the_probabilities_is_not_accepted(bundle: Path) -> None:
    opened = Bundle.open(bundle)

    failure = _proof(opened, MaskingEngine(opened, wrong_pixels=3)).failure

    assert failure is not None
    assert failure.startswith("its output mask differs from its own probabilities in 3 pixels of the golden cases")
    assert _proof(opened, MaskingEngine(opened, wrong_pixels=3, has_mask=False)).failure is None


def test_an_engine_that_mixes_up_the_pictures_of_a_batch_is_not_accepted(bundle: Path) -> None:
    opened = Bundle.open(bundle)

    right, wrong = (_proof(opened, BatchEngine(opened, mixes_up=mixes_up)) for mixes_up in (False, True))

    assert (right.failure, right.figures["max_batch_difference"]) == (None, 0)
    assert [case["passed"] for case in wrong.golden] == [True]  # one at a time, it is right
    assert wrong.failure is not None
    assert re.search(r"changes by \d\.\d\d in a full batch, .*; build without --max-batch$", wrong.failure)


def test_a_wrong_golden_mask_is_a_failure_with_its_figures(tmp_path: Path) -> None:
    opened = Bundle.open(write_bundle(tmp_path / "b.skinseg", golden=lambda mask: ~mask))

    proof = _proof(opened, MaskingEngine(opened))

    assert proof.failure is not None
    assert proof.golden[0]["passed"] is False


def test_a_plan_that_is_not_the_one_that_was_built_is_never_loaded(
    bundle: Path, tmp_path: Path, fake_device: FakeDevice
) -> None:
    plan = tmp_path / "model.engine"
    plan.write_bytes(b"ftrt and something else")
    job = ProofJob(
        bundle=bundle,
        bundle_sha256=Bundle.open(bundle).sha256,
        product="trt",
        precision="fp32",
        plan=plan,
        plan_sha256=hashlib.sha256(b"what was built").hexdigest(),
    )

    answer = answer_of("skinseg_runtime.engine_build.proof", job.to_json(), lambda _: None, timeout_s=300)

    assert answer["error"] == {
        "kind": "IntegrityFailed",
        "message": "cannot prove model.engine: it is not the plan that was built; build again",
    }
    assert fake_device.gpu.live_bytes == 0
