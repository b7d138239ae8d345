"""Engines as a device would have them on disk, for tests of what reads them: plans with a header and no kernels."""

import hashlib
import struct
from dataclasses import replace
from typing import Any

from skinseg_edge.bundle import Bundle
from skinseg_runtime.engine_files.engine_folder import EngineFolder
from skinseg_runtime.engine_files.receipt import Receipt
from skinseg_runtime.engine_files.shelf import Shelf
from skinseg_runtime.engine_files.sidecar import PLAN_NAME, Sidecar
from skinseg_runtime.engines import artefact_name
from skinseg_runtime.this_device import Device

ORIN = Device(
    product="trt",
    tensorrt="10.3.0",
    gpu="Orin",
    compute_capability="8.7",
    cuda="12.6",
    jetpack="6.2",
    l4t="36.4.3",
    is_integrated=True,
    memory_bytes=8 << 30,
)
RTX = Device(
    product="trt-rtx",
    tensorrt="1.7.1.116",
    gpu="NVIDIA GeForce RTX 4070",
    compute_capability="8.9",
    cuda="13.0",
    jetpack=None,
    l4t=None,
    is_integrated=False,
    memory_bytes=12 << 30,
)
KEY = "3f2a91c0" * 8


def made_plan(
    content: bytes = b"kernels", *, magic: bytes = b"ftrt", version: tuple[int, ...] = (10, 3, 0, 30)
) -> bytes:
    data = bytearray(64) + content
    data[:4] = magic
    data[24:28] = bytes(version)
    struct.pack_into("<Q", data, 16, len(data))
    return bytes(data)


def made_sidecar(
    bundle: Bundle, plan: bytes, device: Device = ORIN, precision: str = "fp32", **changes: Any
) -> Sidecar:
    onnx = bundle.artefact(artefact_name(precision)).path
    sidecar = Sidecar(
        product=device.product,
        version=device.tensorrt,
        size=len(plan),
        sha256=hashlib.sha256(plan).hexdigest(),
        onnx_path=onnx,
        onnx_sha256=bundle.manifest.files[onnx].sha256,
        bundle_sha256=bundle.sha256,
        precision=precision,
        device=device,
        options={"max_batch": 1, "dla_core": None},
        profile={},
        memory={"activation_bytes": 1 << 20},
        trtexec="trtexec --onnx=model.onnx",
        built_s=1.5,
        date="2026-01-31",
    )
    return replace(sidecar, **changes)


def made_receipt(sidecar: Sidecar, **changes: Any) -> Receipt:
    receipt = Receipt(
        engine_sha256=sidecar.sha256,
        accepted=True,
        golden=({"image": "golden/01.png", "dice": 1.0},),
        figures={"mean_probability_difference": 0.001},
        engine=sidecar.product,
        date="2026-01-31",
    )
    return replace(receipt, **changes)


def publish(
    bundle: Bundle, plan: bytes, device: Device = ORIN, precision: str = "fp32", **changes: Any
) -> EngineFolder:
    """Publish a plan as the builder would; *changes*: fields of its sidecar that differ from the truth."""
    sidecar = made_sidecar(bundle, plan, device, precision, **changes)
    with Shelf(bundle, device).staging(precision, KEY) as staging:
        (staging.path / PLAN_NAME).write_bytes(plan)
        return staging.publish(sidecar, made_receipt(sidecar))
