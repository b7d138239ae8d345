"""The work of `skinseg-run`: segment each photo, write what it gave, go on where one photo is bad."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.errors import InputError, OutputRefused, PictureUnreadable
from skinseg_edge.image_io import decode
from skinseg_runtime.measurements import measure
from skinseg_runtime.overlay import draw, draw_classes
from skinseg_runtime.photo_scale import PhotoScale
from skinseg_runtime.quality import assess, hw_for_close_up
from skinseg_runtime.results import Results, results_folder
from skinseg_runtime.segmentation import Segmentation
from skinseg_runtime.segmenter import Segmenter
from skinseg_runtime.sources import Source

__all__ = ["ROW_SCHEMA", "Outcome", "run"]

ROW_SCHEMA = "skinseg.result/1"

_COLOUR_HW = (512, 512)  # px of a photo that colours are read from, at least: they are averaged over a coarse grid


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
    scale_of: PhotoScale | None = None,
    overlay: bool = False,
    force: bool = False,
    advance: Callable[[], None] = lambda: None,
) -> Outcome:
    """Segment *sources* and write the results below *output*, all of them or, if interrupted, none.

    *model*: what each row says about the model. *scale_of*: where the photos' scale comes from; a photo without a
    readable one is measured in px, and its row says why. *overlay*: also draw outlines, and classes where there are
    more than two. *force*: replace earlier results. *advance*: called after each photo. A photo that cannot be read
    gets a row with its error; when none could be, nothing is written.

    Raises OutputRefused if results are there and not force, or the place cannot be written.
    """
    rows: list[dict[str, object]] = []
    errors: list[InputError] = []
    expected = _expected(sources, has_class_maps=_has_class_maps(segmenter), overlay=overlay)
    with results_folder(output, expected, force=force) as results:
        for source in sources:
            row: dict[str, object] = {"schema": ROW_SCHEMA, "source": str(source.path), "model": dict(model)}
            try:
                row.update(_segmented(segmenter, source, results, scale_of, overlay))
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


def _segmented(
    segmenter: Segmenter, source: Source, results: Results, scale_of: PhotoScale | None, overlay: bool
) -> dict[str, object]:
    segmentation = segmenter.segment(source.path)
    mask = segmentation.mask
    whole = overlay or (scale_of is not None and scale_of.needs_whole_photo)
    pixels = decode(
        source.path, at_least_hw=None if whole else _needed_hw(segmentation), max_pixels=segmenter.max_pixels
    ).pixels
    scale, problem = (None, {}) if scale_of is None else scale_of.read(pixels)
    row: dict[str, object] = {
        "sha256": _sha256(source.path),
        "photo_hw": list(segmentation.photo_hw),
        "lesions": [lesion.to_json() for lesion in measure(mask, pixels, scale)],
        **problem,
        "quality": assess(pixels, segmentation).to_json(),
        "timings_ms": {step: round(ms, 2) for step, ms in segmentation.timings_ms.items()},
        "mask": str(results.add_png(_mask_name(source), mask)),
    }
    photo = pixels if overlay else None
    if photo is not None:
        row["overlay"] = str(results.add_png(_overlay_name(source), draw(photo, mask)))
    if _has_class_maps(segmenter):
        row.update(_classified(segmentation, source, results, photo))
    return row


def _needed_hw(segmentation: Segmentation) -> tuple[int, int]:
    """Return the fewest rows and columns of the photo on which colours and quality can be taken."""
    largest = segmentation.lesions[0] if segmentation.lesions else None
    rows, columns = hw_for_close_up(segmentation.photo_hw, largest)
    return max(rows, _COLOUR_HW[0]), max(columns, _COLOUR_HW[1])


def _classified(
    segmentation: Segmentation, source: Source, results: Results, photo: NDArray[np.uint8] | None
) -> dict[str, object]:
    class_map, classes = segmentation.class_map, segmentation.contract.classes
    row: dict[str, object] = {
        "class_map": str(results.add_class_map(_class_map_name(source), class_map, len(classes))),
        "class_areas_px": {name: int(np.count_nonzero(class_map == number)) for number, name in enumerate(classes)},
    }
    if photo is not None:
        row["panel"] = str(results.add_png(_panel_name(source), draw_classes(photo, class_map, classes)))
    return row


def _has_class_maps(segmenter: Segmenter) -> bool:
    """Answer whether a class map says more than the mask."""
    return len(segmenter.contract.classes) > 2


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise PictureUnreadable(f"cannot read {path} again after segmenting it: {error.strerror}; try again") from error


def _expected(sources: Sequence[Source], *, has_class_maps: bool, overlay: bool) -> list[PurePosixPath]:
    named = [_mask_name, *([_overlay_name] if overlay else [])]
    if has_class_maps:
        named += [_class_map_name, *([_panel_name] if overlay else [])]
    return [name(source) for name in named for source in sources]


def _mask_name(source: Source) -> PurePosixPath:
    return source.stem.with_name(f"{source.stem.name}.mask.png")


def _class_map_name(source: Source) -> PurePosixPath:
    return source.stem.with_name(f"{source.stem.name}.classes.png")


def _overlay_name(source: Source) -> PurePosixPath:
    return source.stem.with_name(f"{source.stem.name}.overlay.png")


def _panel_name(source: Source) -> PurePosixPath:
    return source.stem.with_name(f"{source.stem.name}.panel.png")


def _failure(errors: Sequence[InputError], count: int) -> InputError | None:
    if not errors:
        return None
    if len(errors) == 1:
        return errors[0]
    return InputError(f"cannot segment {len(errors)} of {count} photos; the first: {errors[0]}")
