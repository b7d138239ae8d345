"""Which versions of which tools made a bundle, for its manifest."""

import platform
from importlib.metadata import PackageNotFoundError, version

__all__ = ["tool_versions"]

_PACKAGES = (
    "coremltools",
    "numpy",
    "onnx",
    "onnxruntime",
    "onnxscript",
    "onnxsim",
    "opencv-python-headless",
    "tensorrt_rtx",
    "torch",
)


def tool_versions() -> dict[str, str]:
    """Return name and version of Python and of each installed package that an export uses."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
