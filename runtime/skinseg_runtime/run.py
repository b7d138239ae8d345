"""The work of `skinseg-run`: segment each photo, write what it gave, go on where one photo is bad."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from skinseg_edge.errors import InputError, OutputRefused, PictureUnreadable
from skinseg_edge.image_io import decode
from skinseg_runtime.overlay import draw
from skinseg_runtime.results import Results, results_folder
from skinseg_runtime.segmenter import Segmenter
from skinseg_runtime.sources import Source

__all__ = ["ROW_SCHEMA", "Outcome", "run"]

ROW_SCHEMA = "skinseg.result/1"


@dataclass(frozen=True)
class Outcome:
    """*rows*: what results.jsonl holds, one object a photo; *failure*: what to say if photos failed, else None."""

    rows: list[dict[str, object]]
    failure: InputError | None


def run(
    segmenter: Segmenter,
    sources: Sequence[Source],
    output: Path,
    *,
    model: Mapping[str, object],
    overlay: bool = False,
    force: bool = False,
    advance: Callable[[], None] = lambda: None,
) -> Outcome:
    """Segment *sources* and write the results below *output*, all of them or, if interrupted, none.

    *model*: what each row says about the model. *overlay*: also draw outlines. *force*: replace earlier results.
    *advance*: called after each photo. A photo that cannot be read gets a row with its error; when none could be,
    nothing is written.

    Raises OutputRefused if results are there and not force, or the place cannot be written.
    """
    rows: list[dict[str, object]] = []
    errors: list[InputError] = []
    with results_folder(output, _expected(sources, overlay), force=force) as results:
        for source in sources:
            row: dict[str, object] = {"schema": ROW_SCHEMA, "source": str(source.path), "model": dict(model)}
            try:
                row.update(_segmented(segmenter, source, results, overlay))
            except OutputRefused:
                raise
            except InputError as error:
                errors.append(error)
                row["error"] = {"kind": type(error).__name__, "message": str(error), "exit_code": error.exit_code}
            results.add_row(row)
            rows.append(row)
            advance()
        if len(errors) < len(sources):
            results.publish()
    return Outcome(rows, _failure(errors, len(sources)))


def _segmented(segmenter: Segmenter, source: Source, results: Results, overlay: bool) -> dict[str, object]:
    segmentation = segmenter.segment(source.path)
    mask = segmentation.mask
    row: dict[str, object] = {
        "sha256": _sha256(source.path),
        "photo_hw": list(segmentation.photo_hw),
        "lesions": [lesion.to_json() for lesion in segmentation.lesions],
        "timings_ms": {step: round(ms, 2) for step, ms in segmentation.timings_ms.items()},
        "mask": str(results.add_png(_mask_name(source), mask)),
    }
    if not segmenter.contract.is_binary:
        row["class_map"] = str(results.add_png(_class_map_name(source), segmentation.class_map))
    if overlay:
        photo = decode(source.path, max_pixels=segmenter.max_pixels).pixels
        row["overlay"] = str(results.add_png(_overlay_name(source), draw(photo, mask)))
    return row


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise PictureUnreadable(f"cannot read {path} again after segmenting it: {error.strerror}; try again") from error


def _expected(sources: Sequence[Source], overlay: bool) -> list[PurePosixPath]:
    names = [_mask_name(source) for source in sources] + [_class_map_name(source) for source in sources]
    return names + ([_overlay_name(source) for source in sources] if overlay else [])


def _mask_name(source: Source) -> PurePosixPath:
    return source.stem.with_name(f"{source.stem.name}.mask.png")


def _class_map_name(source: Source) -> PurePosixPath:
    return source.stem.with_name(f"{source.stem.name}.classes.png")


def _overlay_name(source: Source) -> PurePosixPath:
    return source.stem.with_name(f"{source.stem.name}.overlay.png")


def _failure(errors: Sequence[InputError], count: int) -> InputError | None:
    if not errors:
        return None
    if len(errors) == 1:
        return errors[0]
    return InputError(f"cannot segment {len(errors)} of {count} photos; the first: {errors[0]}")
