"""The key of an engine: two builds with the same key would make interchangeable engines."""

import hashlib
from collections.abc import Mapping

from skinseg_edge.strict_json import canonical_bytes
from skinseg_runtime.this_device import Device

__all__ = ["engine_key"]


def engine_key(
    *,
    onnx_sha256: str,
    device: Device,
    precision: str,
    profile: Mapping[str, object],
    options: Mapping[str, object],
) -> str:
    """Return the key, 64 hexadecimal digits: over the ONNX file, TensorRT, the device and what the builder is asked.

    *profile*, *options*: plain JSON, as in `Sidecar`. What follows from free memory at the time, such as a workspace
    that nobody asked for, is no part of *options*, or no engine would ever be found again.
    """
    asked = {
        "onnx_sha256": onnx_sha256,
        "device": dict(device.identity),
        "precision": precision,
        "profile": dict(profile),
        "options": dict(options),
    }
    return hashlib.sha256(canonical_bytes(asked)).hexdigest()
