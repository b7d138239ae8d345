"""The one room of pyobjc: the few calls of Apple's Core ML, Core Video and Foundation that the engine needs.

In pyobjc, a call whose last argument is an error gives the error as the second part of its answer.
Core ML: https://developer.apple.com/documentation/coreml/mlmodel. Pixels:
https://developer.apple.com/documentation/corevideo/cvpixelbuffer-q2e.
"""

import importlib
import platform
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, NewType

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from skinseg_edge.errors import BundleUnusable, ToolMissing

__all__ = ["AppleModel", "Frameworks", "load_frameworks"]

AppleModel = NewType("AppleModel", object)
"""A loaded MLModel, which only this file looks into."""

_MODULES = ("CoreML", "Foundation", "Quartz", "objc")
_UNITS = {
    "CPU_ONLY": "MLComputeUnitsCPUOnly",
    "CPU_AND_GPU": "MLComputeUnitsCPUAndGPU",
    "CPU_AND_NE": "MLComputeUnitsCPUAndNeuralEngine",
    "ALL": "MLComputeUnitsAll",
}
_ELSEWHERE = "use engine onnxruntime, which runs everywhere"


def load_frameworks() -> "Frameworks":
    """Return Apple's frameworks.

    Raises ToolMissing elsewhere than on macOS, or if pyobjc is not installed.
    """
    if platform.system() != "Darwin":
        raise ToolMissing(
            f"cannot run with coreml: a Core ML model runs on macOS, this system is {platform.system()}; {_ELSEWHERE}"
        )
    try:
        core_ml, foundation, quartz, objc = (importlib.import_module(name) for name in _MODULES)
    except ImportError as error:
        raise ToolMissing(
            f"cannot run with coreml: {error.name} of pyobjc is not installed; run "
            f"pip install 'skinseg-edge[coreml-runtime]', or {_ELSEWHERE}"
        ) from error
    return Frameworks(core_ml, foundation, quartz, objc)


@dataclass(frozen=True)
class Frameworks:
    """Apple's modules behind four calls; what they raise is told in one sentence."""

    core_ml: ModuleType
    foundation: ModuleType
    quartz: ModuleType
    objc: ModuleType

    def compiled(self, package: Path) -> Path:
        """Compile a .mlpackage into a temporary folder, which is the caller's to remove.

        Raises BundleUnusable if Core ML refuses it.
        """
        with self._pool():
            url, error = self.core_ml.MLModel.compileModelAtURL_error_(self._url(package), None)
            if url is None:
                raise _refusal(f"compile {package.name}", error)
            return Path(str(url.path()))

    def loaded(self, compiled: Path, compute_units: str) -> AppleModel:
        """Load what `compiled` gave; *compute_units*: one of `device_receipt.COMPUTE_UNITS`.

        Raises BundleUnusable if Core ML refuses it.
        """
        with self._pool():
            configuration = self.core_ml.MLModelConfiguration.alloc().init()
            configuration.setComputeUnits_(getattr(self.core_ml, _UNITS[compute_units]))
            model, error = self.core_ml.MLModel.modelWithContentsOfURL_configuration_error_(
                self._url(compiled), configuration, None
            )
            if model is None:
                raise _refusal(f"load {compiled.name} on {compute_units}", error)
            return AppleModel(model)

    def answer(self, model: AppleModel, name: str, image: NDArray[np.uint8], output: str) -> NDArray[np.float32]:
        """Return what *model* answers under *output* when *image*, (H, W, 3) uint8 RGB, comes in as *name*.

        Raises BundleUnusable if Core ML refuses, or gives no float32 array of that name.
        """
        with self._pool():
            value = self.core_ml.MLFeatureValue.featureValueWithPixelBuffer_(self._pixel_buffer(image))
            provider, error = self.core_ml.MLDictionaryFeatureProvider.alloc().initWithDictionary_error_(
                {name: value}, None
            )
            if provider is None:
                raise _refusal("hand over a picture", error)
            untyped: Any = model
            result, error = untyped.predictionFromFeatures_error_(provider, None)
            if result is None:
                raise _refusal("run the package", error)
            found = result.featureValueForName_(output)
            array = None if found is None else found.multiArrayValue()
            if array is None or array.dataType() != self.core_ml.MLMultiArrayDataTypeFloat32:
                raise _refusal("use its answer", f"there is no float32 array named {output}")
            return _copied(array)

    def _pixel_buffer(self, image: NDArray[np.uint8]) -> Any:
        """Return the picture as 32BGRA, the form that Core ML takes for a colour image."""
        rows, columns, _ = image.shape
        quartz = self.quartz
        attributes: dict[Any, Any] = {quartz.kCVPixelBufferIOSurfacePropertiesKey: {}}
        form = quartz.kCVPixelFormatType_32BGRA
        status, buffer = quartz.CVPixelBufferCreate(None, columns, rows, form, attributes, None)
        if status != 0:
            raise _refusal("make a pixel buffer", f"Core Video says {status}")
        quartz.CVPixelBufferLockBaseAddress(buffer, 0)
        try:
            stride = quartz.CVPixelBufferGetBytesPerRow(buffer)  # may be more than four bytes a pixel
            memory = quartz.CVPixelBufferGetBaseAddress(buffer).as_buffer(stride * rows)
            target = as_strided(np.frombuffer(memory, np.uint8), (rows, columns, 4), (stride, 4, 1))
            target[..., :3] = image[..., ::-1]
            target[..., 3] = 255
        finally:
            quartz.CVPixelBufferUnlockBaseAddress(buffer, 0)
        return buffer

    def _url(self, path: Path) -> Any:
        return self.foundation.NSURL.fileURLWithPath_(str(path))

    def _pool(self) -> AbstractContextManager[object]:
        # Threads of Python's own have no pool, and without one nothing that Apple hands out is ever freed.
        pool: AbstractContextManager[object] = self.objc.autorelease_pool()
        return pool


def _copied(array: Any) -> NDArray[np.float32]:
    """Return an MLMultiArray's numbers, which may lie apart in its memory, as an array of their own."""
    shape = tuple(int(side) for side in array.shape())
    steps = tuple(int(step) for step in array.strides())
    span = 1 + sum((side - 1) * step for side, step in zip(shape, steps, strict=True))
    flat = np.frombuffer(array.dataPointer().as_buffer(span * 4), np.float32)
    return np.array(as_strided(flat, shape, tuple(4 * step for step in steps)))


def _refusal(doing: str, error: object) -> BundleUnusable:
    said = " ".join(str(error).split())[:300]
    return BundleUnusable(f"cannot {doing}: Core ML says '{said}'; update macOS or export the model again")
