"""Empty libraries for bindings to link against: enough to import them and read what they have, on any machine."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.runtime.conformance.wheels import cache_folder

__all__ = ["empty_cuda_driver", "empty_tensorrt"]

# All that the bindings of TensorRT 10 and 11 import from it, as `nm -D --undefined-only` tells.
_TENSORRT = (
    "createInferBuilder_INTERNAL",
    "createInferRefitter_INTERNAL",
    "createInferRuntime_INTERNAL",
    "createNvOnnxParserRefitter_INTERNAL",
    "createNvOnnxParser_INTERNAL",
    "getBuilderPluginRegistry",
    "getInferLibVersion",
    "getLogger",
    "getNvOnnxParserVersion",
    "getPluginRegistry",
    "initLibNvInferPlugins",
)
_LIBRARIES = ("libnvinfer", "libnvonnxparser", "libnvinfer_plugin")


def empty_tensorrt() -> Path:
    """Return a folder with TensorRT's libraries of versions 10 and 11, all of which do nothing."""
    return _compiled("tensorrt", _TENSORRT, [f"{name}.so.{major}" for name in _LIBRARIES for major in (10, 11)])


def empty_cuda_driver(binary: Path) -> Path:
    """Return a folder with a CUDA driver that has what *binary*, a library, asks of one, and does nothing."""
    if shutil.which("nm") is None:
        pytest.skip("needs nm to read what pycuda asks of the driver")
    listed = subprocess.run(["nm", "-D", "--undefined-only", binary], capture_output=True, text=True, check=True)
    names = sorted({line.split()[-1].split("@")[0] for line in listed.stdout.splitlines()})
    return _compiled("driver", [name for name in names if name.startswith("cu")], ["libcuda.so.1"])


def _compiled(name: str, symbols: Iterable[str], files: Iterable[str]) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("needs a C compiler for empty libraries to link NVIDIA's bindings against")
    target = cache_folder() / f"empty-{name}"
    target.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
        source = Path(temporary, "empty.c")
        source.write_text("".join(f"void *{symbol}(void) {{ return 0; }}\n" for symbol in symbols), encoding="utf-8")
        library = Path(temporary, "empty.so")
        subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True, timeout=60)
        for file in files:
            copy = Path(temporary, file)
            shutil.copyfile(library, copy)
            copy.replace(target / file)
    return target
