import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper

from skinseg_export.quantization.ranges import METHODS, Histogram, calibrate


def _filled(*parts: NDArray[np.float32]) -> Histogram:
    histogram = Histogram()
    for part in parts:
        histogram.add(part)
    return histogram


def _normal(count: int, spread: float, seed: int = 0) -> NDArray[np.float32]:
    return (np.random.default_rng(seed).standard_normal(count) * spread).astype(np.float32)


def test_minmax_reaches_the_largest_magnitude_of_all_pictures() -> None:
    histogram = _filled(np.array([0.5, -2], np.float32), np.array([[7.5], [-9.25]], np.float32))

    assert histogram.reach("minmax") == 9.25


def test_a_histogram_grows_with_later_pictures_and_loses_none() -> None:
    values = [_normal(10_000, spread, seed) for seed, spread in enumerate((0.1, 3, 40))]

    histogram = _filled(*values)

    assert histogram.counts.sum() == 30_000
    assert histogram.limit >= histogram.largest == max(float(np.abs(part).max()) for part in values)
    edge = histogram.limit / 2
    inside = sum(int((np.abs(part) < edge).sum()) for part in values)
    assert abs(int(histogram.counts[:1024].sum()) - inside) <= 2  # a value on the edge


def test_percentile_cuts_one_value_in_ten_thousand() -> None:
    values = np.linspace(0, 1, 1_000_000, dtype=np.float32)

    reach = _filled(values, np.array([50], np.float32)).reach("percentile")

    assert reach == pytest.approx(0.9999, abs=0.03)  # the outlier widened the bins to 1 / 32


def test_entropy_cuts_a_far_tail_and_keeps_an_even_spread() -> None:
    tail = _filled(_normal(200_000, 1), np.full(3, 200, np.float32))
    even = _filled(np.linspace(-4, 4, 200_000, dtype=np.float32))

    assert 2 < tail.reach("entropy") < 20
    assert even.reach("entropy") == pytest.approx(4, rel=0.05)


def test_values_that_are_all_zero_still_get_a_reach() -> None:
    histogram = _filled(np.zeros(100, np.float32))

    assert [histogram.reach(method) for method in METHODS] == [1, 1, 1]


def test_values_too_small_for_bins_count_as_zero_and_later_ones_still_count() -> None:
    dust = np.full(100, 1e-42, np.float32)

    alone, before_others = _filled(dust), _filled(dust, np.linspace(0, 2, 1000, dtype=np.float32))

    assert all(0 < alone.reach(method) <= 1 for method in METHODS)
    assert before_others.counts.sum() == 1100
    assert before_others.reach("minmax") == 2


def test_a_value_that_is_not_finite_is_named() -> None:
    model = _scaled_by(np.float32(1e38))

    with pytest.raises(ValueError, match="cannot calibrate scaled: it takes a value that is not finite"):
        calibrate(model, [np.full((1, 1, 3), 255, np.uint8)], ["scaled"])


def test_calibration_measures_the_named_values_of_every_picture() -> None:
    pictures = [np.full((1, 1, 3), level, np.uint8) for level in (10, 200, 40)]
    seen: list[int] = []

    ranges = calibrate(_scaled_by(np.float32(0.5)), pictures, {"scaled", "probability"}, lambda: seen.append(1))

    assert ranges.keys() == set(METHODS)
    assert ranges["minmax"] == {"scaled": 100, "probability": 100}
    assert len(seen) == 3


def _scaled_by(factor: np.float32) -> ModelProto:
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["float", "factor"], ["scaled"]),
        helper.make_node("Abs", ["scaled"], ["probability"]),
    ]
    graph = helper.make_graph(
        nodes,
        "scaled",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, [1, 1, 1, 3])],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, [1, 1, 1, 3])],
        [numpy_helper.from_array(np.asarray(factor), "factor")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
