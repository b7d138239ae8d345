"""The Core ML part of a bundle: packages, each held against the trained network, a report, and a check for a Mac."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.errors import InputError, ToolMissing
from skinseg_edge.networks.checkpoint import Checkpoint
from skinseg_edge.progress import Progress
from skinseg_export.artefacts import Artefacts, Checks
from skinseg_export.export_gate import ExportGate
from skinseg_export.export_options import ExportOptions, MissingTool
from skinseg_export.golden import Golden
from skinseg_export.parity import Parity, golden_checks
from skinseg_export.targets.coreml.build import coreml_version, mlpackage_from_torch
from skinseg_export.targets.coreml.mil_reference import MilEngine, load_program
from skinseg_export.targets.coreml.options import CoremlOptions, CoremlPrecision
from skinseg_export.targets.coreml.reach import kept_in_single
from skinseg_export.targets.coreml.report import CoremlReport, PackageReport
from skinseg_export.targets.coreml.structure import Structure, check_structure
from skinseg_export.targets.coreml.swift_package import add_swift_package
from skinseg_export.targets.coreml.verify import TrainedSide, verify_program

if TYPE_CHECKING:
    from torch.export import ExportedProgram

__all__ = ["COREML_REMEDY", "CoremlWork", "add_coreml", "check_coreml", "packages_of"]

PACKAGE_PATH = "model.mlpackage"
REPORT_PATH = "coreml/report.json"
PAGE_PATH = "coreml/report.md"
COREML_REMEDY = "coremltools is not installed; run pip install 'skinseg-edge[coreml]' (x86-64 Linux and macOS)"

_COMPRESSED: tuple[CoremlPrecision, ...] = ("int8", "int4", "palettized", "w8a8")


@dataclass(frozen=True)
class CoremlWork:
    """What an export hands over.

    *exported*: the trained network's operations in torch. *pictures*: as the network sees them, (H, W, 3) uint8 RGB of
    the contract's input_hw, to find out how far values reach; *calibration*: to measure the ranges of w8a8 on.
    *identity*: what every artefact says of where it comes from. *name*: the bundle's.
    """

    checkpoint: Checkpoint
    options: ExportOptions
    artefacts: Artefacts
    gate: ExportGate
    golden: tuple[Golden, ...]
    exported: "ExportedProgram"
    pictures: tuple[NDArray[np.uint8], ...]
    calibration: tuple[NDArray[np.uint8], ...]
    identity: Mapping[str, str]
    name: str


def packages_of(options: ExportOptions) -> tuple[CoremlOptions, ...]:
    """Return how each package that *options* ask for is made: full weights first, then compressed ones.

    Raises InputError if Core ML has no such package; see `CoremlOptions`.
    """
    full = CoremlOptions(
        precision="fp16" if options.wants_half else "fp32", ios=options.ios, sizes=options.coreml_sizes
    )
    return (full, *(replace(full, precision=each) for each in _COMPRESSED if each == options.precision))


def check_coreml(options: ExportOptions) -> None:
    """Check before any work that what *options* ask of Core ML can be made.

    Raises InputError if there is no such package, ToolMissing if Core ML alone is asked for without coremltools.
    """
    if "coreml" not in options.targets:
        return
    packages_of(options)
    if options.targets == ("coreml",) and coreml_version() is None:
        raise ToolMissing(f"cannot export for coreml: {COREML_REMEDY}")


def add_coreml(work: CoremlWork, progress: Progress) -> None:
    """Add every package that the options ask for, the report on them, and the Swift package that checks them on a Mac.

    Raises InputError if coremltools cannot express the network.
    """
    version = coreml_version()
    if version is None:
        work.artefacts.missing.append(MissingTool("coreml", COREML_REMEDY, is_fatal=True))
        return
    asked = packages_of(work.options)
    with tempfile.TemporaryDirectory() as scratch:
        with progress(1, "Core ML's numbers"):
            side = _trained_side(work, asked[0], Path(scratch))
            kept = kept_in_single(side.fresh, work.pictures) if work.options.wants_half else frozenset[str]()
        made = [_add_package(work, options, side, kept, Path(scratch), progress) for options in asked]
        reports = [each for each in made if each is not None]
    report = CoremlReport(tuple(reports), version)
    work.artefacts.add_json(REPORT_PATH, report.to_json())
    work.artefacts.draft.add_bytes(PAGE_PATH, report.page().encode())
    work.artefacts.remarks.append(report.summary())
    add_swift_package(work.artefacts.draft, work.checkpoint.contract, work.golden)


def _trained_side(work: CoremlWork, options: CoremlOptions, scratch: Path) -> TrainedSide:
    """Convert the trained network anew, in fp32, for what lies inside the packages."""
    checkpoint, folder = work.checkpoint, scratch / "fresh.mlpackage"
    mlpackage_from_torch(checkpoint.network, checkpoint.contract, folder, replace(options, precision="fp32"))
    return TrainedSide(
        checkpoint.network,
        checkpoint.contract,
        work.golden,
        load_program(folder),
        exported=work.exported,
        trained=checkpoint.trained,
    )


def _add_package(
    work: CoremlWork,
    options: CoremlOptions,
    side: TrainedSide,
    kept: frozenset[str],
    scratch: Path,
    progress: Progress,
) -> PackageReport | None:
    """Add one package; where only its compression cannot be made, note why and return None."""
    made, precision = work.artefacts, options.precision
    compressed = precision in _COMPRESSED
    name, path = (f"coreml-{precision}", f"model.{precision}.mlpackage") if compressed else ("coreml", PACKAGE_PATH)
    package = scratch / path
    try:
        with progress(1, f"Core ML package {path}"):
            _write(work, options, side, kept, package)
    except InputError as error:
        if not compressed:
            raise
        made.unmade[name] = str(error)
        return None
    made.draft.add_folder(path, package)
    structures: list[Structure] = []

    def verify() -> Checks:
        parameters = sum(parameter.numel() for parameter in side.network.parameters())
        structures.append(check_structure(package, side.contract, options, parameters=parameters))
        found = _verified(work, name, package, options, side, progress)
        return {**structures[0].checks(), **found, "computed_fp32": len(kept)}

    made.add(name, path, precision, verify)
    return PackageReport(
        artefact=name,
        path=path,
        options=options,
        size=sum(each.stat().st_size for each in package.rglob("*") if each.is_file()),
        kept=() if precision == "fp32" else tuple(sorted(kept)),
        structure=structures[0] if structures else None,
        checks=made.made[-1].checks,
        failure=str(made.made[-1].checks.get("failure", "")),
    )


def _write(work: CoremlWork, options: CoremlOptions, side: TrainedSide, kept: frozenset[str], package: Path) -> None:
    mlpackage_from_torch(
        side.network,
        side.contract,
        package,
        options,
        name=work.name,
        metadata=work.identity,
        calibration=work.calibration,
        kept=kept,
    )


def _verified(
    work: CoremlWork, name: str, package: Path, options: CoremlOptions, side: TrainedSide, progress: Progress
) -> Checks:
    """Return the figures of the saved *package*: its numbers, the gate's, and what a device must reach again."""
    program = load_program(package)
    with progress(1, f"{name} against torch"):  # closed before the gate opens its own: bars do not nest
        found, parity = verify_program(program, options, side)
    judged = work.gate.accept(name, options.precision, MilEngine(program, side.contract))
    pictures = tuple(each for each in parity.pictures if each.name.startswith("golden/"))
    reached = golden_checks([Parity(pictures)]) if options.precision in _COMPRESSED else {}
    return {**found, **judged, **reached}
