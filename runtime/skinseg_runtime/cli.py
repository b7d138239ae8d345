"""`skinseg-run`: photos in; masks, outlines, measurements out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from skinseg_edge.command_line import Ui, command, name_option
from skinseg_edge.command_options import photo_scale_options, trusted_key_option
from skinseg_edge.errors import InputError
from skinseg_runtime.engines import ENGINES, KNOWN_PRECISIONS
from skinseg_runtime.large_pictures import LOOKS
from skinseg_runtime.video import StreamOptions, stream_options

if TYPE_CHECKING:
    from skinseg_edge.bundle import Bundle
    from skinseg_runtime.segmenter import Segmenter

__all__ = ["main"]


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
@photo_scale_options()
@click.option(
    "--ruler",
    metavar="X1,Y1,X2,Y2,MM",
    help="Take the scale from two points of one upright photo, px, and the millimetres between them.",
)
@click.option("--dicom-scale", is_flag=True, help="Take the scale from the Pixel Spacing of each DICOM photo.")
@name_option(
    "--look",
    "look",
    LOOKS,
    default="once",
    show_default=True,
    help="Look at a small lesion again: closer, or with its border in tiles.",
)
@click.option("--overlay", is_flag=True, help="Also draw each outline, and classes, on its photo.")
@click.option("--dicom", is_flag=True, help="Also write a SEG and an SR for each photo that is a DICOM file.")
@click.option("--force", is_flag=True, help="Replace results that are there already.")
@click.option("--resume", is_flag=True, help="Go on with a run that was cut off; what is done is taken over.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Photos at a time, one core each; each needs its memory. [default: as many as cores]",
)
@trusted_key_option()
@stream_options
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
    ruler: str | None,
    dicom_scale: bool,
    look: str,
    overlay: bool,
    dicom: bool,
    force: bool,
    resume: bool,
    jobs: int | None,
    trusted_key: Path | None,
    stream_options: StreamOptions,
) -> int:
    """Outline the skin lesions on photos with the model in BUNDLE.

    Each PATH is a photo (JPEG, PNG, WebP, BMP, TIFF, DICOM) or a folder, which is searched with all below it. For every
    photo there is NAME.mask.png and a line in results.jsonl with polygons and measurements in pixels of the upright
    photo, and in mm where the scale is known, each with its range; a network of more than two classes also gives
    NAME.classes.png, whose palette indices are the classes in the order of the bundle's contract. Below a folder, masks
    that lie beside their photos (NAME_mask, NAME_segmentation, masks/ beside images/) and results of an earlier run are
    left out. A photo that cannot be read is reported and the others are done; the exit code is then 2.
    Nothing is at its place before all is done; a run that was cut off is gone on with by --resume, which takes over
    each photo whose bytes, name, model and options are the same.

    With --dicom a photo that is a DICOM file also gets NAME.seg.dcm, its outline as a Segmentation, and NAME.sr.dcm,
    its measurements as a Structured Report, both of the same patient and study; other photos get none.

    A single PATH may be a video or a camera instead: a file such as clip.mp4, camera:0 (camera:0@1280x720@30), csi:0 on
    a Jetson, rtsp://..., or "gst: ... ! appsink". Its frames give frames.jsonl, and with --record a video. Frames that
    come faster than they are segmented are dropped, except those of a file. Ctrl-C ends it.

    The outline is not a diagnosis.
    """
    # Imported here: `--help` should not wait for OpenCV.
    from skinseg_edge.bundle import Bundle
    from skinseg_runtime.folder_run.summary import problems_of, summary_of
    from skinseg_runtime.photo_scale import photo_scale
    from skinseg_runtime.run import Asked, run
    from skinseg_runtime.sources import sources_from
    from skinseg_runtime.usable_cores import fast_cores, usable_cores
    from skinseg_runtime.video import run_stream, stream_among

    scale_of = photo_scale(mm_per_px, card_mm, ruler, is_from_file=dicom_scale)
    if (stream := stream_among(paths)) is not None:
        for_photos = {"--overlay": overlay, "--resume": resume, "--jobs": jobs is not None, "--look": look != "once"}
        for_photos |= {"--dicom": dicom, "--dicom-scale": dicom_scale}
        stream_options.check_alone(stream.name, for_photos)
        opened = Bundle.open(bundle, trusted_key=trusted_key)
        # Reading and drawing have a thread each; docs/video.md has figures.
        threads = max(1, min(fast_cores(), usable_cores() - 2))
        with _opened(ui, opened, engine, precision, allow_build, threads) as segmenter:
            model = _model(opened, segmenter)
            return run_stream(
                ui, segmenter, stream, stream_options, output, model=model, scale_of=scale_of, force=force
            )
    stream_options.check_unused()
    if dicom:
        import highdicom  # noqa: F401  # one that is not installed is told before the work, not after it
    sources = sources_from(paths)
    if ruler is not None and len(sources.photos) > 1:
        raise InputError(
            f"cannot read one ruler on {len(sources.photos)} photos: its points lie on one of them; name that photo, "
            "or give --mm-per-px if all were taken from the same distance"
        )
    workers = min(jobs or usable_cores(), len(sources.photos))
    opened = Bundle.open(bundle, trusted_key=trusted_key)
    with (
        _opened(ui, opened, engine, precision, allow_build, 1 if workers > 1 else None) as segmenter,
        ui.progress(len(sources.photos), "segmenting") as advance,
    ):
        model = _model(opened, segmenter)
        outcome = run(
            segmenter,
            sources.photos,
            output,
            Asked(model=model, scale_of=scale_of, overlay=overlay, look=look, dicom=dicom),
            force=force,
            resume=resume,
            workers=workers,
            advance=advance,
            on_unfinished=ui.warn,
        )
    document = {
        "output": str(output),
        "model": model,
        "taken_over": outcome.taken_over,
        "pictures": outcome.whole_rows() if ui.json else [],
        "masks_left_out": [str(mask) for mask in sources.masks],
    }
    if dicom and not any("dicom_seg" in row for row in outcome.rows):
        ui.warn("no photo is a DICOM file that could be read, so no SEG or SR was made")
    for problem in [] if ui.json else problems_of(outcome):  # --json has them in its rows
        ui.warn(problem)
    return ui.result(document, summary_of(outcome, output, len(sources.masks)), failure=outcome.failure)


def _model(bundle: Bundle, segmenter: Segmenter) -> dict[str, object]:
    """Return what each row says about the model."""
    return {
        "name": bundle.manifest.name,
        "bundle_sha256": bundle.sha256,
        "engine": segmenter.engine.name,
        "precision": segmenter.precision,
        "fallback": segmenter.fallback,
    }


def _opened(
    ui: Ui, bundle: Bundle, engine: str, precision: str | None, allow_build: bool, threads: int | None
) -> Segmenter:
    """Load the network; where another engine than the best for this device serves, say so even with `-q`."""
    from contextlib import nullcontext

    from skinseg_runtime.engine_build.progress_lines import telling_steps
    from skinseg_runtime.segmenter import Segmenter

    with telling_steps(ui) if allow_build else nullcontext() as on_build_step:
        return Segmenter.open(
            bundle,
            engine=engine,
            precision=precision,
            threads=threads,
            allow_build=allow_build,
            on_fallback=ui.warn,
            on_build_step=on_build_step,
        )


if __name__ == "__main__":
    main()
