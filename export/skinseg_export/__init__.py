"""From a trained torch network to artefacts that are proven to be the same network: ONNX, TensorRT-RTX, Core ML.

    from pathlib import Path

    from skinseg_edge import load_checkpoint
    from skinseg_export import ExportOptions, export_bundle

    report = export_bundle(load_checkpoint("scsonet"), Path("lesion.skinseg"), ExportOptions(targets=("onnx",)))

What is named here is imported when first touched: torch takes seconds.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skinseg_export.export_options import ExportOptions, ExportReport
    from skinseg_export.exporter import export_bundle
    from skinseg_export.torch_engine import TorchEngine

__all__ = ["ExportOptions", "ExportReport", "TorchEngine", "export_bundle"]

_HOME = {
    "ExportOptions": "export_options",
    "ExportReport": "export_options",
    "TorchEngine": "torch_engine",
    "export_bundle": "exporter",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"skinseg_export.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
