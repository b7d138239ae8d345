"""Which engine is wanted: everything that can be decided, or refused, before anything is built."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from skinseg_edge.bundle import Bundle
from skinseg_edge.errors import BundleUnusable, InputError, OutputRefused, ParityFailed
from skinseg_edge.manifest import Artefact, FileRecord
from skinseg_runtime.engine_build import dla
from skinseg_runtime.engine_build.job import BuildOptions
from skinseg_runtime.engine_files.engine_key import engine_key
from skinseg_runtime.engine_files.plan_header import is_same_release
from skinseg_runtime.engines import artefact_name
from skinseg_runtime.jetpack import read_jetpack
from skinseg_runtime.this_device import Device

__all__ = ["WantedEngine", "check_room", "wanted_engine"]

_INPUT = "image"
_MIB = 1 << 20
# An engine holds the weights of its ONNX file, perhaps twice, and its kernels: 22 MB of them for three kinds of GPU.
_ROOM_FOR_WEIGHTS, _ROOM_FOR_KERNELS = 2, 64 * _MIB


@dataclass(frozen=True, kw_only=True)
class WantedEngine:
    """*artefact*, *onnx*: the ONNX file to build of, and its size and hash. *key*: see `engine_key`.

    *profile*, *options*: as in `Sidecar`. *ahead_of_time*: the bundle's own engine that fits this device, and is only
    to be proved; else None.
    """

    artefact: Artefact
    onnx: FileRecord
    key: str
    profile: Mapping[str, object]
    options: Mapping[str, object]
    ahead_of_time: Artefact | None


def wanted_engine(bundle: Bundle, options: BuildOptions, device: Device, root: Path = Path("/")) -> WantedEngine:
    """Decide which engine of *bundle* is to be built for *device*.

    *root*: where a Jetson's files about itself are looked for.

    Raises BundleUnusable if the bundle lacks the precision, was never trained or has no golden case, ParityFailed if
    the precision failed its acceptance, InputError if the network or the device has not what the options ask for.
    """
    artefact = _buildable(bundle, options.precision)
    if options.mask_output and len(bundle.contract.classes) != 1:
        raise InputError(
            f"cannot build an engine with masks of {bundle.path.name}: it tells {len(bundle.contract.classes)} classes "
            "apart, expected one; build without --mask-output"
        )
    if options.dla_core is not None:
        _check_dla(options, device, root)
    ready_made = _ahead_of_time(bundle, options, device)
    profile = _profile(bundle, options.max_batch)
    asked = {**options.of_the_engine(), "ahead_of_time": None if ready_made is None else ready_made.path}
    onnx = bundle.manifest.files[artefact.path]
    key = engine_key(
        onnx_sha256=onnx.sha256, device=device, precision=options.precision, profile=profile, options=asked
    )
    return WantedEngine(artefact=artefact, onnx=onnx, key=key, profile=profile, options=asked, ahead_of_time=ready_made)


def check_room(bundle: Bundle, onnx: FileRecord) -> None:
    """Check, before a long build, that its engine will find room beside those that are there.

    Raises OutputRefused with what is free and what is needed.
    """
    needed = _ROOM_FOR_WEIGHTS * onnx.size + _ROOM_FOR_KERNELS
    free = shutil.disk_usage(bundle.path).free
    if free < needed:
        raise OutputRefused(
            f"cannot build an engine of {bundle.path.name}: {free // _MIB} MiB are free beside it, expected at least "
            f"{-(-needed // _MIB)} MiB; free some space and build again"
        )


def _buildable(bundle: Bundle, precision: str) -> Artefact:
    name = bundle.path.name
    artefact = bundle.artefact(artefact_name(precision))
    if artefact.status != "verified":
        raise ParityFailed(
            f"cannot build an engine of {artefact.path} of {name}: its status is {artefact.status!r}, expected "
            "'verified'; use another precision or export the model again"
        )
    if not bundle.manifest.provenance.trained:
        raise BundleUnusable(
            f"cannot build an engine of {name}: its network is untrained, made to try targets with; export a trained "
            "checkpoint"
        )
    if not bundle.manifest.golden:
        raise BundleUnusable(
            f"cannot build an engine of {name}: it has no golden cases, expected some, for nothing else shows that its "
            "masks are right here; export it again"
        )
    return artefact


def _check_dla(options: BuildOptions, device: Device, root: Path) -> None:
    core = options.dla_core or 0
    reason = dla.refusal(
        device.tensorrt, read_jetpack(root), core=core, engine=options.engine, precision=options.precision
    )
    if reason is not None:
        raise InputError(f"cannot build for DLA {core}: {reason}; build without --dla")


def _ahead_of_time(bundle: Bundle, options: BuildOptions, device: Device) -> Artefact | None:
    """Return the bundle's own engine if it is what a build here would give: same precision, GPU kind and release."""
    if options != BuildOptions(engine="trt-rtx", precision=options.precision, timeout_s=options.timeout_s):
        return None
    for artefact in bundle.manifest.artefacts:
        capabilities = str(artefact.checks.get("compute_capabilities", "")).split(", ")
        if (
            artefact.name.startswith("trt-rtx")
            and artefact.status == "verified"
            and artefact.precision == options.precision
            and device.compute_capability in capabilities
            and is_same_release(str(artefact.checks.get("version", "")), device.tensorrt)
        ):
            return artefact
    return None


def _profile(bundle: Bundle, max_batch: int) -> dict[str, object]:
    def shape(batch: int) -> list[int]:
        return [batch, *bundle.contract.input_hw, 3]

    return {_INPUT: {"min": shape(1), "opt": shape(1), "max": shape(max_batch)}}
