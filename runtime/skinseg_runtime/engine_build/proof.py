"""The proof of a new engine: the bundle's golden cases, through the very plan that would be published.

`python -m skinseg_runtime.engine_build.proof` runs it in a process of its own (see `apart`), so that an engine that
crashes takes nothing with it. The golden cases' floors decide; the other figures are recorded, to tell how near it was.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.bundle import Bundle
from skinseg_edge.errors import IntegrityFailed
from skinseg_edge.image_io import decode, decode_mask, decode_numbers
from skinseg_edge.preprocessing import to_network_input
from skinseg_runtime.acceptance import Subject, judge
from skinseg_runtime.engine_build.answering import Tell, answer
from skinseg_runtime.engine_build.job import Proof, ProofJob, opened_again
from skinseg_runtime.engines.products import product_named
from skinseg_runtime.engines.tensorrt import TensorRtEngine
from skinseg_runtime.postprocessing import lesion_map
from skinseg_runtime.segmenter import Segmenter
from skinseg_runtime.verification import LEAST_TELLING_DICE, GoldenOutcome, golden_outcomes

__all__ = ["golden_failure", "prove"]

_WHITE = 65535  # a probability of 1 in the bundle's 16-bit pictures
_PHASE = "Golden cases"
_SHIFT_PX = 16  # between two pictures of a batch that are made of the same one
# Kernels of another shape round otherwise, most where an outline is steep; a wrong picture turns a lesion into skin.
_MOST_BATCH_DIFFERENCE = 0.5


def prove(bundle: Bundle, engine: TensorRtEngine, precision: str, tell: Tell) -> Proof:
    """Run the golden cases of *bundle* through *engine*; *tell* hears of each.

    Raises what the engine raises, ParityFailed for values that are no probabilities among it.
    """
    segmenter = Segmenter(bundle.contract, engine)
    outcomes: list[GoldenOutcome] = []
    gpu_ms: list[float] = []
    for outcome in golden_outcomes(bundle, segmenter, precision=precision):
        outcomes.append(outcome)
        gpu_ms += [] if engine.gpu_ms is None else [engine.gpu_ms]
        tell({"phase": _PHASE, "step": len(outcomes), "of": len(bundle.manifest.golden)})
    acceptance = judge(segmenter, _subjects(bundle), precision=precision)
    wrong_pixels = _mask_disagreement(bundle, engine) if engine.has_mask else 0
    in_batches = _batch_difference(bundle, engine)
    return Proof(
        engine=engine.name,
        golden=[outcome.to_json() for outcome in outcomes],
        figures={**acceptance.checks(), **_probability_errors(bundle, segmenter), **_engine_ms(gpu_ms), **in_batches},
        failure=golden_failure(outcomes) or _mask_failure(wrong_pixels) or _batch_failure(in_batches),
    )


def golden_failure(outcomes: Sequence[GoldenOutcome]) -> str | None:
    """Return why the golden cases do not speak for an engine, half a sentence; None if they do."""
    judged = [outcome for outcome in outcomes if outcome.is_judged]
    failed = [outcome for outcome in judged if not outcome.passed]
    if failed:
        worst = min(failed, key=lambda outcome: outcome.dice)
        return (
            f"{len(failed)} of {len(outcomes)} golden cases left their tolerance; the worst is {worst.case.image} with "
            f"a Dice of {worst.dice:.4f}, expected at least {worst.floors.min_dice:.4f}, and an area drift of "
            f"{worst.area_drift:.4f}, expected at most {worst.floors.max_area_drift:.4f}"
        )
    if not judged:
        return (
            f"none of {len(outcomes)} golden cases asks for a Dice of {LEAST_TELLING_DICE}, so nothing shows that its "
            "masks are right here"
        )
    return None


def _subjects(bundle: Bundle) -> Iterator[Subject]:
    for case in bundle.manifest.golden:
        name = PurePosixPath(case.image).name
        yield Subject(name, bundle.read(case.image), decode_mask(bundle.read(case.mask)))


def _probability_errors(bundle: Bundle, segmenter: Segmenter) -> dict[str, float]:
    """Return mean and largest distance to the probabilities that the trained network gave, 0 to 1, over all cases."""
    errors = []
    for case in bundle.manifest.golden:
        found = lesion_map(segmenter.segment(bundle.read(case.image)).network_probability, bundle.contract)
        stored = decode_numbers(bundle.read(case.probability))
        if stored.shape == found.shape:
            errors.append(np.abs(found - stored.astype(np.float32) / _WHITE))
    if not errors:
        return {}
    return {
        "mean_probability_error": round(float(np.mean([error.mean() for error in errors])), 6),
        "max_probability_error": round(float(max(error.max() for error in errors)), 6),
    }


def _engine_ms(gpu_ms: Sequence[float]) -> dict[str, float]:
    """Return the median of what the GPU's own events measured, ms a picture; nothing where it measured nothing."""
    return {"engine_ms": round(float(np.median(gpu_ms)), 4)} if gpu_ms else {}


def _mask_disagreement(bundle: Bundle, engine: TensorRtEngine) -> int:
    """Return in how many pixels of all cases the engine's own mask differs from its probabilities."""
    differing = 0
    for case in bundle.manifest.golden:
        images = _network_images(bundle, case.image)
        expected = engine.infer(images)[:, 0] >= np.float32(bundle.contract.threshold)
        differing += int(np.count_nonzero((engine.infer_mask(images) != 0) != expected))
    return differing


def _mask_failure(wrong_pixels: int) -> str | None:
    if wrong_pixels == 0:
        return None
    return (
        f"its output mask differs from its own probabilities in {wrong_pixels} pixels of the golden cases, expected "
        "none; build without --mask-output"
    )


def _batch_difference(bundle: Bundle, engine: TensorRtEngine) -> dict[str, float]:
    """Return how far a picture's probabilities in a full batch lie from those it gets alone; nothing without batches.

    The golden cases go one at a time, and another shape runs other kernels: an engine that is to take batches must show
    that it can. No two pictures of the batch are the same, so that pictures that change places are seen.
    """
    if engine.max_batch < 2:
        return {}
    pictures = [_network_images(bundle, case.image) for case in bundle.manifest.golden]
    batch = np.concatenate(
        [np.roll(pictures[slot % len(pictures)], slot * _SHIFT_PX, axis=2) for slot in range(engine.max_batch)]
    )
    alone = np.concatenate([engine.infer(batch[slot : slot + 1]) for slot in range(engine.max_batch)])
    return {"max_batch_difference": round(float(np.abs(engine.infer(batch) - alone).max()), 6)}


def _batch_failure(found: Mapping[str, float]) -> str | None:
    difference = found.get("max_batch_difference", 0.0)
    if difference <= _MOST_BATCH_DIFFERENCE:
        return None
    return (
        f"a probability of a golden picture changes by {difference:.2f} in a full batch, expected at most "
        f"{_MOST_BATCH_DIFFERENCE}; build without --max-batch"
    )


def _network_images(bundle: Bundle, path: str) -> NDArray[np.uint8]:
    contract = bundle.contract
    picture = decode(bundle.read(path), at_least_hw=contract.input_hw)
    pixels = to_network_input(picture.pixels, contract, photo_hw=picture.full_hw).pixels
    return np.ascontiguousarray(pixels)[None]  # (1, H, W, 3)


def _work(document: dict[str, object], tell: Tell) -> Mapping[str, object]:
    job = ProofJob.from_json(document)
    bundle = opened_again(job)
    plan = job.plan.read_bytes()
    if hashlib.sha256(plan).hexdigest() != job.plan_sha256:
        raise IntegrityFailed(f"cannot prove {job.plan.name}: it is not the plan that was built; build again")
    engine = TensorRtEngine(
        plan, bundle.contract, product_named(job.product), source="the new engine", dla_core=job.dla_core
    )
    try:
        return asdict(prove(bundle, engine, job.precision, tell))
    finally:
        engine.close()


if __name__ == "__main__":
    answer(_work)
