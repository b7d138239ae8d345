"""What the runtime names of TensorRT and CUDA stands in NVIDIA's own bindings of each version; so do the fakes.

The bindings are imported without a GPU: their libraries are empty, and only names, arguments and numbers are read.
"""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.conformance.stub_libraries import empty_cuda_driver, empty_tensorrt
from tests.runtime.conformance.surface import (
    cuda_names,
    enum_members,
    expectations,
    pycuda_names,
    written_attributes,
)
from tests.runtime.conformance.wheels import CUDA, TENSORRT, unpacked

_ROOT = Path(__file__).resolve().parents[3]
_RTX = "tensorrt_rtx"
_VERSIONS = [*TENSORRT, _RTX]


def _probed(
    what: str, version: str, module: str, request: Any, *, paths: Sequence[Path] = (), libraries: Path | None = None
) -> list[str]:
    roots = [_ROOT, _ROOT / "export", _ROOT / "runtime", _ROOT / "demo_app"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [*paths, *roots])), "FAKE_DEVICE": "{}"}
    if libraries is not None:
        environment["LD_LIBRARY_PATH"] = str(libraries)
    command = [sys.executable, "-W", "ignore", "-m", "tests.runtime.conformance.probe", what, version, module]
    told = subprocess.run(
        command, input=json.dumps(request), env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert told.returncode == 0, told.stderr
    found: list[str] = json.loads(told.stdout.splitlines()[-1])
    return found


def _tensorrt(what: str, version: str, request: Any = None) -> str:
    """Return what bindings of *version* lack, a line each."""
    if version == _RTX:
        if importlib.util.find_spec(_RTX) is None:
            pytest.skip("needs tensorrt_rtx: pip install 'skinseg-edge[trt-rtx]'")
        return "\n".join(_probed(what, version, _RTX, request))
    folder = unpacked(TENSORRT[version])
    found = _probed(what, version, "tensorrt_bindings", request, paths=[folder], libraries=empty_tensorrt())
    return "\n".join(found)


@pytest.mark.parametrize("version", _VERSIONS)
def test_every_member_is_where_its_protocol_says_and_nowhere_else(version: str) -> None:
    assert _tensorrt("members", version, expectations()) == ""


@pytest.mark.parametrize("version", _VERSIONS)
def test_every_member_of_an_enumeration_that_the_runtime_names_exists(version: str) -> None:
    assert _tensorrt("enums", version, enum_members()) == ""


@pytest.mark.parametrize("version", _VERSIONS)
def test_every_attribute_that_the_runtime_sets_can_be_set(version: str) -> None:
    assert _tensorrt("written", version, written_attributes()) == ""


@pytest.mark.parametrize("version", _VERSIONS)
def test_the_fake_tensorrt_has_nothing_that_the_true_one_lacks(version: str) -> None:
    assert _tensorrt("trt fakes", version) == ""


@pytest.mark.parametrize("version", CUDA)
def test_every_cuda_call_exists_and_takes_so_many_arguments(version: str) -> None:
    assert "\n".join(_cuda("cuda", version, cuda_names())) == ""


@pytest.mark.parametrize("version", CUDA)
def test_the_fake_cuda_has_nothing_that_the_true_one_lacks(version: str) -> None:
    assert "\n".join(_cuda("cuda fakes", version)) == ""


def _cuda(what: str, version: str, request: Any = None) -> list[str]:
    return _probed(what, version, "cuda.bindings.runtime", request, paths=[unpacked(wheel) for wheel in CUDA[version]])


def test_every_name_of_pycuda_exists() -> None:
    assert "\n".join(_pycuda("pycuda", pycuda_names())) == ""


def test_the_fake_pycuda_has_nothing_that_the_true_one_lacks() -> None:
    assert "\n".join(_pycuda("pycuda fakes")) == ""


def _pycuda(what: str, request: Any = None) -> list[str]:
    spec = importlib.util.find_spec("pycuda")
    if spec is None or spec.origin is None:
        pytest.skip("needs pycuda, which is built against CUDA's headers: pip install 'skinseg-edge[jetson]'")
    package = Path(spec.origin).parent
    (binary,) = package.glob("_driver*.so")
    return _probed(
        what, "", "pycuda.driver", request, paths=[package.parent], libraries=empty_cuda_driver(binary.resolve())
    )


def test_the_lists_of_what_is_expected_are_not_empty() -> None:
    members = {(wanted["kind"], wanted["member"]): wanted for wanted in expectations()}
    assert members["IExecutionContext", "execute_async_v3"]["arguments"] == ["stream_handle"]
    assert members["IRuntimeCache", "serialize"]["versions"] == [_RTX]
    assert members["ICudaEngine", "create_runtime_config"]["versions"] == ["10.16", "11.4", _RTX]
    assert ("BuilderFlag", "GPU_FALLBACK") in {(wanted["kind"], wanted["member"]) for wanted in enum_members()}
    assert "progress_monitor" in {wanted["member"] for wanted in written_attributes()}
    assert cuda_names()["cudaMemcpyAsync"] == [5, 5]
    assert "host_alloc_flags.DEVICEMAP" in pycuda_names()


def test_a_name_that_no_version_has_is_reported() -> None:
    foreign = [{"kind": "IBuilderConfig", "member": "set_speed", "arguments": ["much"], "versions": [_RTX]}]
    assert _tensorrt("members", _RTX, foreign) == "tensorrt_rtx has no IBuilderConfig.set_speed(much)"


def test_a_name_that_is_said_to_be_missing_is_reported() -> None:
    shy = [{"kind": "IRuntimeConfig", "member": "set_runtime_cache", "arguments": ["cache"], "versions": []}]
    expected = "tensorrt_rtx has IRuntimeConfig.set_runtime_cache(cache), which is said to be missing there"
    assert _tensorrt("members", _RTX, shy) == expected
