from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_edge.bundle import BundleDraft
from skinseg_edge.contract import ModelContract
from skinseg_edge.datasets.synthetic_lesions import SyntheticLesion, draw
from skinseg_edge.image_io import decode, decode_mask, write_png
from skinseg_export.golden import (
    GOLDEN_COUNT,
    UNTRAINED_COUNT,
    Golden,
    add_golden,
    golden_from_pictures,
    golden_from_synthetic,
    spread_photos,
)
from skinseg_export.torch_engine import TorchEngine
from skinseg_runtime import Segmenter
from skinseg_runtime.postprocessing import PostProcessing
from tests.export.darkness import CONTRACT, FACE_CONTRACT, Darkness, Levels


@pytest.fixture
def segmenter(reference: TorchEngine) -> Segmenter:
    return Segmenter(CONTRACT, reference)


def test_drawn_cases_are_eight_numbered_pictures_with_a_lesion(golden: tuple[Golden, ...]) -> None:
    assert [case.name for case in golden] == [f"{number:02d}" for number in range(1, GOLDEN_COUNT + 1)]
    assert all(0.003 <= case.mask.mean() <= 0.95 for case in golden)
    assert golden[0].source.startswith("synthetic lesion, seed ")


def test_a_network_of_the_melasma_classes_gets_drawn_faces() -> None:
    cases = golden_from_synthetic(Segmenter(FACE_CONTRACT, TorchEngine(Levels(), FACE_CONTRACT)))

    assert len(cases) == GOLDEN_COUNT
    assert cases[0].source.startswith("synthetic face, seed ")
    assert {decode(case.image).full_hw for case in cases} == {(480, 384)}
    assert all(0.003 <= case.mask.mean() <= 0.95 for case in cases)


def test_masks_of_a_few_pixels_are_golden_only_when_nothing_else_is_left(
    segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    covers = iter([0.001, 0.0, 0.002, 1.0] + [0.3] * 5 + [0.0] * 15)

    def drawn(seed: int, hw: tuple[int, int]) -> SyntheticLesion:
        lesion = draw(0, (100, 100))
        lesion.photo[:] = 255
        lesion.photo.reshape(-1, 3)[: round(next(covers) * 10_000)] = 0
        return lesion

    monkeypatch.setattr("skinseg_export.golden.draw", drawn)
    raw = PostProcessing(fill_holes=False, smallest_of_photo=0, smallest_of_largest=0)
    contract = ModelContract(input_hw=(100, 100))
    cases = golden_from_synthetic(Segmenter(contract, _Black(), rules=raw))

    assert [round(case.mask.mean(), 4) for case in cases] == [0.3] * 5 + [0.0, 1.0, 0.0]


class _Black:
    """An engine that takes black for lesion, pixel by pixel."""

    name = "black"
    input_hw = (100, 100)
    classes = 1

    def infer(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.asarray(images.max(axis=3) == 0, np.float32)[:, None]

    def close(self) -> None: ...


def test_what_is_written_is_what_the_segmenter_gives_for_the_written_picture(
    golden: tuple[Golden, ...], segmenter: Segmenter, tmp_path: Path
) -> None:
    cases = add_golden(BundleDraft(tmp_path), golden[:2], CONTRACT)

    for case in cases:
        result = segmenter.segment(tmp_path / case.image)
        np.testing.assert_array_equal(decode_mask(tmp_path / case.mask), result.mask)
        stored = _sixteen_bits(tmp_path / case.probability)
        np.testing.assert_allclose(stored / 65535, result.network_probability[0], atol=1 / 65535)


def test_photos_are_spread_over_the_list_and_reduced(segmenter: Segmenter, tmp_path: Path) -> None:
    photos = [tmp_path / f"{seed}.png" for seed in range(3)]
    for seed, path in enumerate(photos):
        write_png(path, draw(seed, (700, 900)).photo)

    cases = golden_from_pictures(spread_photos(photos), segmenter)

    assert sorted(case.source for case in cases) == ["0.png", "1.png", "2.png"]
    assert {decode(case.image).full_hw for case in cases} == {(498, 640)}


def test_golden_cases_need_a_photo(segmenter: Segmenter) -> None:
    with pytest.raises(ValueError, match="there is no photo"):
        golden_from_pictures(spread_photos([]), segmenter)


def _sixteen_bits(path: Path) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    import cv2

    stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert stored is not None
    assert stored.dtype == np.uint16
    return stored.astype(np.float64)


def test_fresh_weights_get_the_first_pictures_without_a_search(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds: list[int] = []

    def drawn(seed: int, hw: tuple[int, int]) -> SyntheticLesion:
        seeds.append(seed)
        return draw(seed, hw)

    monkeypatch.setattr("skinseg_export.golden.draw", drawn)
    contract = replace(CONTRACT, threshold=0.999)  # nothing is found anywhere

    cases = golden_from_synthetic(Segmenter(contract, TorchEngine(Darkness(), contract)), is_trained=False)

    assert seeds == list(range(UNTRAINED_COUNT))
    assert len(cases) == UNTRAINED_COUNT
