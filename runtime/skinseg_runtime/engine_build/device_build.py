"""The whole walk of a build: lock, build apart, look at the plan, prove it apart, publish; or leave all as it was."""

import contextlib
import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from skinseg_edge.bundle import Bundle
from skinseg_edge.errors import BuildFailed, EngineUnusable, OutputRefused, ParityFailed
from skinseg_edge.manifest import ENGINES_FOLDER
from skinseg_runtime.engine_build.build_processes import BuildProcesses
from skinseg_runtime.engine_build.job import BuildAnswer, BuildJob, BuildOptions, Proof, ProofJob
from skinseg_runtime.engine_build.request import BuildRequest, BuildStep
from skinseg_runtime.engine_build.trtexec_line import trtexec_line
from skinseg_runtime.engine_build.wanted_engine import WantedEngine, check_room, wanted_engine
from skinseg_runtime.engine_files.device_key import seal
from skinseg_runtime.engine_files.engine_folder import EngineFolder
from skinseg_runtime.engine_files.plan_header import header_fault
from skinseg_runtime.engine_files.receipt import Receipt
from skinseg_runtime.engine_files.shelf import LOCK_NAME, Shelf, Staging
from skinseg_runtime.engine_files.sidecar import PLAN_NAME, Sidecar, today
from skinseg_runtime.engines.products import product_named
from skinseg_runtime.file_lock import locked
from skinseg_runtime.preflight import Which, preflight
from skinseg_runtime.this_device import Device, identify

__all__ = ["REJECTED_NAME", "REJECTED_SCHEMA", "BuiltEngine", "build_and_prove", "engines_locked"]

_log = logging.getLogger(__name__)

REJECTED_NAME = "rejected.json"
REJECTED_SCHEMA = "skinseg.rejected/1"


@dataclass(frozen=True, kw_only=True)
class BuiltEngine:
    """An engine that was built, proved and made current.

    *folder*: where it lies. *sidecar*, *receipt*: what is recorded of it. *seconds*: that building and proving took.
    *trtexec*: the line that builds the same. *dla*: where each layer runs, as `DlaReport.to_json`; None unless asked.
    """

    folder: EngineFolder
    sidecar: Sidecar
    receipt: Receipt
    seconds: float
    trtexec: str
    dla: Mapping[str, object] | None


def build_and_prove(
    bundle: Bundle,
    options: BuildOptions,
    progress: Callable[[BuildStep], None] = lambda _step: None,
    *,
    device: Device | None = None,
) -> BuiltEngine:
    """Build an engine of *bundle* for this device, run the golden cases through it, and make it the current one.

    *progress*: hears of every step; what it raises ends the build. *device*: None asks this machine. Whatever goes
    wrong, the engine that was current before still is, and nothing else is left but, of an engine whose masks were
    wrong, a report.

    Raises DeviceBusy if another process builds for this bundle, OutputRefused if there is no room, BuildFailed if the
    builder refuses or dies, ParityFailed if the masks are wrong here, DeadlinePassed if it takes longer than allowed,
    ToolMissing if TensorRT, CUDA or a GPU is missing, and what `wanted_engine` raises.
    """
    device = identify(product_named(options.engine)) if device is None else device
    wanted = wanted_engine(bundle, options, device)
    seal(b"")  # makes the key: one that cannot be made or must not be used would else be found after the build
    with engines_locked(bundle, "build an engine"):
        if wanted.ahead_of_time is None:  # else nothing but records is written
            check_room(bundle, wanted.onnx)
        return _Build(bundle, options, device, wanted, progress).run()


@contextmanager
def engines_locked(bundle: Bundle, doing: str) -> Iterator[None]:
    """Keep others from changing the engines of *bundle* while the block runs; *doing*: such as "build an engine".

    Raises DeviceBusy if somebody else does, OutputRefused if the bundle cannot be written.
    """
    with locked(bundle.path / ENGINES_FOLDER / LOCK_NAME, f"{doing} of {bundle.path.name}"):
        yield


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """*path*: of the plan; *name*: of a file of the bundle, or PLAN_NAME. *answer*: the builder's, if it was built."""

    path: Path
    name: str
    size: int
    sha256: str
    trtexec: str
    answer: BuildAnswer | None


class _Build:
    """One build, whose lock is held."""

    def __init__(
        self,
        bundle: Bundle,
        options: BuildOptions,
        device: Device,
        wanted: WantedEngine,
        progress: Callable[[BuildStep], None],
    ) -> None:
        self._bundle, self._options, self._device, self._wanted = bundle, options, device, wanted
        self._product = product_named(options.engine)
        self._what = f"the {self._product.title} engine of {bundle.path.name}"
        self._shelf = Shelf(bundle, device)
        self._serving = self._usable()
        self._consequence = "" if self._serving is None else "; the engine in use stays"
        self._processes = BuildProcesses(self._what, options.timeout_s, progress, self._consequence)

    def run(self) -> BuiltEngine:
        with self._shelf.staging(self._options.precision, self._wanted.key) as staging:
            try:
                return self._published(staging)
            except OutputRefused as error:  # the hidden folder is nobody's business
                raise OutputRefused(str(error).replace(str(staging.path), str(self._shelf.root))) from error

    def _published(self, staging: Staging) -> BuiltEngine:
        plan = self._built(staging.path / PLAN_NAME) if self._wanted.ahead_of_time is None else self._ready_made()
        built_s = self._processes.elapsed_s
        sidecar = self._sidecar(plan, built_s)
        receipt = self._receipt(plan, self._proof(plan, sidecar))
        folder = staging.publish(sidecar, receipt, keep=self._serving)
        with contextlib.suppress(OSError):
            (self._shelf.root / REJECTED_NAME).unlink()
        return BuiltEngine(
            folder=folder,
            sidecar=sidecar,
            receipt=receipt,
            seconds=self._processes.elapsed_s,
            trtexec=plan.trtexec,
            dla=None if plan.answer is None else plan.answer.dla,
        )

    def _built(self, path: Path) -> _Plan:
        job = BuildJob(
            bundle=self._bundle.path,
            bundle_sha256=self._bundle.sha256,
            artefact=self._wanted.artefact.name,
            device=self._device,
            options=self._options,
            plan=path,
        )
        answer = self._processes.build(job)
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != answer.sha256:
            raise BuildFailed(f"cannot accept {self._what}: its file changed since it was written; build again")
        fault = header_fault(data, self._product, self._device.tensorrt)
        if fault is not None:
            raise BuildFailed(
                f"cannot accept {self._what}: {fault}; update skinseg-edge, which may not know this version"
                f"{self._consequence}"
            )
        capabilities = (self._device.compute_capability,)
        trtexec = self._trtexec(PLAN_NAME, answer.image_shape, answer.workspace_mib, capabilities)
        return _Plan(path=path, name=PLAN_NAME, size=len(data), sha256=answer.sha256, trtexec=trtexec, answer=answer)

    def _ready_made(self) -> _Plan:
        artefact = self._wanted.ahead_of_time
        assert artefact is not None
        record = self._bundle.manifest.files[artefact.path]
        shape = (1, *self._bundle.contract.input_hw, 3)
        capabilities = str(artefact.checks["compute_capabilities"]).split(", ")
        trtexec = self._trtexec(artefact.path, shape, None, capabilities)
        return _Plan(
            path=self._bundle.verified_path(artefact.path),
            name=artefact.path,
            size=record.size,
            sha256=record.sha256,
            trtexec=trtexec,
            answer=None,
        )

    def _proof(self, plan: _Plan, sidecar: Sidecar) -> Proof:
        job = ProofJob(
            bundle=self._bundle.path,
            bundle_sha256=self._bundle.sha256,
            product=self._product.engine,
            precision=self._options.precision,
            plan=plan.path,
            plan_sha256=plan.sha256,
            dla_core=self._options.dla_core,
        )
        try:
            proof = self._processes.prove(job)
        except (ParityFailed, EngineUnusable) as error:
            self._report(sidecar, Proof(engine=self._product.engine, golden=[], figures={}, failure=str(error)))
            raise
        if proof.failure is not None:
            self._report(sidecar, proof)
            raise ParityFailed(
                f"cannot accept {self._what}: {proof.failure}; use another precision, and see "
                f"{ENGINES_FOLDER}/{self._device.key}/{REJECTED_NAME}{self._consequence}"
            )
        return proof

    def _report(self, sidecar: Sidecar, proof: Proof) -> None:
        """Leave the figures of an engine that is thrown away; no trouble with that hides why it is."""
        document = {
            "schema": REJECTED_SCHEMA,
            "failure": proof.failure,
            "golden": list(proof.golden),
            "figures": dict(proof.figures),
            "engine": {**vars(sidecar), "device": sidecar.device.to_json()},
        }
        try:
            self._shelf.note(REJECTED_NAME, document)
        except OutputRefused as refusal:
            _log.warning("the figures of the engine that was not accepted are not kept: %s", refusal)

    def _sidecar(self, plan: _Plan, built_s: float) -> Sidecar:
        return Sidecar(
            product=self._product.engine,
            version=self._device.tensorrt,
            size=plan.size,
            sha256=plan.sha256,
            onnx_path=self._wanted.artefact.path,
            onnx_sha256=self._wanted.onnx.sha256,
            bundle_sha256=self._bundle.sha256,
            precision=self._options.precision,
            device=self._device,
            options=self._wanted.options,
            profile=self._wanted.profile,
            memory=plan.answer.memory if plan.answer else {},
            trtexec=plan.trtexec,
            built_s=round(built_s, 3),
            date=today(),
            plan=plan.name,
        )

    def _receipt(self, plan: _Plan, proof: Proof) -> Receipt:
        return Receipt(
            engine_sha256=plan.sha256,
            accepted=proof.failure is None,
            golden=proof.golden,
            figures=proof.figures,
            engine=proof.engine,
            date=today(),
        )

    def _trtexec(
        self, plan: str, shape: Sequence[int], workspace_mib: int | None, compute_capabilities: Sequence[str]
    ) -> str:
        request = BuildRequest(
            workspace_mib=workspace_mib,
            max_batch=self._options.max_batch,
            mask_threshold=None,
            dla_core=self._options.dla_core,
            optimization_level=self._options.optimization_level,
            timing_cache=None,
            compute_capabilities=tuple(compute_capabilities) if self._options.engine == "trt-rtx" else (),
        )
        return trtexec_line(self._wanted.artefact.path, plan, shape, request, product=self._product)

    def _usable(self) -> EngineFolder | None:
        """Return the engine that may be used until the new one is there: the current one, else the one before it."""
        places: tuple[Which, ...] = ("current", "previous")
        looks = (
            preflight(self._bundle, self._product, self._options.precision, self._device, which=place)
            for place in places
        )
        return next((look.folder for look in looks if look.state == "ready"), None)
