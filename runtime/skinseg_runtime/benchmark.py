"""The timing of one form of a bundle's model: each photo goes the whole way, from its bytes to the mask."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

from skinseg_edge.bundle import Bundle
from skinseg_edge.errors import InputError
from skinseg_runtime.benchmark_timing import WarmUp, drift_of, timed, warm_up
from skinseg_runtime.device_sensors import Observation, Watch, find_sensors, idle_watts, power_mode
from skinseg_runtime.engines import choose_engine
from skinseg_runtime.latency import STAGES, Latency
from skinseg_runtime.machine import peak_memory_mib, resident_memory_mib, versions
from skinseg_runtime.segmenter import Segmenter
from skinseg_runtime.verification import golden_outcomes

__all__ = ["GoldenScore", "Job", "Measured", "measure", "photos_of"]

_Part = TypeVar("_Part")


@dataclass(frozen=True, kw_only=True)
class Job:
    """What to time.

    *bundle*: its folder. *engine*, *precision*, *threads*: see `engines.choose_engine`. *photos*: files that take
    turns; none takes the bundle's golden pictures. *runs*: how many are timed at least, and for how many *seconds* at
    least. *warm_up*: how many come before them; None: until the time in the network settles. *first*: number of the
    photo to begin with, where a job is one part of a longer one. *golden*: whether to score the golden cases, after the
    timing. *trusted_key*: the public key (PEM file) that must have signed the bundle.
    """

    bundle: Path
    engine: str = "auto"
    precision: str | None = None
    photos: tuple[Path, ...] = ()
    runs: int = 50
    seconds: float = 0.0
    warm_up: int | None = None
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
    MiB, libraries and photos included, *steady_memory_mib* what it held then; None where the system does not tell.
    *golden*: empty if none were asked for. *warm_up*: what came before the timed runs. *drift*: how many times as long
    the last third of them took in the network as the first, None for too few. *observed*: what sensors told meanwhile.
    """

    engine: str
    versions: Mapping[str, str]
    samples_ms: Mapping[str, tuple[float, ...]]
    load_s: float
    memory_mib: float | None
    golden: tuple[GoldenScore, ...] = ()
    precision: str = "fp32"
    fallback: str | None = None
    steady_memory_mib: float | None = None
    warm_up: WarmUp | None = None
    drift: float | None = None
    observed: Observation | None = None

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
        return cls(
            engine=parts[0].engine,
            versions=parts[0].versions,
            samples_ms={stage: tuple(ms for part in parts for ms in part.samples_ms[stage]) for stage in STAGES},
            load_s=median(part.load_s for part in parts),
            memory_mib=max(_known(part.memory_mib for part in parts), default=None),
            golden=tuple(score for part in parts for score in part.golden),
            precision=parts[0].precision,
            fallback=next((part.fallback for part in parts if part.fallback), None),
            steady_memory_mib=_median(part.steady_memory_mib for part in parts),
            warm_up=_joined_or_none(WarmUp.joined, [part.warm_up for part in parts]),
            drift=_median(part.drift for part in parts),
            observed=_joined_or_none(Observation.joined, [part.observed for part in parts]),
        )

    def to_json(self) -> dict[str, object]:
        """Return plain values for `json.dumps`; `from_json` gives the same measurement back."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Measured":
        """Read what `to_json` gave."""
        samples = {stage: tuple(figures) for stage, figures in document["samples_ms"].items()}
        golden = tuple(GoldenScore(**score) for score in document["golden"])
        warm_up, observed = document["warm_up"], document["observed"]
        parts = {
            "samples_ms": samples,
            "golden": golden,
            "warm_up": None if warm_up is None else WarmUp(**warm_up),
            "observed": None if observed is None else Observation.from_json(observed),
        }
        return cls(**{**document, **parts})


def measure(job: Job) -> Measured:
    """Load the network, time the photos and, if the job says so, score the golden cases; all in this process.

    Raises InputError if there is no photo to time, and what `Bundle.open`, `choose_engine` and
    `Segmenter.segment` raise.
    """
    sensors = find_sensors()
    # Of a longer job the first part tells it for all: rest costs time.
    idle_w = idle_watts(sensors) if job.first == 0 else {}
    started = time.perf_counter()
    bundle = Bundle.open(job.bundle, trusted_key=job.trusted_key)
    chosen = choose_engine(bundle, job.engine, precision=job.precision, threads=job.threads)
    with Segmenter(bundle.contract, chosen.engine) as segmenter:
        load_s = time.perf_counter() - started
        once = partial(_stages_ms, segmenter, photos_of(bundle, job))
        warmed = warm_up(once, job.warm_up)
        with Watch(sensors) as watch:
            rows = timed(once, first=job.first, runs=job.runs, seconds=job.seconds)
        samples = {stage: tuple(round(row[stage], 4) for row in rows) for stage in STAGES}
        memory_mib, steady_memory_mib = peak_memory_mib(), resident_memory_mib()  # before what is no part of the work
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
            steady_memory_mib=steady_memory_mib,
            warm_up=warmed,
            drift=drift_of(samples["inference"]),
            observed=watch.observation(len(rows), idle_w=idle_w, power_mode=power_mode()),
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


def _stages_ms(segmenter: Segmenter, photos: Sequence[Path | bytes], number: int) -> dict[str, float]:
    started = time.perf_counter()
    stages = segmenter.segment(photos[number % len(photos)]).timings_ms  # asking for them makes the mask, too
    return {**stages, "whole": (time.perf_counter() - started) * 1000}


def _known(figures: Iterable[float | None]) -> list[float]:
    return [figure for figure in figures if figure is not None]


def _median(figures: Iterable[float | None]) -> float | None:
    known = _known(figures)
    return median(known) if known else None


def _joined_or_none(join: Callable[[list[_Part]], _Part], parts: Iterable[_Part | None]) -> _Part | None:
    known = [part for part in parts if part is not None]
    return join(known) if known else None
