"""What a candidate is judged against: the trained network's masks and the experts', made once for all candidates.

`skinseg_runtime.acceptance.judge` does the judging; here is where its subjects come from. The gate speaks of the lesion
mask at photo size and of nothing else: of a network with several classes it says how well the lesion is told from the
rest, not how well the other classes are told apart.
"""

import copy
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import DatasetUnusable
from skinseg_edge.image_io import decode
from skinseg_edge.preprocessing import resize_mask
from skinseg_export.gate_pictures import GatePicture, GatePictures, gate_pictures
from skinseg_export.golden import Golden
from skinseg_export.mask_among_photos import check_is_photo
from skinseg_export.truth import check_classes, read_lesion
from skinseg_runtime import Segmenter
from skinseg_runtime.acceptance import Subject, groups_of

__all__ = ["AcceptanceBench", "GatePicture", "GatePictures", "gate_pictures", "scope_of", "subjects_of_golden"]

_SEEN_HW = (256, 256)  # px; skin tone and size of a lesion need no more of the photo


class AcceptanceBench:
    """The gate's pictures with the masks of the trained network and of the experts, ready for any number of candidates.

    *reference*: the trained network behind `TorchEngine`; it runs once a picture, here. *advance* is called after each.
    Masks are kept compressed, about 2 kB a picture of 512 x 512 px. The photos stay on disk.

    Raises DatasetUnusable if the data set's classes are not the model's, a photo is a mask or an expert mask's size
    differs from its photo's, and what decoding a photo or mask raises.
    """

    def __init__(
        self, reference: Segmenter, pictures: GatePictures, advance: Callable[[], None] = lambda: None
    ) -> None:
        self.contract = reference.contract
        self.source = pictures.source
        check_classes(pictures.classes, reference.contract)
        kept = []
        for picture in pictures.pictures:
            kept.append(_kept_of(reference, picture, pictures.classes))
            advance()
        self._kept = {each.name: each for each in kept}

    def __len__(self) -> int:
        """How many pictures it has."""
        return len(self._kept)

    def __getitem__(self, name: str) -> Subject:
        """Return the picture of this name; KeyError if there is none."""
        return self._kept[name].subject()

    @property
    def names(self) -> tuple[str, ...]:
        """The pictures' names, sorted."""
        return tuple(self._kept)

    @property
    def experts(self) -> int:
        """How many pictures have an expert mask."""
        return sum(each.expert is not None for each in self._kept.values())

    @property
    def scope(self) -> str:
        """What the gate judges, and what it leaves alone, in words; see `scope_of`."""
        return scope_of(self.contract)

    def subjects(self) -> Iterator[Subject]:
        """Yield every picture by name; masks are unpacked one at a time."""
        return (each.subject() for each in self._kept.values())

    def subset(self, count: int) -> "AcceptanceBench":
        """Return a bench of *count* pictures, evenly spread over the sorted names; all where there are no more.

        Raises ValueError if count < 1.
        """
        if count < 1:
            raise ValueError(f"cannot take {count} pictures of {len(self)}: at least one is needed")
        names = self.names
        places = np.linspace(0, len(names) - 1, min(count, len(names))).round().astype(int)
        smaller = copy.copy(self)
        smaller._kept = {names[place]: self._kept[names[place]] for place in places}
        return smaller


def subjects_of_golden(golden: Sequence[Golden]) -> list[Subject]:
    """Turn golden pictures into subjects: no expert, and no group, for a drawn lesion's skin tone says nothing."""
    return [Subject(name=case.name, image=case.image, trained=case.mask) for case in golden]


def scope_of(contract: ModelContract) -> str:
    """Say in words what of the network's answer the gate judges.

    >>> scope_of(ModelContract(input_hw=(64, 64)))
    'the lesion mask'
    >>> scope_of(ModelContract(input_hw=(64, 64), classes=("skin", "chin", "spot"), lesion_classes=("spot",)))
    'the mask of spot alone; how well the other classes are told apart is not judged'
    """
    if len(contract.classes) <= 2:
        return "the lesion mask"
    lesion = " and ".join(contract.classes[label] for label in contract.lesion_labels)
    return f"the mask of {lesion} alone; how well the other classes are told apart is not judged"


@dataclass(frozen=True)
class _Kept:
    name: str
    picture: Path
    trained: "_PackedMask"
    expert: "_PackedMask | None"
    groups: Mapping[str, str]

    def subject(self) -> Subject:
        expert = None if self.expert is None else self.expert.mask()
        return Subject(
            name=self.name, image=self.picture, trained=self.trained.mask(), expert=expert, groups=self.groups
        )


@dataclass(frozen=True)
class _PackedMask:
    """A mask of *hw* rows and columns: eight pixels a byte, then deflated, for 2,594 camera photos must fit, too."""

    hw: tuple[int, int]
    data: bytes

    @classmethod
    def of(cls, mask: NDArray[np.bool_]) -> "_PackedMask":
        return cls((mask.shape[0], mask.shape[1]), zlib.compress(np.packbits(mask).tobytes(), 1))

    def mask(self) -> NDArray[np.bool_]:
        bits = np.frombuffer(zlib.decompress(self.data), np.uint8)
        return np.unpackbits(bits, count=self.hw[0] * self.hw[1]).reshape(self.hw).view(np.bool_)


def _kept_of(reference: Segmenter, picture: GatePicture, classes: Sequence[str] | None) -> _Kept:
    trained = reference.segment(picture.picture).mask
    expert = _expert_mask(picture, reference.contract, classes)
    if expert is not None and expert.shape != trained.shape:
        raise DatasetUnusable(
            f"cannot judge on {picture.name}: its expert mask is {expert.shape} px (rows, columns), its photo "
            f"{trained.shape}; masks must be drawn at the size of their photos"
        )
    groups = _groups(picture.picture, trained if expert is None else expert)
    packed = None if expert is None else _PackedMask.of(expert)
    return _Kept(picture.name, picture.picture, _PackedMask.of(trained), packed, groups)


def _expert_mask(
    picture: GatePicture, contract: ModelContract, classes: Sequence[str] | None
) -> NDArray[np.bool_] | None:
    if picture.pair is None:
        return None
    return read_lesion(picture.pair, contract, classes)


def _groups(picture: Path, lesion: NDArray[np.bool_]) -> Mapping[str, str]:
    photo = decode(picture, at_least_hw=_SEEN_HW).pixels
    check_is_photo(picture, photo, "judge on")
    return groups_of(photo, resize_mask(lesion, (photo.shape[0], photo.shape[1])))
