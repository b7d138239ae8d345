"""What skinseg-bench found, as a document and as the cells of a table.

A report tells how many photos were timed, not which: file names of a clinic's photos stay there.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from functools import cached_property

from skinseg_edge.bundle import Bundle
from skinseg_runtime.benchmark import Job
from skinseg_runtime.benchmark_notes import NOTES, doubts
from skinseg_runtime.benchmark_verdict import Verdict, verdict
from skinseg_runtime.comparison import Form
from skinseg_runtime.device_sensors import Observation
from skinseg_runtime.latency import STAGES
from skinseg_runtime.machine import machine
from skinseg_runtime.usable_cores import fast_cores

__all__ = ["HEADINGS", "Report", "cells", "report_on"]

HEADINGS: tuple[str, ...] = (
    "precision",
    "status",
    "size MB",
    "load s",
    "inference p50 ms",
    "inference p90 ms",
    "whole p50 ms",
    "memory MiB",
    "steady MiB",
    "mJ a photo",
    "throttled s",
    "golden Dice mean",
    "golden Dice worst",
    "gate Dice",
)

_MB = 1e6


@dataclass(frozen=True, kw_only=True)
class Report:
    """One run of skinseg-bench.

    *model*: name and hash of the bundle. *machine*: see `machine.machine`. *date*: UTC, ISO. *method*: photos, runs,
    warm-up, threads. *forms*: what was measured, at least one.
    """

    model: Mapping[str, str]
    machine: Mapping[str, object]
    date: str
    method: Mapping[str, object]
    forms: tuple[Form, ...]

    @property
    def engine(self) -> str:
        """The engine's name, or "none" where nothing ran."""
        return next((form.measured.engine for form in self.forms if form.measured), "none")

    @property
    def versions(self) -> Mapping[str, str]:
        """Versions of what computed; empty where nothing ran."""
        return next((form.measured.versions for form in self.forms if form.measured), {})

    @cached_property
    def verdict(self) -> Verdict:
        """Which form to use here."""
        return verdict(self.forms, self.engine)

    @property
    def heading(self) -> list[str]:
        """What the figures belong to, in three lines."""
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        where = f"{self.machine['processor']}, {self.machine['system']}, {self.machine['cores']} cores usable"
        how = "{asked}, warm-up {warm_up}, {count} {source}, {threads} threads".format(asked=self._asked, **self.method)
        return [f"{self.model['name']} with {self.engine} ({versions})", where, f"{how}; {self.date}"]

    @property
    def doubts(self) -> list[str]:
        """What speaks against the times standing for the steady state, in sentences."""
        found = [(form.precision, doubt) for form in self.forms if form.measured for doubt in doubts(form.measured)]
        return [f"{precision}: {doubt}." for precision, doubt in found]

    def to_json(self) -> dict[str, object]:
        """Return plain values for `json.dumps`."""
        return {
            "model": dict(self.model),
            "engine": {"name": self.engine, "versions": dict(self.versions)},
            "machine": dict(self.machine),
            "date": self.date,
            "method": dict(self.method),
            "forms": [_form_json(form) for form in self.forms],
            "doubts": self.doubts,
            "includes": NOTES,
        }

    @property
    def _asked(self) -> str:
        seconds = self.method["seconds"]
        return f"{self.method['runs']} runs" + (f" and {seconds:g} s at least" if seconds else "")


def report_on(bundle: Bundle, job: Job, forms: tuple[Form, ...]) -> Report:
    """Put a date, a machine and a method to what was measured."""
    return Report(
        model={"name": bundle.manifest.name, "bundle_sha256": bundle.sha256},
        machine=machine(),
        date=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        method={
            "runs": job.runs,
            "seconds": job.seconds,
            "warm_up": "until settled" if job.warm_up is None else job.warm_up,
            "threads": job.threads or fast_cores(),
            "source": "photos" if job.photos else "golden pictures",
            "count": len(job.photos or bundle.manifest.golden),
        },
        forms=forms,
    )


def cells(form: Form) -> list[str]:
    """Return one row of the page, in the order of HEADINGS."""
    start = [form.precision, form.status, f"{form.size_bytes / _MB:.2f}"]
    gate = _figure(form.gate_dice, 4)
    measured = form.measured
    if measured is None:
        return [*start, *["-"] * (len(HEADINGS) - len(start) - 1), gate]
    inference, whole = measured.latency["inference"], measured.latency["whole"]
    golden = [score.dice for score in measured.golden]
    observed = measured.observed
    return [
        *start,
        f"{measured.load_s:.2f}",
        f"{inference.p50_ms:.2f}",
        f"{inference.p90_ms:.2f}",
        f"{whole.p50_ms:.2f}",
        _figure(measured.memory_mib, 0),
        _figure(measured.steady_memory_mib, 0),
        _figure(observed.mj_per_photo if observed else None, 1),
        _figure(observed.throttled_for_s if observed else None, 1),
        _figure(sum(golden) / len(golden) if golden else None, 4),
        _figure(min(golden, default=None), 4),
        gate,
    ]


def _form_json(form: Form) -> dict[str, object]:
    measured = form.measured
    document: dict[str, object] = {
        "precision": form.precision,
        "artefact": form.artefact.name,
        "status": form.status,
        "reason": form.reason,
        "size_bytes": form.size_bytes,
        "gate_mean_dice": form.gate_dice,
    }
    if measured is None:
        return {**document, "measured": None}
    figures: dict[str, object] = {
        "engine": measured.engine,
        "fallback": measured.fallback,
        "runs": measured.runs,
        "load_s": measured.load_s,
        "memory_mib": measured.memory_mib,
        "steady_memory_mib": measured.steady_memory_mib,
        "warm_up": None if measured.warm_up is None else asdict(measured.warm_up),
        "drift": measured.drift,
        "latency": {stage: asdict(measured.latency[stage]) for stage in STAGES},
        "golden_dice": [round(score.dice, 6) for score in measured.golden],
        "sensors": None if measured.observed is None else _sensors_json(measured.observed),
    }
    return {**document, "measured": figures}


def _sensors_json(observed: Observation) -> dict[str, object]:
    meters = {
        name: {
            "mj_per_photo": meter.mj_per_photo,
            "above_idle_mj_per_photo": meter.above_idle_mj_per_photo,
            "counts": meter.counts,
            "includes": meter.includes,
        }
        for name, meter in observed.meters.items()
    }
    return {
        **observed.to_json(),
        "meters": meters,
        "mj_per_photo": observed.mj_per_photo,
        "above_idle_mj_per_photo": observed.above_idle_mj_per_photo,
        "throttled_for_s": observed.throttled_for_s,
    }


def _figure(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
