"""Whether an engine on this device's disk may be loaded, told before anything is loaded: nothing of it runs here.

To load an engine is to run native code. So none is loaded that this device did not prove itself: the records beside it
carry this device's seal, they were made for this device and this bundle, and the plan's bytes are the proved ones.
"""

import os
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from skinseg_edge.bundle import Bundle
from skinseg_edge.errors import EngineUnusable, FileMissing, InputError, SkinsegError
from skinseg_edge.manifest_parts import ENGINES_FOLDER
from skinseg_edge.terminal import printable
from skinseg_runtime.engine_files.device_key import check_key
from skinseg_runtime.engine_files.engine_folder import EngineFolder
from skinseg_runtime.engine_files.foreign_shelves import engines_of_other_devices
from skinseg_runtime.engine_files.plan_header import header_fault
from skinseg_runtime.engine_files.receipt import Receipt
from skinseg_runtime.engine_files.shelf import Shelf
from skinseg_runtime.engine_files.sidecar import Sidecar
from skinseg_runtime.engines.precisions import artefact_name, usual_precision
from skinseg_runtime.engines.products import Product
from skinseg_runtime.this_device import Device

__all__ = ["Preflight", "PreflightState", "Which", "build_command", "preflight"]

PreflightState: TypeAlias = Literal["ready", "absent", "unusable"]
Which: TypeAlias = Literal["current", "previous"]

_LOOKS = 3  # a builder may swap engines between reading the pointer and the folder that it names


@dataclass(frozen=True, kw_only=True)
class Preflight:
    """What was found.

    *state*: "ready", "absent" (never built for this device or any other) or "unusable". *sentence*: all of it, with the
    command. *finding*: what differs, half a sentence, "" if ready. *remedy*: the command that mends it. *folder*: the
    engine that was looked at; *sidecar*, *receipt*: its records; None as far as it did not come.
    """

    state: PreflightState
    sentence: str
    finding: str
    remedy: str
    folder: EngineFolder | None = None
    sidecar: Sidecar | None = None
    receipt: Receipt | None = None
    plan: bytes | None = field(default=None, repr=False)

    def plan_bytes(self) -> bytes:
        """Return the plan: the very bytes that were checked.

        Raises EngineUnusable with the sentence if the state is not "ready".
        """
        if self.plan is None:
            raise EngineUnusable(self.sentence)
        return self.plan


def preflight(
    bundle: Bundle, product: Product, precision: str, device: Device, *, which: Which = "current"
) -> Preflight:
    """Look at the engine of *product* in *precision* that *bundle* holds for *device*.

    *which*: the engine that is to be used, or the one before it. The bundle's own signature was checked when it was
    opened. What is wrong with an engine is told, not raised.

    Raises UnknownName or BundleUnusable if the bundle has no such precision, whatever lies in its engines.
    """
    told = _Told(bundle, product, precision, which, bundle.artefact(artefact_name(precision)).path)
    try:
        check_key()
    except InputError as error:  # says all, and building again would not mend it
        return told.unusable("this device's key cannot be used", sentence=str(error))
    shelf = Shelf(bundle, device)
    try:
        found = _in_peace(shelf, precision, which, lambda folder: _examined(folder, told, device))
    except SkinsegError as error:
        return told.unusable(_inner(error))
    if found is not None:
        return found
    elsewhere = _built_elsewhere(bundle, device, precision) if which == "current" else None
    return told.absent() if elsewhere is None else told.unusable(elsewhere)


def build_command(bundle: Bundle, product: Product, precision: str) -> str:
    """Return the command that builds this engine.

    >>> from types import SimpleNamespace
    >>> from skinseg_runtime.engines.products import TENSORRT_RTX
    >>> tiny = SimpleNamespace(path=Path("/models/lesion 2.skinseg"), manifest=SimpleNamespace(artefacts=()))
    >>> build_command(tiny, TENSORRT_RTX, "fp32")
    "skinseg-build '/models/lesion 2.skinseg' --engine trt-rtx"
    """
    words = ["skinseg-build", shlex.quote(_short(bundle.path))]
    if product.engine != "trt":
        words += ["--engine", product.engine]
    if precision != usual_precision(bundle):
        words += ["--precision", precision]
    return " ".join(words)


@dataclass(frozen=True)
class _Told:
    """How what is found is put into words."""

    bundle: Bundle
    product: Product
    precision: str
    which: Which
    onnx: str

    @property
    def remedy(self) -> str:
        return build_command(self.bundle, self.product, self.precision)

    @property
    def engine(self) -> str:
        earlier = "earlier " if self.which == "previous" else ""
        return f"the {earlier}{self.product.title} engine of {self.bundle.path.name}"

    def unusable(
        self,
        finding: str,
        folder: EngineFolder | None = None,
        records: tuple[Sidecar, Receipt] | None = None,
        *,
        sentence: str | None = None,
    ) -> Preflight:
        # Some words may come from files that anybody wrote, and terminals obey control characters.
        finding = printable(finding)
        return Preflight(
            state="unusable",
            sentence=sentence or f"cannot use {self.engine}: {finding}; run {self.remedy}",
            finding=finding,
            remedy=self.remedy,
            folder=folder,
            sidecar=records[0] if records else None,
            receipt=records[1] if records else None,
        )

    def absent(self) -> Preflight:
        finding = f"none was built in {self.precision}"
        sentence = f"cannot use {self.engine}: {finding}; run {self.remedy}"
        return Preflight(state="absent", sentence=sentence, finding=finding, remedy=self.remedy)

    def ready(self, folder: EngineFolder, sidecar: Sidecar, receipt: Receipt, plan: bytes) -> Preflight:
        return Preflight(
            state="ready",
            sentence=f"{self.engine} is ready: {self.precision}, proved on this device",
            finding="",
            remedy=self.remedy,
            folder=folder,
            sidecar=sidecar,
            receipt=receipt,
            plan=plan,
        )


def _in_peace(
    shelf: Shelf, precision: str, which: Which, look: Callable[[EngineFolder], Preflight]
) -> Preflight | None:
    """Look at the engine, and again at its successor if a builder removed it in the meantime; None if there is none."""
    place = shelf.current if which == "current" else shelf.previous
    folder, found = place(precision), None
    for _ in range(_LOOKS):
        found = None if folder is None else look(folder)
        successor = place(precision)
        if successor == folder or (found and found.state == "ready"):
            break
        folder = successor
    return found


def _examined(folder: EngineFolder, told: _Told, device: Device) -> Preflight:
    try:
        records = folder.records()
    except (EngineUnusable, FileMissing) as error:
        return told.unusable(_inner(error), folder)
    if records is None:
        foreign = "this device did not seal it, so it was built on another or changed since"
        return told.unusable(foreign, folder)
    fault = next(_faults_of_records(*records, told, device), None)
    if fault is not None:
        return told.unusable(fault, folder, records)
    try:
        plan = folder.plan_bytes(records[0], told.bundle)
    except SkinsegError as error:
        return told.unusable(_inner(error), folder, records)
    fault = header_fault(plan, told.product, device.tensorrt)
    return told.ready(folder, *records, plan) if fault is None else told.unusable(fault, folder, records)


def _faults_of_records(sidecar: Sidecar, receipt: Receipt, told: _Told, device: Device) -> Iterator[str]:
    """Name what keeps sealed records from speaking for the engine, the first cause first."""
    if sidecar.precision != told.precision:
        yield f"it is built in {sidecar.precision}, expected {told.precision}"
    if not receipt.accepted:
        yield "the golden cases failed through it"
    if receipt.engine_sha256 != sidecar.sha256:
        yield "its receipt is of another plan"
    difference = sidecar.device.difference(device)
    if difference is not None:
        yield difference
    expected = told.bundle.manifest.files[told.onnx].sha256
    if (sidecar.onnx_path, sidecar.onnx_sha256) != (told.onnx, expected):
        built = f"{sidecar.onnx_path} with SHA-256 {_start(sidecar.onnx_sha256)}"
        yield f"it was built of {built}, the bundle has {told.onnx} with {_start(expected)}"
    if sidecar.bundle_sha256 != told.bundle.sha256:
        proved, here = _start(sidecar.bundle_sha256), _start(told.bundle.sha256)
        yield f"it was proved with the golden cases of manifest {proved}, the bundle has {here}"


def _built_elsewhere(bundle: Bundle, device: Device, precision: str) -> str | None:
    """Return why an engine that is there is none for this device, the most alike first; None if there is none."""
    folder = bundle.path / ENGINES_FOLDER
    others = [other for other in engines_of_other_devices(folder, precision) if other.product == device.product]
    others.sort(key=lambda other: [built != here for built, here in _pairs(other, device)])
    return next((difference for other in others if (difference := other.difference(device))), None)


def _pairs(other: Device, device: Device) -> Iterator[tuple[str, str]]:
    yield from zip(other.identity.values(), device.identity.values(), strict=True)


def _start(digest: str) -> str:
    return f"{digest[:12]}..."


def _inner(error: SkinsegError) -> str:
    """Return an error's words without their own remedy, for the sentence ends with the right one."""
    return str(error).rpartition("; ")[0] or str(error)


def _short(path: Path) -> str:
    """Return a path as it may be typed here."""
    try:
        return os.fspath(path.relative_to(Path.cwd()))
    except (ValueError, OSError):  # elsewhere, or the current folder is gone
        return os.fspath(path)
