"""What the terminal shows after a run: a table of photos, how many are done, and what was wrong with some."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from skinseg_edge.terminal import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skinseg_runtime.run import Outcome

__all__ = ["problems_of", "summary_of"]

_MOST_ROWS = 40  # a longer table is no longer read; results.jsonl has every picture


def problems_of(outcome: Outcome) -> list[str]:
    """Return a sentence for each photo that failed, where that is more than one, and for each unread scale.

    A single failure is told by the outcome's own.
    """
    errors = [str(error["message"]) for row in outcome.rows if isinstance(error := row.get("error"), dict)]
    scales = [
        f"{row['source']}: {problem}" for row in outcome.rows if isinstance(problem := row.get("scale_problem"), str)
    ]
    return [*(errors if len(errors) > 1 else []), *scales]


def summary_of(outcome: Outcome, output: Path, masks_left_out: int) -> object:
    """Return what rich prints: a line a photo, or a failed one where there are many, and a last line for all."""
    table = Table(box=None, pad_edge=False)
    table.add_column("photo", overflow="fold")  # the end of a long path says which photo it is
    for heading in ("size", "lesions", "of photo", "diameter", "quality", "ms"):
        table.add_column(heading, justify="right")
    # In a long list only what failed is worth a line.
    shown = outcome.rows if len(outcome.rows) <= _MOST_ROWS else [row for row in outcome.rows if "error" in row]
    for row in shown:
        table.add_row(Text(printable(str(row["source"]))), *_cells(row))
    end = _last_line(outcome, output, masks_left_out)
    return Group(table, Text(end)) if shown else Text(end)


def _last_line(outcome: Outcome, output: Path, masks_left_out: int) -> str:
    done = sum("error" not in row for row in outcome.rows)
    end = f"{done} of {len(outcome.rows)} photos segmented"
    if outcome.taken_over:
        end += f", {outcome.taken_over} of them before the run was cut off"
    if done:
        end += f" -> {output}"
    if masks_left_out:
        end += f"; {masks_left_out} masks beside photos left out"
    return end


def _cells(row: Mapping[str, object]) -> list[str]:
    match row:
        case {"photo_hw": [int(rows), int(columns)], "lesions": list(lesions), "timings_ms": dict(timings)}:
            area = sum(lesion["area_px"] for lesion in lesions) / (rows * columns)
            diameter = _diameter(lesions[0]) if lesions else "-"
            ms = f"{sum(timings.values()):.0f}"
            return [f"{columns} x {rows}", str(len(lesions)), f"{area:.1%}", diameter, _verdict(row), ms]
    return ["-", "failed", "-", "-", "-", "-"]


def _verdict(row: Mapping[str, object]) -> str:
    match row:
        case {"quality": {"verdict": str(verdict)}}:
            return verdict
    return "-"


def _diameter(lesion: dict[str, object]) -> str:
    match lesion:
        case {"max_diameter_mm": float(longest), "scale": {"relative_error": float(error)}}:
            return f"{longest:.1f} mm ±{error * longest:.1f}"
    return f"{lesion['max_diameter_px']:.0f} px"
