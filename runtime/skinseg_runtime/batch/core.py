"""The one way from a picture's bytes to its row: `prepared`, `answered`, `finished`.

Every executor calls these three, so a picture gives the same row and mask wherever it is done, and the same as
`skinseg-run`. The first and the last need no engine; what goes from one to the next can be sent to another process.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import DeviceUnready, InputError, ParityFailed
from skinseg_edge.image_io import PictureBytes, decode, encode_png
from skinseg_edge.preprocessing import Placement, to_network_input
from skinseg_runtime.batch.rows import error_row, measured_row
from skinseg_runtime.batch.units import Finished, Unit, UnitDone
from skinseg_runtime.batch.work import Work
from skinseg_runtime.folder_run.one_photo import described_photo
from skinseg_runtime.postprocessing import default_rules
from skinseg_runtime.segmentation import Segmentation
from skinseg_runtime.segmenter import Segmenter

__all__ = ["Answer", "Prepared", "TakenOver", "answered", "finished", "prepared", "segment_many", "unit_done"]

_Made = TypeVar("_Made")

Answer: TypeAlias = NDArray[np.float32] | ParityFailed
"""(K, input rows, input columns) float32 in [0, 1], or that the network gave what is no probability."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A picture that is ready for the network.

    *sha256*: of *data*, hex. *image*: (input rows, input columns, 3) uint8 RGB. *placement*: where the picture lies in
    it; it knows the picture's size. *data*: the file, for measuring needs other pixels than the network.
    """

    name: str
    sha256: str
    data: bytes
    image: NDArray[np.uint8]
    placement: Placement


@dataclass(frozen=True)
class TakenOver:
    """A picture whose content is that of the row it has already."""

    name: str
    sha256: str


def prepared(
    data: bytes | InputError, name: str, known: str | None, work: Work, contract: ModelContract
) -> Prepared | Finished | TakenOver:
    """Hash and decode a picture and make the network's input of it; an error becomes its row.

    *data*: the file's bytes, or why they could not be read. *known*: see `Unit.known`.
    """
    if isinstance(data, InputError):
        return Finished(name, None, error_row(data), None)
    sha256 = hashlib.sha256(data).hexdigest()
    if sha256 == known:
        return TakenOver(name, sha256)
    return _or_error(name, sha256, lambda: _prepared(data, name, sha256, work, contract))


def answered(segmenter: Segmenter, pictures: Sequence[Prepared], work: Work) -> list[Answer]:
    """Ask the network for each picture, `work.engine_batch` at a time.

    Raises what the engine raises where no picture is to blame, such as DeviceLost.
    """
    answers: list[Answer] = []
    for first in range(0, len(pictures), work.engine_batch):
        answers += _answers(segmenter, pictures[first : first + work.engine_batch])
    return answers


def finished(picture: Prepared, answer: Answer, work: Work, contract: ModelContract) -> Finished:
    """Make mask, measurements and quality of what the network answered; an error becomes the picture's row."""
    if isinstance(answer, ParityFailed):
        return Finished(picture.name, None, error_row(answer), None)
    return _or_error(picture.name, picture.sha256, lambda: _finished(picture, answer, work, contract))


def segment_many(segmenter: Segmenter, pictures: Iterable[tuple[str, bytes]], work: Work) -> Iterator[Finished]:
    """Segment pictures, given as (name, the file's bytes), and yield what was made of each, in their order.

    No more than `work.engine_batch` of them are held. A picture that cannot be segmented gives a row with its error.

    Raises what the engine raises where no picture is to blame, and InputError if *work* names two scales.
    """
    for made in _all_made(segmenter, ((name, data, None) for name, data in pictures), work):
        if isinstance(made, Finished):
            yield made


def unit_done(segmenter: Segmenter, unit: Unit, work: Work) -> UnitDone:
    """Read and segment the pictures of a unit, as a worker does.

    Raises what the engine raises where no picture is to blame.
    """
    # Imported here: what opens stores and tables is needed where units are read, and not by the three steps.
    from skinseg_runtime.batch.reading import read_items

    known = {item.name: sha256 for item, sha256 in zip(unit.items, unit.known, strict=True)}
    read = ((item.name, data, known[item.name]) for item, data in read_items(unit.items, max_bytes=work.max_bytes))
    every = list(_all_made(segmenter, read, work))
    made = tuple(one for one in every if isinstance(one, Finished))
    return UnitDone(unit.number, made, len(every) - len(made))


def _all_made(
    segmenter: Segmenter, pictures: Iterable[tuple[str, bytes | InputError, str | None]], work: Work
) -> Iterator[Finished | TakenOver]:
    contract = segmenter.contract
    ready = (prepared(data, name, known, work, contract) for name, data, known in pictures)
    while group := list(islice(ready, work.engine_batch)):
        waiting = [one for one in group if isinstance(one, Prepared)]
        answers = iter(answered(segmenter, waiting, work))
        for one in group:
            yield finished(one, next(answers), work, contract) if isinstance(one, Prepared) else one


def _prepared(data: bytes, name: str, sha256: str, work: Work, contract: ModelContract) -> Prepared:
    picture = decode(_named(data, name), at_least_hw=contract.input_hw, max_pixels=work.max_pixels)
    network_input = to_network_input(picture.pixels, contract, photo_hw=picture.full_hw)
    return Prepared(name, sha256, data, np.ascontiguousarray(network_input.pixels), network_input.placement)


def _answers(segmenter: Segmenter, group: Sequence[Prepared]) -> list[Answer]:
    try:
        return list(segmenter.engine.infer(np.stack([picture.image for picture in group])))
    except ParityFailed as error:
        # It does not say of which picture, so each is asked for alone.
        return [error] if len(group) == 1 else [answer for one in group for answer in _answers(segmenter, [one])]


def _finished(picture: Prepared, probability: NDArray[np.float32], work: Work, contract: ModelContract) -> Finished:
    segmentation = Segmentation(
        contract=contract,
        network_probability=probability,
        placement=picture.placement,
        rules=default_rules(contract),
        steps_ms={},
        engine=work.engine,
    )
    data = _named(picture.data, picture.name)
    described, _, _ = described_photo(segmentation, data, work.scale_of, whole=False, max_pixels=work.max_pixels)
    mask_png = encode_png(segmentation.mask) if work.masks == "png" else None
    row = measured_row(described, segmentation.mask, mask_png, work.masks)
    return Finished(picture.name, picture.sha256, row, mask_png)


def _or_error(name: str, sha256: str, make: Callable[[], _Made]) -> _Made | Finished:
    try:
        return make()
    except InputError as error:
        return Finished(name, sha256, error_row(error), None)
    except DeviceUnready:
        raise
    except Exception as error:  # noqa: BLE001  # one picture in a million must not stop the others; its row tells
        # Without a hash: it may be this machine's fault (memory), so a later start tries it again.
        return Finished(name, None, error_row(error), None)


def _named(data: bytes, name: str) -> PictureBytes:
    """Return *data* such that errors tell *name*."""
    named = PictureBytes(data)
    named.name = name
    return named
