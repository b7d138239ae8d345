"""Which of a bundle's engines for this GPU is opened: the current one, a new one, or the one before."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from skinseg_edge.bundle import Bundle
from skinseg_edge.errors import EngineUnusable, SkinsegError
from skinseg_runtime.engine_files.state_folder import state_folder
from skinseg_runtime.engines.choice import Chosen
from skinseg_runtime.engines.products import TENSORRT_RTX, Product
from skinseg_runtime.engines.tensorrt import TensorRtEngine
from skinseg_runtime.gpu_queue import Queueing
from skinseg_runtime.preflight import Which, preflight
from skinseg_runtime.this_device import Device, identify

if TYPE_CHECKING:
    from skinseg_runtime.engine_build import BuildStep

__all__ = ["engine_of_device"]

_log = logging.getLogger(__name__)


def engine_of_device(
    bundle: Bundle,
    product: Product,
    precision: str,
    *,
    allow_build: bool = False,
    queueing: Queueing | None = None,
    on_build_step: Callable[[BuildStep], None] | None = None,
) -> Chosen:
    """Open the engine of *product* that *bundle* holds for this device.

    If the current one may not be used: with *allow_build* build another, and if that fails or may not be, open the one
    before it, which `Chosen.fallback` then says. To open one changes nothing on the disk.

    Raises EngineUnusable if none may be used, ToolMissing if TensorRT, CUDA or a GPU is missing, DeviceUnready if the
    GPU does not answer, and what `build_and_prove` raises if a build was tried and no engine is there from before.
    """
    device = identify(product)
    opened = _Opener(bundle, product, precision, device, queueing)
    try:
        return opened("current")
    except EngineUnusable as error:
        problem: SkinsegError = error
    if allow_build:
        try:
            _build(bundle, product, precision, device, on_build_step)
            return opened("current")
        except SkinsegError as error:
            problem = error
    try:
        before = opened("previous")
    except EngineUnusable:
        raise problem from None
    return replace(before, fallback=f"{problem}; until then the engine before it does its work")


@dataclass(frozen=True)
class _Opener:
    bundle: Bundle
    product: Product
    precision: str
    device: Device
    queueing: Queueing | None

    def __call__(self, which: Which) -> Chosen:
        """Open the engine if preflight lets it pass; raises EngineUnusable if not, or if TensorRT refuses it."""
        found = preflight(self.bundle, self.product, self.precision, self.device, which=which)
        plan = found.plan_bytes()
        assert found.sidecar is not None
        assert found.folder is not None
        core = found.sidecar.options.get("dla_core")
        engine = TensorRtEngine(
            plan,
            self.bundle.contract,
            self.product,
            source=f"{found.folder.name} of {self.bundle.path.name}",
            queueing=self.queueing or Queueing(),
            cache_path=self._cache_path(found.sidecar.sha256),
            dla_core=core if isinstance(core, int) else None,
        )
        return Chosen(engine=engine, precision=self.precision)

    def _cache_path(self, plan_sha256: str) -> Path | None:
        """Return where TensorRT-RTX keeps what it compiles of this plan; TensorRT itself compiles nothing here."""
        if self.product != TENSORRT_RTX:
            return None
        return state_folder() / "rtx-cache" / f"{self.device.key}-{plan_sha256[:16]}.cache"


def _build(
    bundle: Bundle,
    product: Product,
    precision: str,
    device: Device,
    on_build_step: Callable[[BuildStep], None] | None,
) -> None:
    from skinseg_runtime.engine_build import BuildOptions, build_and_prove

    _log.warning("the %s engine of %s is built first, which takes minutes", product.title, bundle.path.name)
    options = BuildOptions(engine=product.engine, precision=precision)
    build_and_prove(bundle, options, on_build_step or _log_step, device=device)


def _log_step(step: BuildStep) -> None:
    if step.step == 0:
        _log.info("building, %.0f s: %s", step.elapsed_s, step.phase)
