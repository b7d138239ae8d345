"""The table that an archive's rows go to: its columns and their types, and what it says about the whole.

- name, sha256: which picture, and the SHA-256 of its bytes (null where its row does not follow from these alone)
- error_kind, error_message: why there is nothing else in the row; null where there is
- rows, columns: of the upright picture, px
- mask_path and mask_bytes, a PNG below the output folder, or mask_rle: see `run_lengths`
- lesion_count, lesion_area_px: of all lesions together
- lesions: a struct each, the largest first: the figures of `measurements.Lesion`
- quality_verdict, quality_findings: "good", "usable" or "retake", and the names of what speaks against the picture
- scale_problem: why sizes are in px alone although a card was looked for
"""

from __future__ import annotations

import importlib.metadata
import json
from typing import TYPE_CHECKING, Any

from skinseg_edge._version import __version__
from skinseg_runtime.batch.work import ROW_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from skinseg_runtime.batch.work import Work

__all__ = ["METADATA_KEY", "table_of", "table_schema"]

METADATA_KEY = b"skinseg"
"""Under this the schema's metadata has one JSON object: model, engine, versions, and what is the same in every row."""

_LENGTHS = ("perimeter", "max_diameter", "min_diameter", "equivalent_diameter", "major_axis", "minor_axis")
_IN_MM = ("area_mm2", *(f"{name}_mm" for name in _LENGTHS))
_TOOLS = ("numpy", "opencv-python-headless", "onnxruntime")


def table_schema(work: Work, model_name: str) -> Any:
    """Return the `pyarrow.Schema` of the rows of *work*."""
    import pyarrow as pa

    fields = [
        pa.field("name", pa.string(), nullable=False),
        pa.field("sha256", pa.string()),
        pa.field("error_kind", pa.string()),
        pa.field("error_message", pa.string()),
        pa.field("rows", pa.int32()),
        pa.field("columns", pa.int32()),
        pa.field("mask_path", pa.string()),
        pa.field("mask_bytes", pa.int64()),
        pa.field("mask_rle", pa.list_(pa.uint32())),
        pa.field("lesion_count", pa.int32()),
        pa.field("lesion_area_px", pa.int64()),
        pa.field("lesions", pa.list_(_lesion())),
        pa.field("quality_verdict", pa.string()),
        pa.field("quality_findings", pa.list_(pa.string())),
        pa.field("scale_problem", pa.string()),
    ]
    return pa.schema(fields, {METADATA_KEY: json.dumps(_about(work, model_name), sort_keys=True).encode()})


def table_of(rows: Iterable[Mapping[str, object]], schema: Any) -> Any:
    """Make a `pyarrow.Table` of plain values; what a row lacks is null."""
    import pyarrow as pa

    return pa.Table.from_pylist(list(rows), schema=schema)


def _lesion() -> Any:
    import pyarrow as pa

    number, pair = pa.float64(), pa.list_(pa.float64())
    colour = [("mean", pair), ("standard_deviation", pair), ("asymmetry", number)]
    scale = [
        ("source", pa.string()),
        ("mm_per_px", number),
        ("relative_error", number),
        ("tilt_degrees", number),
        ("is_steep", pa.bool_()),
    ]
    return pa.struct(
        [
            ("box", pa.list_(pa.int32())),
            ("centroid", pair),
            ("touches_border", pa.bool_()),
            ("area_px", pa.int64()),
            *((f"{name}_px", number) for name in _LENGTHS),
            *((name, number) for name in _IN_MM),
            *((name, number) for name in ("compactness", "solidity", "asymmetry")),
            ("colour", pa.struct(colour)),
            ("scale", pa.struct(scale)),
            ("ranges", pa.struct([(name, pair) for name in _IN_MM])),
        ]
    )


def _about(work: Work, model_name: str) -> dict[str, object]:
    return {
        "schema": ROW_SCHEMA,
        "model": model_name,
        "bundle_sha256": work.bundle_sha256,
        "engine": work.engine,
        "precision": work.precision,
        "masks": work.masks,
        "mm_per_px": work.mm_per_px,
        "card_mm": work.card_mm,
        "dicom_scale": work.dicom_scale,
        "perimeter_estimator": "Crofton, 4 directions",
        "colour_space": "CIE 1976 L*a*b*, D65, from sRGB",
        "note": "outlines and measurements, no diagnosis",
        "versions": {"skinseg-edge": __version__, **{name: _version(name) for name in _TOOLS}},
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:  # OpenCV comes under several names
        return None
