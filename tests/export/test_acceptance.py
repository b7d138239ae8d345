"""The bench that candidates are judged on, and the judgement of good and planted bad ones."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_edge.contract import ModelContract
from skinseg_edge.datasets.synthetic_faces import draw_face
from skinseg_edge.datasets.synthetic_lesions import draw
from skinseg_edge.errors import DatasetUnusable, ParityFailed
from skinseg_edge.image_io import write_png
from skinseg_edge.index_png import write_index_png
from skinseg_export.acceptance import AcceptanceBench, scope_of, subjects_of_golden
from skinseg_export.gate_pictures import gate_pictures
from skinseg_export.golden import Golden
from skinseg_export.torch_engine import TorchEngine
from skinseg_runtime import Segmenter
from skinseg_runtime.acceptance import judge
from tests.export.darkness import CONTRACT, FACE_CONTRACT, Levels
from tests.export.shifted import Shifted

_HW = (120, 180)


@pytest.fixture
def segmenter(reference: TorchEngine) -> Segmenter:
    return Segmenter(CONTRACT, reference)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Five drawn lesions in images/ beside masks/."""
    folder = tmp_path / "set"
    for seed in range(5):
        lesion = draw(seed, _HW)
        write_png(folder / "images" / f"{seed}.png", lesion.photo)
        write_png(folder / "masks" / f"{seed}.png", lesion.mask)
    return folder


def test_the_bench_keeps_the_masks_of_the_trained_network_and_of_the_experts(
    segmenter: Segmenter, pictures: Path
) -> None:
    bench = AcceptanceBench(segmenter, gate_pictures(pictures))

    assert (bench.names, len(bench), bench.experts, bench.source) == (tuple("01234"), 5, 5, "set")
    for seed, subject in enumerate(bench.subjects()):
        assert subject.name == str(seed)
        assert np.array_equal(subject.trained, segmenter.segment(pictures / "images" / f"{seed}.png").mask)
        assert subject.expert is not None
        assert np.array_equal(subject.expert, draw(seed, _HW).mask)
        assert set(subject.groups) == {"skin tone", "lesion size"}


def test_every_mask_size_comes_back_bit_by_bit(segmenter: Segmenter, tmp_path: Path) -> None:
    for rows, columns in ((37, 33), (64, 32), (47, 101)):  # whole bytes or not
        write_png(tmp_path / f"{rows}.png", draw(rows, (rows, columns)).photo)

    bench = AcceptanceBench(segmenter, gate_pictures(tmp_path))

    for rows, columns in ((37, 33), (64, 32), (47, 101)):
        kept = bench[str(rows)].trained
        assert kept.shape == (rows, columns)
        assert np.array_equal(kept, segmenter.segment(tmp_path / f"{rows}.png").mask)


def test_photos_without_experts_make_a_bench_without_experts(segmenter: Segmenter, pictures: Path) -> None:
    bench = AcceptanceBench(segmenter, gate_pictures(pictures / "images"))

    assert bench.experts == 0
    assert {subject.expert is None for subject in bench.subjects()} == {True}
    assert judge(segmenter, bench.subjects(), precision="fp16").expert_dice_drop is None


def test_progress_is_told_after_each_picture(segmenter: Segmenter, pictures: Path) -> None:
    told: list[int] = []

    AcceptanceBench(segmenter, gate_pictures(pictures), lambda: told.append(1))

    assert len(told) == 5


def test_the_trained_network_itself_passes_and_a_shifted_one_fails_by_name(
    segmenter: Segmenter, reference: TorchEngine, pictures: Path
) -> None:
    bench = AcceptanceBench(segmenter, gate_pictures(pictures))

    same = judge(segmenter, bench.subjects(), precision="fp16")
    shifted = judge(Segmenter(CONTRACT, Shifted(reference, 8)), bench.subjects(), precision="int8")

    assert same.mean_dice == 1.0
    same.check("onnx-fp16")
    with pytest.raises(ParityFailed, match=shifted.worst_pictures(1)[0].name):
        shifted.check("onnx-int8")


def test_a_subset_is_spread_over_the_names_and_runs_the_network_no_more(reference: TorchEngine, pictures: Path) -> None:
    counted = _Counted(reference)
    bench = AcceptanceBench(Segmenter(CONTRACT, counted), gate_pictures(pictures))

    assert bench.subset(3).names == ("0", "2", "4")
    assert bench.subset(9).names == bench.names
    assert len(bench.subset(1)) == 1
    assert (len(bench), counted.runs) == (5, 5)
    with pytest.raises(ValueError, match="cannot take 0 pictures of 5"):
        bench.subset(0)


def test_an_expert_mask_of_another_size_is_told_with_both_sizes(segmenter: Segmenter, pictures: Path) -> None:
    write_png(pictures / "masks" / "3.png", draw(3, (60, 90)).mask)

    with pytest.raises(DatasetUnusable, match=r"cannot judge on 3: .*\(60, 90\).*photo \(120, 180\)"):
        AcceptanceBench(segmenter, gate_pictures(pictures))


def test_golden_pictures_become_subjects_without_experts_and_groups(
    segmenter: Segmenter, golden: tuple[Golden, ...]
) -> None:
    subjects = subjects_of_golden(golden)

    assert [subject.name for subject in subjects] == [case.name for case in golden]
    assert {(subject.expert, len(subject.groups)) for subject in subjects} == {(None, 0)}
    assert judge(segmenter, subjects, precision="fp16").worst.dice == 1.0


def test_of_several_classes_the_lesion_alone_is_judged_and_that_is_said(tmp_path: Path) -> None:
    colours = np.zeros((6, 3), np.uint8)
    for seed in range(2):
        face = draw_face(seed, (96, 72))
        write_png(tmp_path / "images" / f"{seed}.png", face.photo)
        write_index_png(tmp_path / "masks" / f"{seed}.png", face.labels, colours)
    segmenter = Segmenter(FACE_CONTRACT, TorchEngine(Levels(), FACE_CONTRACT))

    bench = AcceptanceBench(segmenter, gate_pictures(tmp_path))

    expert = bench["1"].expert
    assert expert is not None
    assert np.array_equal(expert, draw_face(1, (96, 72)).labels == 2)  # HHB, melasma, is class 2
    assert bench.scope == "the mask of HHB alone; how well the other classes are told apart is not judged"
    assert scope_of(ModelContract(input_hw=(64, 64))) == "the lesion mask"


def test_a_data_set_of_other_classes_is_refused(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", draw_face(0, (96, 72)).photo)
    (tmp_path / "classes.txt").write_text("skin\nchin\nmole\n")
    segmenter = Segmenter(FACE_CONTRACT, TorchEngine(Levels(), FACE_CONTRACT))

    with pytest.raises(DatasetUnusable, match="their classes are skin, chin, mole"):
        AcceptanceBench(segmenter, gate_pictures(tmp_path))


class _Counted:
    """Counts how often the network runs."""

    name = "counted"

    def __init__(self, engine: TorchEngine) -> None:
        self.input_hw, self.classes = engine.input_hw, engine.classes
        self.runs = 0
        self._engine = engine

    def infer(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.runs += 1
        return self._engine.infer(images)

    def close(self) -> None:
        pass
