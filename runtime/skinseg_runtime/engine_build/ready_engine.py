"""Whether the engine that is wanted is there already, and the way back to the one before it."""

from dataclasses import dataclass

from skinseg_edge.bundle import Bundle
from skinseg_edge.errors import EngineUnusable
from skinseg_runtime.engine_build.device_build import engines_locked
from skinseg_runtime.engine_build.wanted_engine import WantedEngine
from skinseg_runtime.engine_files.engine_folder import EngineFolder
from skinseg_runtime.engine_files.engine_key import engine_key
from skinseg_runtime.engine_files.receipt import Receipt
from skinseg_runtime.engine_files.shelf import Shelf
from skinseg_runtime.engine_files.sidecar import Sidecar
from skinseg_runtime.engines.products import product_named
from skinseg_runtime.preflight import Preflight, preflight
from skinseg_runtime.this_device import Device

__all__ = ["ReadyEngine", "ready_engine", "roll_back"]


@dataclass(frozen=True, kw_only=True)
class ReadyEngine:
    """An engine that this device proved and may use: where it lies and what is recorded of it."""

    folder: EngineFolder
    sidecar: Sidecar
    receipt: Receipt


def ready_engine(bundle: Bundle, wanted: WantedEngine, precision: str, device: Device) -> ReadyEngine | None:
    """Return the current engine if it may be used and a build would give it again; else None."""
    engine = _found(preflight(bundle, product_named(device.product), precision, device))
    return engine if engine is not None and _key_of(engine.sidecar) == wanted.key else None


def roll_back(bundle: Bundle, precision: str, device: Device) -> ReadyEngine:
    """Make the engine before the current one current again, if it may be used.

    Raises EngineUnusable if there is none or it may not be used, DeviceBusy if another process builds, OutputRefused
    if the bundle cannot be written.
    """
    with engines_locked(bundle, "go back to an earlier engine"):
        before = preflight(bundle, product_named(device.product), precision, device, which="previous")
        engine = _found(before)
        if before.state == "absent":
            raise EngineUnusable(
                f"cannot go back to an earlier engine of {bundle.path.name}: none in {precision} is kept beside the "
                f"current one, expected one; {before.remedy} --force makes another engine"
            )
        if engine is None:
            raise EngineUnusable(before.sentence)
        Shelf(bundle, device).roll_back(precision)
    return engine


def _found(seen: Preflight) -> ReadyEngine | None:
    if seen.state != "ready" or seen.folder is None or seen.sidecar is None or seen.receipt is None:
        return None
    return ReadyEngine(folder=seen.folder, sidecar=seen.sidecar, receipt=seen.receipt)


def _key_of(sidecar: Sidecar) -> str:
    return engine_key(
        onnx_sha256=sidecar.onnx_sha256,
        device=sidecar.device,
        precision=sidecar.precision,
        profile=sidecar.profile,
        options=sidecar.options,
    )
