"""Golden cases: pictures with the masks that the trained network gives, by which every device is judged.

They are drawn by the project itself unless validation pictures are given; no patient's picture then travels
with the bundle.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.bundle import BundleDraft
from skinseg_edge.contract import ModelContract
from skinseg_edge.datasets.label_maps import MELASMA_CLASSES
from skinseg_edge.datasets.synthetic_faces import draw_face
from skinseg_edge.datasets.synthetic_lesions import draw
from skinseg_edge.image_io import decode, encode_png
from skinseg_edge.manifest import GoldenCase
from skinseg_edge.preprocessing import resize_pixels
from skinseg_runtime import Segmenter
from skinseg_runtime.postprocessing import lesion_map

__all__ = [
    "GOLDEN_COUNT",
    "UNTRAINED_COUNT",
    "Golden",
    "Pictures",
    "add_golden",
    "drawn_pictures",
    "golden_from_pictures",
    "golden_from_synthetic",
    "spread_photos",
]

GOLDEN_COUNT = 8
UNTRAINED_COUNT = 3
"""Of fresh weights: enough to find a broken graph, and no device is judged by them."""

MIN_DICE = 0.98
MAX_AREA_DRIFT = 0.02
_SYNTHETIC_HW = (360, 480)
_FACE_HW = (480, 384)
_MOST_SEEDS = 24
_LONGEST_SIDE = 640  # px of a golden picture: enough for any network input here, and small on a device
_USUAL_COVER = (0.003, 0.95)  # a mask outside proves little: nothing found, or everything

Pictures: TypeAlias = Iterable[tuple[str, NDArray[np.uint8]]]
"""Where each picture comes from, in words, and (H, W, 3) uint8 RGB; made one by one."""


@dataclass(frozen=True, eq=False)
class Golden:
    """*name*: "01" and so on. *image*: PNG bytes of an RGB photo. *source*: where it comes from, in words.

    *mask*: (photo rows, photo columns) bool, *probability*: (K, input rows, input columns) float32, both as the torch
    network gives them.
    """

    name: str
    image: bytes
    source: str
    mask: NDArray[np.bool_]
    probability: NDArray[np.float32]


def golden_from_synthetic(reference: Segmenter, *, is_trained: bool = True) -> tuple[Golden, ...]:
    """Choose golden cases among `drawn_pictures`, as *reference*, the torch network, outlines them."""
    return golden_from_pictures(drawn_pictures(reference.contract, is_trained=is_trained), reference)


def drawn_pictures(contract: ModelContract, *, is_trained: bool = True) -> Pictures:
    """Draw pictures to choose from: faces for the melasma classes, lesions for all others.

    Seeds count up from 0. Fresh weights find nothing, or everything, on nearly every picture: for them (*is_trained*
    False) nothing is searched, and the first UNTRAINED_COUNT are all.
    """
    seeds = range(_MOST_SEEDS if is_trained else UNTRAINED_COUNT)
    if contract.classes == MELASMA_CLASSES:
        return ((f"synthetic face, seed {seed}", draw_face(seed, _FACE_HW).photo) for seed in seeds)
    return ((f"synthetic lesion, seed {seed}", draw(seed, _SYNTHETIC_HW).photo) for seed in seeds)


def spread_photos(paths: Sequence[Path]) -> Pictures:
    """Read pictures to choose from, evenly spread over *paths*, reduced to at most 640 px a side.

    Raises ValueError if there is no path, and, where one is read, what decoding it raises.
    """
    if not paths:
        raise ValueError("cannot take golden pictures: there is no photo")
    order = np.linspace(0, len(paths) - 1, min(len(paths), _MOST_SEEDS)).round().astype(int)
    # Every third first, so that the usual case of eight good pictures is spread over all, too.
    spread = [paths[index] for start in range(3) for index in order[start::3]]
    return ((path.name, _reduced(path)) for path in spread)


def golden_from_pictures(pictures: Pictures, reference: Segmenter) -> tuple[Golden, ...]:
    """Segment *pictures*, with where each comes from, until GOLDEN_COUNT are found that tell something.

    Those on which *reference*, the torch network, finds nothing, or everything, are used only when the others run out.
    """
    telling: list[Golden] = []
    spare: list[Golden] = []
    low, high = _USUAL_COVER
    for case in _segmented(pictures, reference):
        (telling if low <= case.mask.mean() <= high else spare).append(case)
        if len(telling) == GOLDEN_COUNT:
            break
    # A mask of a few pixels comes last: one pixel more or less would decide over a target.
    spare.sort(key=lambda case: 0 < case.mask.mean() < low)
    chosen = (telling + spare)[:GOLDEN_COUNT]
    return tuple(
        Golden(f"{number:02d}", case.image, case.source, case.mask, case.probability)
        for number, case in enumerate(chosen, 1)
    )


def add_golden(draft: BundleDraft, golden: Iterable[Golden], contract: ModelContract) -> tuple[GoldenCase, ...]:
    """Write the pictures, masks (0 or 255) and probabilities of lesion (16-bit) of *golden* below `golden/`."""
    cases = []
    for case in golden:
        stem = f"golden/{case.name}"
        image, mask, probability = f"{stem}.png", f"{stem}.mask.png", f"{stem}.probability.png"
        draft.add_bytes(image, case.image)
        draft.add_bytes(mask, encode_png(case.mask))
        draft.add_bytes(probability, encode_png(_sixteen_bits(lesion_map(case.probability, contract))))
        cases.append(
            GoldenCase(
                image=image, mask=mask, probability=probability, min_dice=MIN_DICE, max_area_drift=MAX_AREA_DRIFT
            )
        )
    return tuple(cases)


def _segmented(pictures: Pictures, reference: Segmenter) -> Iterator[Golden]:
    for source, pixels in pictures:
        image = encode_png(pixels)
        result = reference.segment(image)
        yield Golden("", image, source, result.mask, result.network_probability)


def _sixteen_bits(probability: NDArray[np.float32]) -> NDArray[np.uint16]:
    return np.asarray(np.round(np.clip(probability, 0, 1) * 65535), np.uint16)


def _reduced(path: Path) -> NDArray[np.uint8]:
    pixels = decode(path, at_least_hw=(_LONGEST_SIDE, _LONGEST_SIDE)).pixels
    scale = min(1.0, _LONGEST_SIDE / max(pixels.shape[:2]))
    rows, columns = (max(1, round(side * scale)) for side in pixels.shape[:2])
    return resize_pixels(pixels, (rows, columns))
