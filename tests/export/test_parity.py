from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_edge.errors import ParityFailed
from skinseg_export.golden import Golden
from skinseg_export.parity import HALF, SINGLE, SINGLE_UNTRAINED, PictureFigures, compare, noise_pictures
from skinseg_export.torch_engine import TorchEngine
from tests.export.darkness import CONTRACT


class _Bent:
    """The reference with *change* applied to its answers."""

    name = "bent"
    input_hw = CONTRACT.input_hw
    classes = 1

    def __init__(self, reference: TorchEngine, change: float) -> None:
        self._reference = reference
        self._change = np.float32(change)

    def infer(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.asarray(self._reference.infer(images) + self._change, np.float32)

    def close(self) -> None: ...


def test_the_network_itself_agrees_fully(reference: TorchEngine, golden: tuple[Golden, ...]) -> None:
    parity = compare(reference, reference, CONTRACT, golden, noise_pictures(CONTRACT))

    parity.check("the network", SINGLE)
    assert len(parity.pictures) == len(golden) + 3
    assert parity.checks() == {
        "area_drift": 0,
        "average_error": 0,
        "dice": 1,
        "disagreement": 0,
        "hd95": 0,
        "max_error": 0,
        "mean_error": 0,
    }


def test_a_failure_names_the_picture_and_the_figure(reference: TorchEngine, golden: tuple[Golden, ...]) -> None:
    parity = compare(_Bent(reference, 2e-4), reference, CONTRACT, golden)

    with pytest.raises(ParityFailed, match=r"cannot accept x: on golden/01 its max \|dp\| is 0.0002, allowed 0.0001"):
        parity.check("x", SINGLE)
    parity.check("x", HALF)


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        (PictureFigures("a", float("nan"), 0, 0), "max |dp| is nan"),
        (PictureFigures("a", 0, 0, 0, dice=0.9), "Dice is 0.9, allowed 0.98"),
        (PictureFigures("a", 0, 0, 0, hd95=float("inf")), "HD95 / diagonal is inf"),
        (PictureFigures("a", 0, 0, 0, area_drift=0.05), "area drift is 0.05, allowed 0.02"),
        (PictureFigures("a", 0, 0, 0.01), "share of other pixels is 0.01"),
    ],
)
def test_every_figure_can_fail(figures: PictureFigures, words: str) -> None:
    excess = figures.excess(HALF)

    assert excess is not None
    assert words in excess


def test_fresh_weights_may_turn_pixels_next_to_the_threshold_over_but_not_change_numbers() -> None:
    # Found of an untrained HHBSNet: 16 of 65,536 pixels, all probabilities within 1e-6 of 0.5.
    crowded = PictureFigures("golden/07", max_error=5e-7, mean_error=1e-7, disagreement=2.4e-4)

    assert crowded.excess(SINGLE) == "share of other pixels is 0.00024, allowed 0.0001"
    assert crowded.excess(SINGLE_UNTRAINED) is None
    assert replace(crowded, max_error=2e-4).excess(SINGLE_UNTRAINED) == "max |dp| is 0.0002, allowed 0.0001"


def test_many_pictures_that_each_just_hold_fail_together() -> None:
    from skinseg_export.parity import Parity

    parity = Parity(tuple(PictureFigures(f"golden/{n:02d}", 0.1, 4e-3, 0) for n in range(3)))

    with pytest.raises(ParityFailed, match=r"its mean \|dp\| over all pictures is 0.004, allowed 0.002"):
        parity.check("model.fp16.onnx", HALF)
