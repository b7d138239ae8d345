"""Whether a device's receipt belongs to this bundle, and what the masks in it are worth.

Masks are compared at network size with the trained network's, which lie in `coreml-check/`, within the floors of
`verification.GoldenFloors`. A receipt that belongs to the bundle is kept as `engines/coreml-<device>/receipt.json`,
whatever its verdict; of each model of device the last one stays.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from skinseg_edge.atomic_files import write_bytes_atomically
from skinseg_edge.bundle import Bundle
from skinseg_edge.errors import BundleUnusable, IntegrityFailed, OutputRefused
from skinseg_edge.image_io import decode_mask
from skinseg_edge.manifest import ENGINES_FOLDER, Artefact, FileRecord, GoldenCase
from skinseg_edge.metrics import area_drift, dice
from skinseg_runtime.device_receipt import COMPUTE_UNITS, DeviceReceipt, DeviceRun, RunLengthMask, reference_mask_path
from skinseg_runtime.latency import Latency
from skinseg_runtime.verification import LEAST_TELLING_DICE, GoldenFloors, GoldenOutcome

__all__ = ["UnitVerdict", "keep_receipt", "missing_units", "package_digest", "unit_verdicts"]

_ROUNDED_ONLY = ("fp32", "fp16")  # every other precision was accepted for what its own masks were worth


@dataclass(frozen=True, kw_only=True)
class UnitVerdict:
    """What one package on one choice of compute units reached; *faults*: why it fails, one clause each."""

    run: DeviceRun
    outcomes: tuple[GoldenOutcome, ...]
    faults: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether it gave every golden mask within its floors."""
        return not self.faults

    @property
    def worst_dice(self) -> float | None:
        """The lowest Dice, 0 to 1; None where there is no mask."""
        return min((outcome.dice for outcome in self.outcomes), default=None)

    @property
    def worst_area_drift(self) -> float | None:
        """The largest relative difference of the lesion's area, without end for an empty reference; None as above."""
        return max((outcome.area_drift for outcome in self.outcomes), default=None)

    @property
    def latency(self) -> Latency | None:
        """Percentiles of what the device timed, ms; None where it timed nothing."""
        return Latency.of(self.run.latencies_ms) if self.run.latencies_ms else None

    def to_json(self) -> dict[str, object]:
        """Return plain values for `json.dumps`."""
        return {
            "artefact": self.run.artefact,
            "compute_units": self.run.compute_units,
            "passed": self.passed,
            "faults": list(self.faults),
            "load_cold_ms": self.run.load_cold_ms,
            "load_warm_ms": self.run.load_warm_ms,
            "latency_ms": None if self.latency is None else vars(self.latency),
            "operations": dict(self.run.operations),
            "golden": [outcome.to_json() for outcome in self.outcomes],
        }


def package_digest(files: Mapping[str, FileRecord]) -> str:
    """Return one SHA-256, hexadecimal, for the files of a package.

    It is taken over a line "SHA-256, two spaces, path" for each, sorted by path, as sha256sum prints them.
    """
    lines = "".join(f"{record.sha256}  {path}\n" for path, record in sorted(files.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def unit_verdicts(bundle: Bundle, receipt: DeviceReceipt) -> tuple[UnitVerdict, ...]:
    """Judge every run of *receipt* by the golden cases of *bundle*.

    Raises IntegrityFailed if the receipt is of another bundle or package or a golden mask changed, BundleUnusable if
    the bundle has no golden masks at network size.
    """
    _check_belongs(bundle, receipt)
    if not bundle.manifest.golden:
        raise BundleUnusable(f"cannot judge the receipt: {bundle.path.name} has no golden case; export it again")
    return tuple(_verdict(bundle, run) for run in receipt.runs)


def missing_units(bundle: Bundle, receipt: DeviceReceipt) -> tuple[str, ...]:
    """Return what of *bundle*'s accepted packages *receipt* has no run of, such as "coreml on CPU_AND_NE".

    A package without any run is named alone.
    """
    run = {(each.artefact, each.compute_units) for each in receipt.runs}
    packages = [each.name for each in bundle.manifest.artefacts if _is_package(each) and each.status == "verified"]
    nowhere = tuple(name for name in packages if name not in receipt.packages)
    return nowhere + tuple(
        f"{name} on {units}" for name in receipt.packages for units in COMPUTE_UNITS if (name, units) not in run
    )


def keep_receipt(bundle: Bundle, receipt: DeviceReceipt, data: bytes) -> Path:
    """Write *data*, the bytes of *receipt*, into the bundle's folder of that device; return where.

    Raises OutputRefused if the system refuses, or if a link lies in the way and would lead out of the bundle.
    """
    engines = bundle.path / ENGINES_FOLDER
    target = engines / receipt.folder_name / "receipt.json"
    for part in (engines, target.parent, target):
        if part.is_symlink():
            raise OutputRefused(f"cannot keep the receipt: {part} is a link, and a bundle holds none; remove it")
    write_bytes_atomically(target, data)
    return target


def _check_belongs(bundle: Bundle, receipt: DeviceReceipt) -> None:
    if receipt.bundle_sha256 != bundle.sha256:
        raise IntegrityFailed(
            f"cannot use the receipt: it was made with manifest {receipt.bundle_sha256[:12]}..., "
            f"{bundle.path.name} has {bundle.sha256[:12]}...; run skinseg-check on a copy of this very bundle"
        )
    present = {artefact.name: artefact for artefact in bundle.manifest.artefacts}
    for name, (path, sha256) in receipt.packages.items():
        artefact = present.get(name)
        is_ours = artefact is not None and _is_package(artefact) and artefact.path == path
        if not is_ours or package_digest(bundle.manifest.below(path)) != sha256:
            raise IntegrityFailed(
                f"cannot use the receipt: its package {name!r} at {path} with {sha256[:12]}... is not the one of "
                f"{bundle.path.name}; run skinseg-check on a copy of this very bundle"
            )


def _is_package(artefact: Artefact) -> bool:
    return artefact.name == "coreml" or artefact.name.startswith("coreml-")


def _verdict(bundle: Bundle, run: DeviceRun) -> UnitVerdict:
    artefact = bundle.artefact(run.artefact)
    if run.failure:
        return UnitVerdict(run=run, outcomes=(), faults=(f"it did not run: {run.failure}",))
    known = {case.image for case in bundle.manifest.golden}
    foreign = [image for image in run.masks if image not in known]
    if foreign:
        return UnitVerdict(run=run, outcomes=(), faults=(f"it has a mask of {foreign[0]}, which is no golden case",))
    outcomes = tuple(
        _outcome(bundle, case, artefact, run.masks[case.image])
        for case in bundle.manifest.golden
        if case.image in run.masks
    )
    return UnitVerdict(run=run, outcomes=outcomes, faults=tuple(_faults(outcomes, len(known), artefact)))


def _faults(outcomes: tuple[GoldenOutcome, ...], cases: int, artefact: Artefact) -> list[str]:
    faults = []
    if artefact.status != "verified":
        faults.append("it failed its acceptance where it was made")
    if len(outcomes) < cases:
        faults.append(f"{cases - len(outcomes)} of {cases} golden cases are missing")
    judged = [outcome for outcome in outcomes if outcome.is_judged]
    failed = sum(not outcome.passed for outcome in judged)
    if failed:
        faults.append(f"{failed} of {len(judged)} left their tolerance")
    if not judged:
        faults.append(
            f"no golden case asks for a Dice of {LEAST_TELLING_DICE}, so nothing shows that its masks are right"
        )
    return faults


def _outcome(bundle: Bundle, case: GoldenCase, artefact: Artefact, mask: RunLengthMask) -> GoldenOutcome:
    floors = GoldenFloors.of(case, None if artefact.precision in _ROUNDED_ONLY else artefact)
    if (mask.rows, mask.columns) != bundle.contract.input_hw:
        return GoldenOutcome(case, 0.0, float("inf"), floors)
    expected = decode_mask(_reference(bundle, case))
    got = mask.pixels()
    return GoldenOutcome(case, dice(got, expected), area_drift(got, expected), floors)


def _reference(bundle: Bundle, case: GoldenCase) -> bytes:
    path = reference_mask_path(case)
    if path not in bundle.manifest.files:
        raise BundleUnusable(
            f"cannot judge the receipt: {bundle.path.name} has no {path}, the golden mask at network size; export it "
            "again with --target coreml"
        )
    return bundle.read(path)
