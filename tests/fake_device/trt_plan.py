"""Engines of the fake TensorRT: the true header of 64 bytes, then what the network is, as JSON and as ONNX."""

import json
import re
import struct
from dataclasses import dataclass
from typing import Any

__all__ = ["DamagedPlan", "Plan", "plan_bytes", "read_plan", "version_bytes"]

_HEADER = 64
_JETPACK_BUILD = 30  # the fourth number of JetPack 6.2's 10.3.0.30, which `tensorrt.__version__` leaves out


class DamagedPlan(Exception):
    """The reason as NVIDIA's log gives it."""


@dataclass(frozen=True)
class Plan:
    """*facts*: "gpu", "compute_capabilities", "inputs", "outputs", "profile"."""

    facts: dict[str, Any]
    onnx: bytes


def version_bytes(version: str) -> bytes:
    numbers = [int(number) for number in re.findall(r"\d+", version)][:4]
    return bytes([*numbers, *[_JETPACK_BUILD] * (4 - len(numbers))])


def plan_bytes(magic: bytes, version: str, facts: dict[str, Any], onnx: bytes) -> bytes:
    described = json.dumps(facts).encode()
    body = struct.pack("<I", len(described)) + described + onnx
    header = bytearray(_HEADER)
    header[0:4] = magic
    struct.pack_into("<Q", header, 16, _HEADER + len(body))
    header[24:28] = version_bytes(version)
    struct.pack_into("<Q", header, 56, len(onnx))
    return bytes(header) + body


def read_plan(data: bytes, magic: bytes, version: str) -> Plan:
    """Raises DamagedPlan where the true one would give None."""
    if len(data) < _HEADER or data[:4] != magic:
        raise DamagedPlan("Serialization assertion magicTagRead == kMAGIC_TAG failed. Magic tag does not match")
    if struct.unpack_from("<Q", data, 16)[0] != len(data):
        raise DamagedPlan("Serialization assertion sizeRead == size failed. The plan is truncated")
    if data[24:28] != version_bytes(version):
        raise DamagedPlan(
            "Serialization assertion stdVersionRead == kSERIALIZATION_VERSION failed. "
            f"Version tag does not match. Note: Current Version: {version}"
        )
    try:
        (length,) = struct.unpack_from("<I", data, _HEADER)
        start = _HEADER + 4
        facts: dict[str, Any] = json.loads(data[start : start + length])
    except (ValueError, struct.error) as error:
        raise DamagedPlan("Serialization assertion failed. The plan is damaged") from error
    return Plan(facts, data[start + length :])
