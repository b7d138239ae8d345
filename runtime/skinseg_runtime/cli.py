"""`skinseg-run`: photos in; masks, outlines, measurements out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from skinseg_edge.command_line import Ui, command, name_option
from skinseg_edge.command_options import trusted_key_option
from skinseg_edge.terminal import printable
from skinseg_runtime.engines import ENGINES, KNOWN_PRECISIONS

if TYPE_CHECKING:
    from skinseg_edge.bundle import Bundle
    from skinseg_runtime.run import Outcome
    from skinseg_runtime.segmenter import Segmenter

__all__ = ["main"]

_MOST_ROWS = 40  # a longer table is no longer read; results.jsonl has every picture


@command(
    "skinseg-run",
    "skinseg.run/1",
    examples=(
        "skinseg-run lesion.skinseg photo.jpg --overlay -o results",
        "skinseg-run lesion.skinseg photos/ -o results --force --json",
    ),
)
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("skinseg-results"),
    show_default=True,
    help="Folder for masks, overlays and results.jsonl.",
)
@name_option("--engine", "engine", ENGINES, default="auto", show_default=True, help="What runs the network.")
@name_option("--precision", "precision", KNOWN_PRECISIONS, help="Which form of it. Default: the engine's own.")
@click.option("--allow-build", is_flag=True, help="Build a GPU's engine first if it is missing; takes minutes.")
@click.option("--mm-per-px", type=float, metavar="X", help="Scale of the photos, mm per pixel: sizes in mm too.")
@click.option(
    "--card",
    "card_mm",
    type=float,
    metavar="SIZE_MM",
    help="Read the scale from an ArUco marker (DICT_4X4_50) on each photo; SIZE_MM is its black square's side.",
)
@click.option("--overlay", is_flag=True, help="Also draw each outline, and classes, on its photo.")
@click.option("--force", is_flag=True, help="Replace results that are there already.")
@trusted_key_option()
def main(
    ui: Ui,
    bundle: Path,
    paths: tuple[str, ...],
    output: Path,
    engine: str,
    precision: str | None,
    allow_build: bool,
    mm_per_px: float | None,
    card_mm: float | None,
    overlay: bool,
    force: bool,
    trusted_key: Path | None,
) -> int:
    """Outline the skin lesions on photos with the model in BUNDLE.

    Each PATH is a photo (JPEG, PNG, WebP, BMP, TIFF) or a folder, which is searched with all below it. For every photo
    there is NAME.mask.png and a line in results.jsonl with polygons and measurements in pixels of the upright photo,
    and in mm where the scale is known, each with its range; a network of more than two classes also gives
    NAME.classes.png, whose palette indices are the classes in the order of the bundle's contract. Below a folder, masks
    that lie beside their photos (NAME_mask, NAME_segmentation, masks/ beside images/) and results of an earlier run are
    left out. A photo that cannot be read is reported and the others are done; the exit code is then 2. The outline is
    not a diagnosis.
    """
    # Imported here: `--help` should not wait for OpenCV.
    from skinseg_edge.bundle import Bundle
    from skinseg_runtime.photo_scale import photo_scale
    from skinseg_runtime.run import run
    from skinseg_runtime.sources import sources_from

    scale_of = photo_scale(mm_per_px, card_mm)
    sources = sources_from(paths)
    opened = Bundle.open(bundle, trusted_key=trusted_key)
    with (
        _opened(ui, opened, engine, precision, allow_build) as segmenter,
        ui.progress(len(sources.photos), "segmenting") as advance,
    ):
        model = {
            "name": opened.manifest.name,
            "bundle_sha256": opened.sha256,
            "engine": segmenter.engine.name,
            "precision": segmenter.precision,
            "fallback": segmenter.fallback,
        }
        outcome = run(
            segmenter,
            sources.photos,
            output,
            model=model,
            scale_of=scale_of,
            overlay=overlay,
            force=force,
            advance=advance,
        )
    document = {
        "output": str(output),
        "model": model,
        "pictures": outcome.rows,
        "masks_left_out": [str(mask) for mask in sources.masks],
    }
    _tell_errors(ui, outcome)
    return ui.result(document, _summary(outcome, output, len(sources.masks)), failure=outcome.failure)


def _opened(ui: Ui, bundle: Bundle, engine: str, precision: str | None, allow_build: bool) -> Segmenter:
    """Load the network; where another engine than the best for this device serves, say so even with `-q`."""
    from contextlib import nullcontext

    from skinseg_runtime.engine_build.progress_lines import telling_steps
    from skinseg_runtime.segmenter import Segmenter

    with telling_steps(ui) if allow_build else nullcontext() as on_build_step:
        return Segmenter.open(
            bundle,
            engine=engine,
            precision=precision,
            allow_build=allow_build,
            on_fallback=ui.warn,
            on_build_step=on_build_step,
        )


def _tell_errors(ui: Ui, outcome: Outcome) -> None:
    """Say why each photo failed; a single one is told by the failure itself, and --json has them in its rows."""
    errors = [error["message"] for row in outcome.rows if isinstance(error := row.get("error"), dict)]
    if len(errors) > 1 and not ui.json:
        for message in errors:
            ui.warn(message)
    if not ui.json:
        for row in outcome.rows:
            if isinstance(problem := row.get("scale_problem"), str):
                ui.warn(f"{row['source']}: {problem}")


def _summary(outcome: Outcome, output: Path, masks: int) -> object:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    table.add_column("photo", overflow="fold")  # the end of a long path says which photo it is
    for heading in ("size", "lesions", "of photo", "diameter", "quality", "ms"):
        table.add_column(heading, justify="right")
    # In a long list only what failed is worth a line.
    shown = outcome.rows if len(outcome.rows) <= _MOST_ROWS else [row for row in outcome.rows if "error" in row]
    for row in shown:
        table.add_row(Text(printable(str(row["source"]))), *_cells(row))
    done = sum("error" not in row for row in outcome.rows)
    end = f"{done} of {len(outcome.rows)} photos segmented" + (f" -> {output}" if done else "")
    if masks:
        end += f"; {masks} masks beside photos left out"
    return Group(table, Text(end)) if shown else Text(end)


def _cells(row: dict[str, object]) -> list[str]:
    match row:
        case {"photo_hw": [int(rows), int(columns)], "lesions": list(lesions), "timings_ms": dict(timings)}:
            area = sum(lesion["area_px"] for lesion in lesions) / (rows * columns)
            diameter = _diameter(lesions[0]) if lesions else "-"
            ms = f"{sum(timings.values()):.0f}"
            return [f"{columns} x {rows}", str(len(lesions)), f"{area:.1%}", diameter, _verdict(row), ms]
    return ["-", "failed", "-", "-", "-", "-"]


def _verdict(row: dict[str, object]) -> str:
    match row:
        case {"quality": {"verdict": str(verdict)}}:
            return verdict
    return "-"


def _diameter(lesion: dict[str, object]) -> str:
    match lesion:
        case {"max_diameter_mm": float(longest), "scale": {"relative_error": float(error)}}:
            return f"{longest:.1f} mm ±{error * longest:.1f}"
    return f"{lesion['max_diameter_px']:.0f} px"


if __name__ == "__main__":
    main()
