"""A bundle with a Core ML package that is none, and the receipts that devices could bring for it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.bundle import Bundle, BundleDraft
from skinseg_edge.contract import ModelContract
from skinseg_edge.image_io import encode_png
from skinseg_edge.manifest import Artefact, ArtefactStatus, GoldenCase, Provenance
from skinseg_edge.preprocessing import to_network_input
from skinseg_runtime.device_receipt import COMPUTE_UNITS, run_lengths
from tests.runtime.tiny_bundle import Checks, binary_model, photo_and_mask

__all__ = ["CONTRACT", "change_runs", "network_mask", "receipt_document", "write_coreml_bundle", "write_receipt"]

CONTRACT = ModelContract(input_hw=(64, 96))


def network_mask() -> NDArray[np.bool_]:
    """What the tiny network decides on its golden photo, (64, 96) bool: lesion is what is dark."""
    photo, _ = photo_and_mask()
    return np.asarray(to_network_input(photo, CONTRACT).pixels.mean(axis=2) < 128)


def write_coreml_bundle(
    folder: Path,
    *,
    status: ArtefactStatus = "verified",
    precision: str = "fp16",
    checks: Checks | None = None,
    with_reference: bool = True,
    min_dice: float = 0.97,
    count: int = 1,
    other_package: str = "",
) -> Bundle:
    """Write a bundle with *count* golden cases, one ONNX artefact and one of Core ML or two, and open it."""
    folder.mkdir(parents=True)
    draft = BundleDraft(folder)
    draft.add_bytes("model.onnx", binary_model())
    draft.add_bytes("model.mlpackage/Manifest.json", b"{}")
    draft.add_bytes("model.mlpackage/Data/com.apple.CoreML/weights/weight.bin", b"weights")
    photo, mask = photo_and_mask()
    cases = []
    for number in range(1, count + 1):
        stem = f"golden/{number:02d}"
        draft.add_bytes(f"{stem}.png", encode_png(photo))
        draft.add_bytes(f"{stem}.mask.png", encode_png(mask))
        draft.add_bytes(f"{stem}.probability.png", encode_png(mask.astype(np.uint16)))
        if with_reference:
            draft.add_bytes(f"coreml-check/Resources/{number:02d}.mask.png", encode_png(network_mask()))
        paths = {"image": f"{stem}.png", "mask": f"{stem}.mask.png", "probability": f"{stem}.probability.png"}
        cases.append(GoldenCase(**paths, min_dice=min_dice, max_area_drift=0.03))
    figures = checks or {}
    others = []
    if other_package:
        draft.add_bytes("other.mlpackage/Manifest.json", b"{}")
        others = [
            Artefact(name=other_package, path="other.mlpackage", precision="int8", status="verified", checks=figures)
        ]
    draft.finish(
        name="tiny",
        contract=CONTRACT,
        provenance=Provenance(
            network="tiny",
            network_options={},
            checkpoint_sha256="0" * 64,
            trained=True,
            training_data="none: it knows dark from light",
            code_version="1",
            tools={},
            created="2025-01-31",
        ),
        artefacts=[
            Artefact(name="onnx", path="model.onnx", precision="fp32", status="verified", checks={}),
            Artefact(name="coreml", path="model.mlpackage", precision=precision, status=status, checks=figures),
            *others,
        ],
        golden=cases,
    )
    return Bundle.open(folder)


def receipt_document(bundle: Bundle, mask: NDArray[np.bool_] | None = None) -> dict[str, Any]:
    """Return what skinseg-check would write after four runs that all gave *mask*, by default the right one."""
    from skinseg_runtime.device_receipt_check import package_digest

    given = network_mask() if mask is None else mask
    rows, columns = given.shape
    masks = [
        {"image": case.image, "rows": rows, "columns": columns, "runs": list(run_lengths(given))}
        for case in bundle.manifest.golden
    ]
    run = {
        "artefact": "coreml",
        "failure": "",
        "load_cold_ms": 812.5,
        "load_warm_ms": 31,
        "latencies_ms": [2.0, 4.0, 3.0],
        "operations": {"neural_engine": 61, "cpu": 2},
        "masks": masks,
    }
    return {
        "schema": "skinseg.device-receipt/1",
        "bundle_sha256": bundle.sha256,
        "device": {"model": "Mac14,2", "chip": "Apple M2", "system": "macOS Version 15.1 (Build 24B83)"},
        "made": "2025-11-02T10:11:12Z",
        "packages": [
            {
                "artefact": "coreml",
                "path": "model.mlpackage",
                "sha256": package_digest(bundle.manifest.below("model.mlpackage")),
            }
        ],
        "runs": [{**run, "compute_units": units} for units in COMPUTE_UNITS],
    }


def change_runs(document: dict[str, Any], change: Callable[[dict[str, Any]], object], *units: str) -> dict[str, Any]:
    """Change the runs on *units*, or all, of a receipt that shares no part with another."""
    apart: dict[str, Any] = json.loads(json.dumps(document))
    for run in apart["runs"]:
        if not units or run["compute_units"] in units:
            change(run)
    return apart


def write_receipt(path: Path, document: dict[str, Any]) -> Path:
    path.write_text(json.dumps(document), encoding="utf-8")
    return path
