"""The timing of one form of a bundle's model: each photo goes the whole way, from its bytes to the mask."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any

from skinseg_edge.bundle import Bundle
from skinseg_edge.errors import InputError
from skinseg_runtime.engines import choose_engine
from skinseg_runtime.latency import STAGES, Latency
from skinseg_runtime.machine import peak_memory_mib, versions
from skinseg_runtime.segmenter import Segmenter
from skinseg_runtime.verification import golden_outcomes

__all__ = ["GoldenScore", "Job", "Measured", "measure", "photos_of"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """What to time.

    *bundle*: its folder. *engine*, *precision*, *threads*: see `engines.choose_engine`. *photos*: files that take
    turns; none takes the bundle's golden pictures. *runs*: how many are timed, after *warm_up* that are not. *first*:
    number of the photo to begin with, where a job is one part of a longer one. *golden*: whether to score the golden
    cases, after the timing. *trusted_key*: the public key (PEM file) that must have signed the bundle.
    """

    bundle: Path
    engine: str = "auto"
    precision: str | None = None
    photos: tuple[Path, ...] = ()
    runs: int = 50
    warm_up: int = 5
    first: int = 0
    threads: int | None = None
    golden: bool = False
    trusted_key: Path | None = None

    def to_json(self) -> dict[str, object]:
        """Return plain values for `json.dumps`; `from_json` gives the same job back, in any folder."""
        key = None if self.trusted_key is None else str(self.trusted_key.absolute())
        photos = [str(photo.absolute()) for photo in self.photos]
        return {**vars(self), "bundle": str(self.bundle.absolute()), "photos": photos, "trusted_key": key}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Job":
        """Read what `to_json` gave."""
        key = document["trusted_key"]
        paths: dict[str, Any] = {
            "bundle": Path(document["bundle"]),
            "photos": tuple(Path(photo) for photo in document["photos"]),
            "trusted_key": None if key is None else Path(key),
        }
        return cls(**{**document, **paths})


@dataclass(frozen=True)
class GoldenScore:
    """One golden case, run here: *dice* (0 to 1) to its mask, and whether that and the area were within bounds.

    *is_judged*: whether the bounds ask for enough to tell anything; see `verification.GoldenFloors`.
    """

    dice: float
    passed: bool
    is_judged: bool = True


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a job gave.

    *engine*, *precision*: what really ran; *fallback*: why not the best engine for this device, None if it did.
    *samples_ms*: for each of STAGES, one figure a run. *load_s*: from the bundle's folder to a network that is ready:
    hashes, the engine's library, the network. *memory_mib*: the most that the process had held when the timing ended,
    MiB, libraries and photos included; None where the system does not tell. *golden*: empty if none were asked for.
    """

    engine: str
    versions: Mapping[str, str]
    samples_ms: Mapping[str, tuple[float, ...]]
    load_s: float
    memory_mib: float | None
    golden: tuple[GoldenScore, ...] = ()
    precision: str = "fp32"
    fallback: str | None = None

    @cached_property
    def latency(self) -> dict[str, Latency]:
        """Percentiles of each of STAGES."""
        return {stage: Latency.of(self.samples_ms[stage]) for stage in STAGES}

    @property
    def runs(self) -> int:
        """How many photos were timed."""
        return len(self.samples_ms["whole"])

    @classmethod
    def joined(cls, parts: Sequence["Measured"]) -> "Measured":
        """Put the parts of one measurement together: all samples, the median load time, the largest memory."""
        memory = [part.memory_mib for part in parts if part.memory_mib is not None]
        return cls(
            engine=parts[0].engine,
            versions=parts[0].versions,
            samples_ms={stage: tuple(ms for part in parts for ms in part.samples_ms[stage]) for stage in STAGES},
            load_s=median(part.load_s for part in parts),
            memory_mib=max(memory, default=None),
            golden=tuple(score for part in parts for score in part.golden),
            precision=parts[0].precision,
            fallback=next((part.fallback for part in parts if part.fallback), None),
        )

    def to_json(self) -> dict[str, object]:
        """Return plain values for `json.dumps`; `from_json` gives the same measurement back."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Measured":
        """Read what `to_json` gave."""
        samples = {stage: tuple(figures) for stage, figures in document["samples_ms"].items()}
        golden = tuple(GoldenScore(**score) for score in document["golden"])
        return cls(**{**document, "samples_ms": samples, "golden": golden})


def measure(job: Job) -> Measured:
    """Load the network, time the photos and, if the job says so, score the golden cases; all in this process.

    Raises InputError if there is no photo to time, and what `Bundle.open`, `choose_engine` and
    `Segmenter.segment` raise.
    """
    started = time.perf_counter()
    bundle = Bundle.open(job.bundle, trusted_key=job.trusted_key)
    chosen = choose_engine(bundle, job.engine, precision=job.precision, threads=job.threads)
    with Segmenter(bundle.contract, chosen.engine) as segmenter:
        load_s = time.perf_counter() - started
        samples = _samples(segmenter, photos_of(bundle, job), job)
        memory_mib = peak_memory_mib()  # before the golden cases, whose comparison is no part of the work
        outcomes = golden_outcomes(bundle, segmenter, precision=chosen.precision) if job.golden else ()
        return Measured(
            engine=chosen.engine.name,
            versions=versions(),
            samples_ms=samples,
            load_s=round(load_s, 4),
            memory_mib=memory_mib,
            golden=tuple(GoldenScore(outcome.dice, outcome.passed, outcome.is_judged) for outcome in outcomes),
            precision=chosen.precision,
            fallback=chosen.fallback,
        )


def photos_of(bundle: Bundle, job: Job) -> tuple[Path | bytes, ...]:
    """Return what *job* times: its photos, or else the golden pictures of *bundle*.

    Raises InputError if there is neither, IntegrityFailed if a golden picture differs from the manifest.
    """
    if job.photos:
        return job.photos
    if not bundle.manifest.golden:
        raise InputError(
            f"cannot time {bundle.path.name}: it holds no golden pictures, expected at least one; name photos of your "
            "own with --photo"
        )
    return tuple(bundle.read(case.image) for case in bundle.manifest.golden)


def _samples(segmenter: Segmenter, photos: Sequence[Path | bytes], job: Job) -> dict[str, tuple[float, ...]]:
    for number in range(job.warm_up):
        _stages_ms(segmenter, photos[number % len(photos)])
    rows = [_stages_ms(segmenter, photos[number % len(photos)]) for number in range(job.first, job.first + job.runs)]
    return {stage: tuple(round(row[stage], 4) for row in rows) for stage in STAGES}


def _stages_ms(segmenter: Segmenter, photo: Path | bytes) -> dict[str, float]:
    started = time.perf_counter()
    stages = segmenter.segment(photo).timings_ms  # asking for them makes the mask, too
    return {**stages, "whole": (time.perf_counter() - started) * 1000}
