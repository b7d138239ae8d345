"""The 64 bytes in front of an engine tell product, version and size, before CUDA or TensorRT is touched."""

import struct

import pytest

from skinseg_edge.errors import IntegrityFailed
from skinseg_runtime.engine_files.plan_header import PlanHeader, header_fault, is_same_release, read_plan_header
from skinseg_runtime.engines.products import TENSORRT, TENSORRT_RTX


def _plan(magic: bytes = b"ftrt", version: tuple[int, ...] = (10, 3, 0, 30), size: int = 80) -> bytes:
    # The layout: design/targets.md 1.2, measured on engines of TensorRT-RTX and read in trtexec's source.
    data = bytearray(80)
    data[:4] = magic
    data[24:28] = bytes(version)
    struct.pack_into("<Q", data, 16, size)
    struct.pack_into("<Q", data, 56, 789)
    return bytes(data)


def test_a_header_is_read_byte_by_byte() -> None:
    assert read_plan_header(_plan(size=123456)[:64]) == PlanHeader("TensorRT", "10.3.0.30", 123456, 789)


@pytest.mark.parametrize(("data", "words"), [(b"vtrt", "it has 4 bytes"), (b"ONNX" * 16, "it begins with b'ONNX'")])
def test_what_is_no_engine_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(IntegrityFailed, match=words):
        read_plan_header(data)


def test_a_plan_of_this_product_and_version_has_no_fault() -> None:
    assert header_fault(_plan(), TENSORRT, "10.3.0") is None
    assert header_fault(_plan(b"vtrt", (1, 7, 1, 116)), TENSORRT_RTX, "1.7.1.116") is None


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (_plan(b"vtrt"), "it is an engine of TensorRT-RTX, expected one of TensorRT"),
        (_plan(version=(10, 16, 2, 10)), "it was built with TensorRT 10.16.2.10, this device has 10.3.0"),
        (_plan(size=81), "it has 80 bytes, its header says 81, so it was cut off or added to"),
        (_plan() + b"x", "it has 81 bytes, its header says 80, so it was cut off or added to"),
        (_plan()[:20], "it begins with b'ftrt' and has 20 bytes, expected b'ftrt' and at least 64"),
        (b"", "it begins with b'' and has 0 bytes, expected b'ftrt' and at least 64"),
    ],
)
def test_a_fault_of_the_header_is_named(plan: bytes, words: str) -> None:
    assert header_fault(plan, TENSORRT, "10.3.0") == words


@pytest.mark.parametrize(
    ("version", "other", "is_same"),
    [
        ("10.3.0", "10.3.0.30", True),
        ("10.16.1.11", "10.16.2.10", False),
        ("1.7.1.116", "1.7.1", True),
        ("11.4.0", "10.4.0", False),
        ("10.3", "10.3.0", False),
    ],
)
def test_a_release_is_major_minor_and_patch(version: str, other: str, is_same: bool) -> None:
    assert is_same_release(version, other) is is_same
