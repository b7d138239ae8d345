"""The work of `skinseg-run`: segment photos, several at a time, and write what they gave; a bad one stops no other."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import cv2

from skinseg_edge._version import __version__
from skinseg_edge.errors import InputError, OutputRefused
from skinseg_edge.image_io import read_picture
from skinseg_edge.picture_formats.dicom import recognises as is_dicom
from skinseg_edge.strict_json import canonical_bytes
from skinseg_runtime.dicom import Network
from skinseg_runtime.folder_run.in_parallel import done_in_parallel
from skinseg_runtime.folder_run.one_photo import made_of_photo, names_of_photo
from skinseg_runtime.photo_scale import PhotoScale
from skinseg_runtime.results import RESULTS_NAME, Results, results_folder
from skinseg_runtime.segmenter import Segmenter
from skinseg_runtime.sources import Source

__all__ = ["ROW_SCHEMA", "Asked", "Outcome", "run"]

ROW_SCHEMA = "skinseg.result/1"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is wanted of every photo.

    *model*: what each row says about the model. *scale_of*: where the photos' scale comes from; a photo without a
    readable one is measured in px, and its row says why. *overlay*: also draw outlines, and classes where there are
    more than two. *look*: how each photo is looked at, one of `large_pictures.LOOKS`. *dicom*: also make DICOM objects
    of photos that are DICOM files.
    """

    model: Mapping[str, object]
    scale_of: PhotoScale | None = None
    overlay: bool = False
    look: str = "once"
    dicom: bool = False

    @property
    def identity(self) -> bytes:
        """All that the result of a photo follows from, beside the photo: two runs of the same give the same."""
        model = {name: value for name, value in self.model.items() if name != "fallback"}
        scale = None if self.scale_of is None else self.scale_of.identity
        asked = {"scale": scale, "overlay": self.overlay, "look": self.look, "dicom": self.dicom}
        return canonical_bytes({"code": __version__, "row": ROW_SCHEMA, "model": model, **asked})


@dataclass(frozen=True)
class Outcome:
    """What became of a run.

    *rows*: one object a photo, as in results.jsonl but without polygons, which need memory. *failure*: what to say if
    photos failed, else None. *taken_over*: how many photos an earlier run had done. *published*: results.jsonl, None if
    no photo could be read.
    """

    rows: Sequence[Mapping[str, object]]
    failure: InputError | None
    taken_over: int = 0
    published: Path | None = None

    def whole_rows(self) -> list[Mapping[str, object]]:
        """Read the rows as they stand in results.jsonl."""
        if self.published is None:
            return list(self.rows)
        with self.published.open(encoding="utf-8") as stream:
            return [json.loads(line) for line in stream]


def run(
    segmenter: Segmenter,
    sources: Sequence[Source],
    output: Path,
    asked: Asked,
    *,
    force: bool = False,
    resume: bool = False,
    workers: int = 1,
    advance: Callable[[], None] = lambda: None,
    on_unfinished: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Segment *sources* and write the results below *output*: all of them or, if interrupted, none at their place.

    *force*, *resume*, *on_unfinished*: see `results_folder`. *workers*: photos at a time, at least 1; rows and masks
    are the same with any number. *advance*: called after each photo. A photo that cannot be read gets a row with its
    error; when none could be, nothing is written. A photo counts as done by an earlier run where its bytes, its name,
    the bundle, the engine, the precision, this package's version and what is *asked* are the same.

    Raises OutputRefused if results are there and not force, or the place cannot be written, DeviceBusy if another
    process writes there.
    """
    contract = segmenter.contract
    names = [names_of_photo(source.stem, contract, overlay=asked.overlay, dicom=asked.dicom) for source in sources]
    expected = [name for of_photo in names for name in of_photo.values()]
    done: list[_Done | _Failed] = [_Failed({}, InputError())] * len(sources)
    with results_folder(output, expected, force=force, resume=resume, on_unfinished=on_unfinished) as results:
        worker = _Worker(segmenter, results, asked)
        with _one_thread_a_photo(workers), closing(done_in_parallel(worker, sources, workers)) as ending:
            for place, one in ending:
                done[place] = one
                advance()
        if any(isinstance(one, _Done) for one in done):
            results.publish([(one.key, one.head) if isinstance(one, _Done) else (None, one.row) for one in done])
    errors = [one.error for one in done if isinstance(one, _Failed)]
    return Outcome(
        [one.row for one in done],
        _failure(errors, len(sources)),
        sum(isinstance(one, _Done) and one.taken_over for one in done),
        output / RESULTS_NAME if len(errors) < len(sources) else None,
    )


@dataclass(frozen=True)
class _Done:
    """A photo's *key* among the results, its *row* without polygons and the *head* of it; *taken_over*: made before."""

    key: str
    head: Mapping[str, object]
    row: Mapping[str, object]
    taken_over: bool


@dataclass(frozen=True)
class _Failed:
    """The *row* of a photo that cannot be read, and why."""

    row: Mapping[str, object]
    error: InputError


class _Worker:
    """Makes and writes what is asked of a photo; called from several threads."""

    def __init__(self, segmenter: Segmenter, results: Results, asked: Asked) -> None:
        self._segmenter = segmenter
        self._results = results
        self._asked = asked
        self._identity = asked.identity

    def __call__(self, source: Source) -> _Done | _Failed:
        try:
            return self._done(source)
        except OutputRefused:
            raise
        except InputError as error:
            told = {"kind": type(error).__name__, "message": str(error), "exit_code": error.exit_code}
            return _Failed({**self._head(source), "error": told}, error)

    def _done(self, source: Source) -> _Done:
        data = read_picture(source.path, max_pixels=self._segmenter.max_pixels)
        asked = self._asked
        dicom = asked.dicom and is_dicom(data)
        names = names_of_photo(source.stem, self._segmenter.contract, overlay=asked.overlay, dicom=dicom)
        key = self._key(data, source.stem)
        row = self._results.row(key, names)
        taken_over = row is not None
        if row is None:
            network = Network.from_row(asked.model) if dicom else None
            made = made_of_photo(
                self._segmenter, data, asked.scale_of, overlay=asked.overlay, look=asked.look, network=network
            )
            row = self._results.add(key, names, made.pictures, made.row)
        head = self._head(source)
        return _Done(key, head, {**head, **_without_polygons(row)}, taken_over)

    def _head(self, source: Source) -> dict[str, object]:
        return {"schema": ROW_SCHEMA, "source": str(source.path), "model": dict(self._asked.model)}

    def _key(self, data: bytes, stem: PurePosixPath) -> str:
        parts = (self._identity, str(stem).encode("utf-8", "surrogateescape"), data)
        return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def _without_polygons(row: Mapping[str, object]) -> dict[str, object]:
    lesions = row["lesions"]
    assert isinstance(lesions, list)
    plain = [{name: value for name, value in lesion.items() if name != "polygon"} for lesion in lesions]
    return {**row, "lesions": plain}


@contextmanager
def _one_thread_a_photo(workers: int) -> Iterator[None]:
    """Keep OpenCV from starting threads of its own where there are as many photos as cores."""
    before = cv2.getNumThreads()
    if workers > 1:
        cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def _failure(errors: Sequence[InputError], count: int) -> InputError | None:
    if not errors:
        return None
    if len(errors) == 1:
        return errors[0]
    return InputError(f"cannot segment {len(errors)} of {count} photos; the first: {errors[0]}")
