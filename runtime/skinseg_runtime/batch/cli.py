"""`skinseg-batch`: an archive of pictures in; a table of measurements, and masks, out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from skinseg_edge.command_line import Ui, command, name_option
from skinseg_edge.command_options import photo_scale_options, trusted_key_option
from skinseg_edge.errors import InputError
from skinseg_runtime.engines import ENGINES, KNOWN_PRECISIONS

if TYPE_CHECKING:
    from skinseg_runtime.batch.driver import BatchOutcome
    from skinseg_runtime.batch.executors import Executor
    from skinseg_runtime.batch.work import Masks, Work

__all__ = ["main"]


@command(
    "skinseg-batch",
    "skinseg.batch/1",
    examples=(
        "skinseg-batch photos/ lesion.skinseg -o out",
        "skinseg-batch 'shards/{000..099}.tar' lesion.skinseg -o out --masks rle --executor ray",
    ),
)
@click.argument("source")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, help="Folder for the table and the masks."
)
@name_option(
    "--executor",
    "executor",
    ("local", "ray"),
    default="local",
    show_default=True,
    help="Processes of this machine, or Ray Data (the extra `scale`).",
)
@click.option("--address", metavar="HOST:PORT", help="Head of a Ray cluster. Default: Ray on this machine alone.")
@click.option(
    "--jobs", type=click.IntRange(min=1), metavar="N", help="Processes on this machine. [default: as many as cores]"
)
@name_option(
    "--masks",
    "masks",
    ("png", "rle"),
    default="png",
    show_default=True,
    help="A file each, or run lengths in the table.",
)
@click.option("--column", metavar="NAME", help="Column of a Parquet source that has the pictures, or their places.")
@name_option("--engine", "engine", ENGINES, default="auto", show_default=True, help="What runs the network.")
@name_option("--precision", "precision", KNOWN_PRECISIONS, help="Which form of it. Default: the engine's own.")
@photo_scale_options()
@click.option("--dicom-scale", is_flag=True, help="Take the scale from the Pixel Spacing of each DICOM photo.")
@click.option("--force", is_flag=True, help="Take away results that are there, and start anew.")
@trusted_key_option()
def main(
    ui: Ui,
    source: str,
    bundle: Path,
    output: Path,
    executor: str,
    address: str | None,
    jobs: int | None,
    masks: Masks,
    column: str | None,
    engine: str,
    precision: str | None,
    mm_per_px: float | None,
    card_mm: float | None,
    dicom_scale: bool,
    force: bool,
    trusted_key: Path | None,
) -> int:
    """Outline the skin lesions on an archive of pictures with the model in BUNDLE.

    SOURCE is a folder, which is searched with all below it; a list (.txt, .csv) of paths or addresses; a Parquet file
    or a folder of them; WebDataset files (.tar, also shards-{000..099}.tar); or such a thing in a store that fsspec
    knows (s3://, gs://, https://, ...). Each picture gets one row in OUT/pictures/*.parquet, and its mask in OUT/masks
    or, as run lengths, in its row. A picture that cannot be read gets a row with its error; the exit code is then 2.

    The same command goes on with what an earlier start has left, whatever ended it: a picture whose bytes are the same
    is not segmented again, and when all is done, rows of pictures that left SOURCE go.

    The outline is not a diagnosis.
    """
    # Imported here: `--help` should not wait for OpenCV.
    from skinseg_runtime.batch.driver import run_batch
    from skinseg_runtime.batch.opening import work_for
    from skinseg_runtime.batch.sources import source_from_text

    if address is not None and executor != "ray":
        raise InputError("cannot use --address with the local executor: it has no cluster; add --executor ray")
    pictures = source_from_text(source, column=column)
    work = work_for(
        bundle,
        engine=engine,
        precision=precision,
        masks=masks,
        mm_per_px=mm_per_px,
        card_mm=card_mm,
        dicom_scale=dicom_scale,
        trusted_key=trusted_key,
        opens=address is None,
        on_fallback=ui.warn,
    )
    try:
        outcome = run_batch(
            pictures,
            output,
            work,
            _executor(executor, address, jobs),
            force=force,
            open_bar=lambda tally: ui.progress(tally.total, "segmenting", tail=tally.text),
            on_warning=ui.warn,
        )
    except KeyboardInterrupt:
        ui.warn(f"what is done is kept in {output}; run the same command to go on")
        raise
    return ui.result(_document(outcome, work), _sentence(outcome), failure=outcome.failure)


def _executor(name: str, address: str | None, jobs: int | None) -> Executor:
    if name == "ray":
        from skinseg_runtime.batch.executors.ray_data import RayExecutor

        return RayExecutor(address, processes=jobs)
    from skinseg_runtime.batch.executors.local import LocalExecutor

    return LocalExecutor(jobs)


def _document(outcome: BatchOutcome, work: Work) -> dict[str, object]:
    speed = outcome.pictures_per_s
    return {
        "output": str(outcome.output),
        "pictures": outcome.pictures,
        "errors": outcome.errors,
        "computed": outcome.computed,
        "taken_over": outcome.taken_over,
        "seconds": round(outcome.seconds, 1),
        "pictures_per_s": None if speed is None else round(speed, 2),
        "model": {"bundle_sha256": work.bundle_sha256, "engine": work.engine, "precision": work.precision},
    }


def _sentence(outcome: BatchOutcome) -> str:
    told = f"{outcome.pictures - outcome.errors:,} of {outcome.pictures:,} pictures segmented"
    if outcome.taken_over:
        told += f", {outcome.taken_over:,} taken over from an earlier start"
    if outcome.pictures_per_s is not None:
        told += f", {outcome.pictures_per_s:.1f} pictures/s"
    return f"{told} -> {outcome.output}"


if __name__ == "__main__":
    main()
