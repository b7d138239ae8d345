"""Scores of networks with several classes: which class is taken for which, and what of it is lesion."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_edge.contract import ModelContract
from skinseg_edge.datasets.label_maps import MELASMA_CLASSES
from skinseg_edge.datasets.readers import PicturePair
from skinseg_edge.errors import DatasetUnusable, InputError
from skinseg_edge.image_io import write_png
from skinseg_export.comparison import contenders_of
from skinseg_export.comparison_tables import comparison_tables, ranked_scores
from skinseg_export.decisions import confidence_of, decided_labels, decision_for
from skinseg_export.evaluation import Evaluation, evaluate
from skinseg_export.paper_results import PAPER_TABLES
from skinseg_runtime import Segmenter

SIX = ModelContract(input_hw=(32, 32), classes=MELASMA_CLASSES, lesion_classes=("HHB",))
ONE = ModelContract(input_hw=(32, 32))
_LEVEL = 40  # grey levels between two classes in the photos below


class LevelEngine:
    """Stands in for a network of six classes: reads the class from the grey level, and is 0.75 sure of it."""

    name = "levels"
    input_hw = SIX.input_hw
    classes = 6

    def infer(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        labels = (images[..., 0].astype(int) + _LEVEL // 2) // _LEVEL
        return np.where(labels[:, None] == np.arange(6)[:, None, None], np.float32(0.75), np.float32(0.05))

    def close(self) -> None:
        pass


def picture(folder: Path, name: str, shown: NDArray[np.uint8], drawn: NDArray[np.uint8]) -> PicturePair:
    """Write a photo in which *shown* classes can be read and a class map of what was *drawn*."""
    write_png(folder / f"{name}.png", np.repeat((shown * _LEVEL)[..., None], 3, axis=2).astype(np.uint8))
    write_png(folder / f"{name}_mask.png", drawn)
    return PicturePair(name, folder / f"{name}.png", folder / f"{name}_mask.png")


@pytest.fixture
def pairs(tmp_path: Path) -> list[PicturePair]:
    """Draw one face that is read rightly and one whose melasma (2) is taken for left face (4) in its upper half."""
    face = np.zeros((64, 64), np.uint8)
    face[8:24, 8:56] = 1
    face[40:60, 8:32] = 4
    face[40:60, 32:56] = 5
    face[24:40, 16:48] = 2
    mistaken = face.copy()
    mistaken[24:32, 16:48] = 4
    return [picture(tmp_path, "right", face, face), picture(tmp_path, "mistaken", mistaken, face)]


@pytest.fixture
def evaluation(pairs: list[PicturePair]) -> Evaluation:
    return evaluate(Segmenter(SIX, LevelEngine()), pairs, data_classes=MELASMA_CLASSES)


def test_a_class_taken_for_another_stands_in_its_row_and_the_other_s_column(evaluation: Evaluation) -> None:
    counts = evaluation.confusion.counts
    # At 32 x 32 the melasma has 8 x 16 pixels a picture, of which 4 x 16 are mistaken in one.
    assert counts[2].tolist() == [0, 0, 192, 0, 64, 0]
    assert counts.sum() == 2 * 32 * 32
    assert (counts - np.diag(np.diag(counts))).sum() == 64
    assert evaluation.confusion_classes == evaluation.contract_classes == MELASMA_CLASSES


def test_only_lesion_classes_are_lesion(evaluation: Evaluation) -> None:
    assert (evaluation.network.tp, evaluation.network.fn, evaluation.network.fp) == (192, 64, 0)
    assert evaluation.lesion_rows == (2,)
    assert evaluation.photo.tp == 4 * 192
    assert [score.dice for score in evaluation.pictures] == [1.0, pytest.approx(2 / 3, abs=0.01)]


def test_at_photo_size_every_class_is_counted(evaluation: Evaluation) -> None:
    counts = evaluation.photo_confusion.counts
    assert counts.sum() == 2 * 64 * 64
    assert (counts[2, 2], counts[2, 4], counts[4, 4]) == (4 * 192, 4 * 64, 2 * 20 * 24)


def test_each_class_has_a_curve_against_all_others(evaluation: Evaluation) -> None:
    assert evaluation.auc_of(1) == 1.0
    # Three quarters of the melasma stand above all else; the last is level with all that is no melasma.
    assert evaluation.auc_of(2) == pytest.approx(0.75 + 0.25 / 2) == evaluation.auc
    assert np.isnan(evaluation.auc_of(3))  # no chin was drawn
    false_rate, true_rate = evaluation.roc_of(4)
    assert (false_rate[-1], true_rate[-1]) == (1, 1)


def test_calibration_is_over_the_decided_class(evaluation: Evaluation) -> None:
    curve = evaluation.calibration(bins=10)
    right = 1 - 64 / 2048
    assert curve.share[7] == 1.0
    assert curve.accuracy[7] == pytest.approx(right)
    assert curve.ece == pytest.approx(right - 0.75, abs=1e-3)


def test_a_network_of_one_map_is_scored_on_the_lesion_of_a_set_with_classes(pairs: list[PicturePair]) -> None:
    class MelasmaEngine(LevelEngine):
        classes = 1

        def infer(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
            return super().infer(images)[:, 2:3]

    evaluation = evaluate(Segmenter(ONE, MelasmaEngine()), pairs, data_classes=MELASMA_CLASSES)
    assert (evaluation.network.tp, evaluation.network.fn, evaluation.network.fp) == (192, 64, 0)
    assert evaluation.confusion_classes == ("background", "lesion")
    assert evaluation.confusion.one_vs_rest(1) == evaluation.network
    assert evaluation.auc_of(0) == evaluation.auc


def test_a_network_of_one_map_is_scored_on_the_class_of_its_name(pairs: list[PicturePair]) -> None:
    class ForeheadEngine(LevelEngine):
        classes = 1

        def infer(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
            return super().infer(images)[:, 1:2]

    contract = ModelContract(input_hw=(32, 32), classes=("ET",))
    evaluation = evaluate(Segmenter(contract, ForeheadEngine()), pairs, data_classes=MELASMA_CLASSES)
    assert evaluation.network.dice == 1


def test_skin_and_lesion_are_scored_as_one_map_is(pairs: list[PicturePair]) -> None:
    class TwoEngine(LevelEngine):
        classes = 2

        def infer(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
            melasma = super().infer(images)[:, 2:3]
            return np.concatenate([1 - melasma, melasma], axis=1)

    contract = ModelContract(input_hw=(32, 32), classes=("skin", "lesion"))
    evaluation = evaluate(Segmenter(contract, TwoEngine()), pairs, data_classes=MELASMA_CLASSES)
    assert (evaluation.network.tp, evaluation.network.fn, evaluation.network.fp) == (192, 64, 0)


def test_means_over_other_classes_are_not_compared_in_silence(pairs: list[PicturePair], evaluation: Evaluation) -> None:
    class MelasmaEngine(LevelEngine):
        classes = 1

        def infer(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
            return super().infer(images)[:, 2:3]

    one = evaluate(Segmenter(ONE, MelasmaEngine()), pairs, data_classes=MELASMA_CLASSES)
    both = contenders_of(["six", "one"], [evaluation, one], [None, None])
    note = "not over as many classes, so these do not compare: six 6, one 2"
    assert [note in table.notes for table in comparison_tables(both)] == [False, False, True, False, False, False]
    assert note in comparison_tables(both, PAPER_TABLES["hhbsnet"])[0].notes
    assert note not in comparison_tables(both, PAPER_TABLES["scsonet"])[0].notes
    assert "macro_iou" not in ranked_scores(both)
    assert "macro_iou" in ranked_scores(both[:1])


def test_classes_in_another_order_are_refused_with_both_lists(pairs: list[PicturePair]) -> None:
    with pytest.raises(DatasetUnusable, match="their classes are skin, mole, the model's are BACKGROUND, ET"):
        evaluate(Segmenter(SIX, LevelEngine()), pairs, data_classes=("skin", "mole"))


class TestDecision:
    probability = np.array([[[0.2, 0.5, 0.8]]], np.float32)
    two = ModelContract(input_hw=(32, 32), classes=("skin", "lesion"))

    @pytest.mark.parametrize(("rule", "labels"), [("at-least", [0, 1, 1]), ("above", [0, 0, 1]), ("argmax", [0, 0, 1])])
    def test_the_rules_differ_at_the_threshold(self, rule: str, labels: list[int]) -> None:
        chosen = decision_for(ONE, rule)  # type: ignore[arg-type]  # one of the three
        assert decided_labels(self.probability, ONE, chosen).tolist() == [labels]
        both = np.concatenate([1 - self.probability, self.probability])
        assert decided_labels(both, self.two, chosen).tolist() == [labels]

    def test_without_a_wish_the_rule_is_the_runtime_s(self) -> None:
        assert (decision_for(ONE), decision_for(self.two), decision_for(SIX)) == ("at-least", "argmax", "argmax")

    def test_a_threshold_cannot_tell_six_classes_apart(self) -> None:
        with pytest.raises(InputError, match="'above' over the 6 classes"):
            decision_for(SIX, "above")

    def test_confidence_is_that_of_the_decided_class(self) -> None:
        labels = decided_labels(self.probability, ONE, "above")
        assert confidence_of(self.probability, labels).tolist() == [[pytest.approx(0.8), 0.5, pytest.approx(0.8)]]


def test_dice_in_batches_depends_on_the_batch(evaluation: Evaluation) -> None:
    assert evaluation.batch_mean_dice(1) == pytest.approx((1 + 2 / 3) / 2)
    assert evaluation.batch_mean_dice(2) == pytest.approx(evaluation.network.dice)
