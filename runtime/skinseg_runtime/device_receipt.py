"""The receipt of a Mac, an iPhone or an iPad: what it made of a bundle's golden cases through Core ML.

`coreml-check/` in the bundle makes one, `device_receipt_reading` reads it. It holds masks and no verdict;
`device_receipt_check` compares them. It guards against mistakes, not against a forger, for nothing in it is secret.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import PurePosixPath
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.manifest import GoldenCase

__all__ = [
    "CHECK_FOLDER",
    "COMPUTE_UNITS",
    "DEVICE_RECEIPT_SCHEMA",
    "RESOURCES_FOLDER",
    "ComputeUnits",
    "DeviceReceipt",
    "DeviceRun",
    "RunLengthMask",
    "reference_mask_path",
    "run_lengths",
]

DEVICE_RECEIPT_SCHEMA = "skinseg.device-receipt/1"
CHECK_FOLDER = "coreml-check"
RESOURCES_FOLDER = "Resources"

ComputeUnits: TypeAlias = Literal["CPU_ONLY", "CPU_AND_GPU", "CPU_AND_NE", "ALL"]
COMPUTE_UNITS: tuple[ComputeUnits, ...] = ("CPU_ONLY", "CPU_AND_GPU", "CPU_AND_NE", "ALL")


@dataclass(frozen=True, kw_only=True)
class RunLengthMask:
    """A mask at network size: *rows* x *columns*, row after row as *runs* of alike pixels, the first being no lesion.

    The runs add up to rows x columns; only the first may be 0.
    """

    rows: int
    columns: int
    runs: tuple[int, ...]

    def pixels(self) -> NDArray[np.bool_]:
        """Return (rows, columns) bool, True = lesion."""
        turns = np.arange(len(self.runs)) % 2 == 1
        return np.repeat(turns, self.runs).reshape(self.rows, self.columns)


@dataclass(frozen=True, kw_only=True)
class DeviceRun:
    """One package on one choice of compute units.

    *artefact*: such as "coreml". *failure*: why it did not run, empty if it did. *latencies_ms*: single predictions.
    *operations*: how many the system meant to run on which kind of device; empty where it does not tell. *masks*: by
    the golden case's photo.
    """

    artefact: str
    compute_units: ComputeUnits
    failure: str
    load_cold_ms: float
    load_warm_ms: float
    latencies_ms: tuple[float, ...]
    operations: Mapping[str, int]
    masks: Mapping[str, RunLengthMask]


@dataclass(frozen=True, kw_only=True)
class DeviceReceipt:
    """What a device says of itself and of its runs.

    *bundle_sha256*: of the manifest it had. *model*: such as "Mac14,2"; *chip*, *system*, *made*: in words. *packages*:
    path and SHA-256 (see `device_receipt_check.package_digest`) of each artefact that was run.
    """

    bundle_sha256: str
    model: str
    chip: str
    system: str
    made: str
    packages: Mapping[str, tuple[str, str]]
    runs: tuple[DeviceRun, ...]

    @property
    def folder_name(self) -> str:
        """What the device's folder below `engines/` is called, such as "coreml-mac14-2"."""
        return "coreml-" + re.sub(r"[^a-z0-9]+", "-", self.model.lower()).strip("-")


def reference_mask_path(case: GoldenCase) -> str:
    """Return where the bundle has the trained network's mask of *case* at network size."""
    return f"{CHECK_FOLDER}/{RESOURCES_FOLDER}/{PurePosixPath(case.image).stem}.mask.png"


def run_lengths(mask: NDArray[np.bool_]) -> tuple[int, ...]:
    """Return how many pixels in a row are alike, in turns, the first turn being no lesion.

    *mask*: (rows, columns) bool.

    >>> run_lengths(np.array([[True, True], [False, True]]))
    (0, 2, 1, 1)
    """
    turns = [(bool(level), sum(1 for _ in pixels)) for level, pixels in groupby(mask.ravel().tolist())]
    starts_with_lesion = bool(turns) and turns[0][0]
    return (*((0,) if starts_with_lesion else ()), *(length for _, length in turns))
