"""Puts the fake packages in the place of NVIDIA's, here and in child processes, and takes them out again."""

import ctypes
import importlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.fake_device import fake_gpu
from tests.fake_device.absence import hide
from tests.fake_device.fake_libcuda import library_opener
from tests.fake_device.settings import VARIABLE, settings_from

__all__ = ["FakeDevice", "fakes_on_path"]

_HERE = Path(__file__).resolve().parent
_ROOT = _HERE.parent.parent
_PATHS = (_HERE / "on_path", _ROOT, _ROOT / "export", _ROOT / "runtime", _ROOT / "demo_app")
_PACKAGES = ("tensorrt", "tensorrt_rtx", "cuda", "pycuda")


class FakeDevice:
    """What the fixture `fake_device` gives: settings go in, what the GPU saw comes out."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch
        self._hidden: Any = None
        self.use()

    @property
    def gpu(self) -> fake_gpu.FakeGpu:
        """The GPU of this process; children have their own."""
        return fake_gpu.gpu()

    def use(self, *, missing: tuple[str, ...] = (), **settings: Any) -> fake_gpu.FakeGpu:
        """Begin anew with *settings* (see settings.py), without the packages in *missing*, such as "pycuda"."""
        text = json.dumps({**settings, "missing": missing})
        self._patch.setenv(VARIABLE, text)
        made = fake_gpu.reset(settings_from(text))
        _forget_modules()
        if self._hidden is not None:
            sys.meta_path.remove(self._hidden)
        self._hidden = hide(missing)
        sys.meta_path.insert(0, self._hidden)
        importlib.invalidate_caches()
        return made

    def module(self, name: str) -> Any:
        """Import one of the fakes, such as "tensorrt"."""
        return importlib.import_module(name)

    def close(self) -> None:
        sys.meta_path.remove(self._hidden)


@contextmanager
def fakes_on_path(patch: pytest.MonkeyPatch) -> Iterator[FakeDevice]:
    """Have the fakes until the block ends; what was imported before comes back then."""
    before = _forget_modules()
    patch.setattr(sys, "path", [str(_PATHS[0]), *sys.path])
    known = os.environ.get("PYTHONPATH", "")
    patch.setenv("PYTHONPATH", os.pathsep.join([*map(str, _PATHS), *([known] if known else [])]))
    patch.setattr(ctypes, "CDLL", library_opener(ctypes.CDLL))
    device = FakeDevice(patch)
    try:
        yield device
    finally:
        device.close()
        _forget_modules()
        sys.modules.update(before)


def _forget_modules() -> dict[str, ModuleType]:
    names = [name for name in sys.modules if name.partition(".")[0] in _PACKAGES]
    found = {name: sys.modules.pop(name) for name in names}
    for name in ("driver_calls", "driver_graphs"):
        calls = sys.modules.get(f"skinseg_runtime.cuda_memory.{name}")
        if calls is not None:
            calls._driver.cache_clear()
    return found
