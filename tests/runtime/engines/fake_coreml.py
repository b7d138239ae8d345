"""Stand-ins for the few names of pyobjc that the Core ML engine uses; nothing of Apple's runs here.

A fake model gives 1 - the mean of R, G, B / 255 for each pixel of the BGRA buffer it was handed, so an engine that
mixed up colours, rows or strides would be told. `mistake` makes one call fail, or answer wrongly.
"""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

__all__ = ["FakeApple", "fake_frameworks", "pretend_platform"]

_GAP = 64  # bytes after each row of a buffer, floats after each row of an answer: both may come with gaps


class FakeApple:
    """What was asked of the fake frameworks.

    *mistake*: one of "compile", "load", "buffer", "provider", "run", "name", "type", "shape", "nan", or empty.
    """

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self.mistake = ""
        self.units: list[str] = []
        self.pools = 0
        self.locked = 0

    def compile_(self, url: Any, _error: None) -> tuple[Any, str | None]:
        if self.mistake == "compile" or not Path(url.path()).is_dir():
            return None, "Error Domain=com.apple.CoreML Code=3\n no package"
        compiled = self.scratch / "made.mlmodelc"
        compiled.mkdir(exist_ok=True)
        return _Url(str(compiled)), None

    def load(self, _url: Any, configuration: Any, _error: None) -> tuple[Any, str | None]:
        if self.mistake == "load":
            return None, "no such operation"
        self.units.append(configuration.units)
        return SimpleNamespace(predictionFromFeatures_error_=self.predict), None

    def provide(self, features: dict[str, Any], _error: None) -> tuple[Any, str | None]:
        return (None, "bad features") if self.mistake == "provider" else (features, None)

    def predict(self, features: dict[str, Any], _error: None) -> tuple[Any, str | None]:
        if self.mistake == "run":
            return None, "the graph broke"
        buffer: _Buffer = features["image"]
        assert buffer.locks == 0, "handed over while it was locked"
        grey = buffer.pixels()[..., :3].astype(np.float32) @ np.array([0.5, 0.25, 0.25], np.float32)  # B, G, R
        assert buffer.pixels()[..., 3].min() == 255
        name = "mask" if self.mistake == "name" else "probability"
        answer = np.asarray(1 - grey[None, None] / 255, np.float32)
        if self.mistake == "shape":
            answer = answer[..., :-1]
        if self.mistake == "nan":
            answer = answer * np.float32("nan")
        array = _Array(answer, 65552 if self.mistake == "type" else 65568)
        value = SimpleNamespace(multiArrayValue=lambda: array)
        return SimpleNamespace(featureValueForName_=lambda asked: value if asked == name else None), None

    def create_buffer(
        self, _allocator: None, columns: int, rows: int, form: str, _attributes: object, _out: None
    ) -> tuple[int, Any]:
        assert form == "BGRA"
        return (-6660, None) if self.mistake == "buffer" else (0, _Buffer(rows, columns))

    @contextlib.contextmanager
    def pool(self) -> Iterator[None]:
        self.pools += 1
        yield


class _Url:
    def __init__(self, path: str) -> None:
        self._path = path

    def path(self) -> str:
        return self._path


class _Memory:
    def __init__(self, data: NDArray[Any]) -> None:
        self._data = data

    def as_buffer(self, size: int) -> memoryview:
        return memoryview(self._data.data).cast("B")[:size]


class _Buffer:
    def __init__(self, rows: int, columns: int) -> None:
        self.rows, self.columns, self.stride, self.locks = rows, columns, columns * 4 + _GAP, 0
        self.memory = np.zeros((rows, self.stride), np.uint8)

    def pixels(self) -> NDArray[np.uint8]:
        return self.memory[:, : self.columns * 4].reshape(self.rows, self.columns, 4)


class _Array:
    """An MLMultiArray of float32 whose rows lie apart."""

    def __init__(self, values: NDArray[np.float32], kind: int) -> None:
        _, classes, rows, columns = values.shape
        self._shape, self._kind = values.shape, kind
        self._memory = np.full((1, classes, rows, columns + _GAP), -9, np.float32)
        self._memory[..., :columns] = values

    def shape(self) -> tuple[int, ...]:
        return self._shape

    def strides(self) -> tuple[int, ...]:
        return tuple(step // 4 for step in self._memory.strides)

    def dataType(self) -> int:  # noqa: N802  # Apple's name
        return self._kind

    def dataPointer(self) -> _Memory:  # noqa: N802  # Apple's name
        return _Memory(self._memory)


def _count_locks(by: int) -> Any:
    def change(buffer: _Buffer, _flags: int) -> int:
        buffer.locks += by
        return 0

    return change


class _Configuration:
    units = ""

    def setComputeUnits_(self, units: str) -> None:  # noqa: N802  # Apple's name
        self.units = units


def _allocating(made: Any) -> Any:
    return SimpleNamespace(alloc=lambda: made)


def pretend_platform(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Tell the engine's frameworks alone, not all of Python, that this system is another one."""
    monkeypatch.setattr("skinseg_runtime.engines.coreml_frameworks.platform", SimpleNamespace(system=lambda: name))


def fake_frameworks(monkeypatch: pytest.MonkeyPatch, scratch: Path) -> FakeApple:
    """Make this system look like a Mac with pyobjc, and return what its frameworks will be asked."""
    apple = FakeApple(scratch)
    core_ml = SimpleNamespace(
        MLComputeUnitsCPUOnly="cpu",
        MLComputeUnitsCPUAndGPU="cpu and gpu",
        MLComputeUnitsCPUAndNeuralEngine="cpu and ne",
        MLComputeUnitsAll="all",
        MLMultiArrayDataTypeFloat32=65568,
        MLModel=SimpleNamespace(
            compileModelAtURL_error_=apple.compile_, modelWithContentsOfURL_configuration_error_=apple.load
        ),
        MLModelConfiguration=_allocating(SimpleNamespace(init=_Configuration)),
        MLFeatureValue=SimpleNamespace(featureValueWithPixelBuffer_=lambda buffer: buffer),
        MLDictionaryFeatureProvider=_allocating(SimpleNamespace(initWithDictionary_error_=apple.provide)),
    )
    quartz = SimpleNamespace(
        kCVPixelFormatType_32BGRA="BGRA",
        kCVPixelBufferIOSurfacePropertiesKey="IOSurfaceProperties",
        CVPixelBufferCreate=apple.create_buffer,
        CVPixelBufferLockBaseAddress=_count_locks(1),
        CVPixelBufferUnlockBaseAddress=_count_locks(-1),
        CVPixelBufferGetBytesPerRow=lambda buffer: buffer.stride,
        CVPixelBufferGetBaseAddress=lambda buffer: _Memory(buffer.memory),
    )
    foundation = SimpleNamespace(NSURL=SimpleNamespace(fileURLWithPath_=_Url))
    modules = {"CoreML": core_ml, "Quartz": quartz, "Foundation": foundation}
    for name, module in {**modules, "objc": SimpleNamespace(autorelease_pool=apple.pool)}.items():
        monkeypatch.setitem(sys.modules, name, module)
    pretend_platform(monkeypatch, "Darwin")
    return apple
