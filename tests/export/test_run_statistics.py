"""Statistics of runs and pictures against scipy, textbook figures and what must be so."""

import sys

import numpy as np
import pytest
from scipy import stats

from skinseg_edge.errors import ToolMissing
from skinseg_edge.metrics import BinaryCounts
from skinseg_export.run_statistics import (
    bootstrap_interval,
    paired_t_test,
    pooled_interval,
    summary_of,
)

FIRST = (0.7889, 0.7901, 0.7969, 0.7878, 0.7892)
SECOND = (0.7132, 0.7140, 0.7155, 0.7128, 0.7139)


def test_a_summary_has_the_deviation_of_a_sample() -> None:
    summary = summary_of([1.0, 2.0, 4.0])
    assert [summary.mean, summary.count] == pytest.approx([7 / 3, 3])
    assert summary.sd == pytest.approx(stats.tstd([1, 2, 4]))
    assert np.isnan(summary_of([0.9]).sd)


def test_a_run_that_found_nothing_has_an_infinite_distance_and_no_spread() -> None:
    summary = summary_of([np.inf, 0.02])
    assert summary.mean == np.inf
    assert np.isnan(summary.sd)


def test_the_t_test_is_scipys() -> None:
    ours = paired_t_test(FIRST, SECOND)
    theirs = stats.ttest_rel(FIRST, SECOND)
    assert [ours.t, ours.p] == pytest.approx([theirs.statistic, theirs.pvalue])
    assert ours.difference == pytest.approx(np.mean(FIRST) - np.mean(SECOND))
    assert ours.count == 5
    assert ours.p < 0.001


def test_student_s_own_example_gives_the_figure_he_published() -> None:
    # Student (1908), hours of sleep gained with two drugs, ten patients: t = 4.06 with 9 degrees, p = 0.0028.
    dextro = (0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0)
    laevo = (1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4)
    test = paired_t_test(laevo, dextro)
    assert (round(test.t, 2), round(test.p, 4)) == (4.06, 0.0028)


def test_swapping_the_models_turns_the_sign_and_nothing_else() -> None:
    forth, back = paired_t_test(FIRST, SECOND), paired_t_test(SECOND, FIRST)
    assert (forth.t, forth.p) == (-back.t, back.p)


@pytest.mark.parametrize("samples", [((0.9,), (0.8,)), (FIRST, FIRST)])
def test_where_nothing_can_be_said_p_is_not_a_number(samples: tuple[tuple[float, ...], tuple[float, ...]]) -> None:
    test = paired_t_test(*samples)
    assert np.isnan(test.t)
    assert np.isnan(test.p)


def test_the_same_difference_in_every_pair_is_certain() -> None:
    test = paired_t_test((0.8, 0.9, 1.0), (0.9, 1.0, 1.1))
    assert (test.t, test.p) == (-np.inf, 0.0)


def test_unpaired_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="pair 5 values with 4"):
        paired_t_test(FIRST, SECOND[:4])
    with pytest.raises(ValueError, match="no figure"):
        summary_of([])


def test_the_bootstrap_of_a_mean_is_close_to_the_normal_interval() -> None:
    values = np.random.default_rng(0).normal(0.9, 0.05, 400).tolist()
    interval = bootstrap_interval(values)
    half = 1.96 * np.std(values) / 20
    expected = [np.mean(values) - half, np.mean(values) + half]
    assert [interval.low, interval.high] == pytest.approx(expected, abs=5e-4)
    assert interval == bootstrap_interval(values)


def test_the_bootstrap_of_a_pooled_figure_is_that_of_slow_redrawing() -> None:
    random = np.random.default_rng(1)
    pictures = [BinaryCounts(*random.integers(1, 200, 3).tolist()) for _ in range(60)]
    slow = []
    for _ in range(2000):
        drawn = [pictures[i] for i in random.integers(0, 60, 60)]
        slow.append(sum(drawn, BinaryCounts()).dice)
    interval = pooled_interval(pictures)
    assert [interval.low, interval.high] == pytest.approx(np.quantile(slow, [0.025, 0.975]).tolist(), abs=6e-3)
    assert interval.low < sum(pictures, BinaryCounts()).dice < interval.high


def test_equal_pictures_leave_no_doubt() -> None:
    interval = pooled_interval([BinaryCounts(tp=3, fp=1, fn=1)] * 5, "iou")
    assert [interval.low, interval.high] == pytest.approx([0.6, 0.6])


def test_what_cannot_be_drawn_from_is_refused() -> None:
    with pytest.raises(ValueError, match="bootstrap 0 values"):
        bootstrap_interval([])
    with pytest.raises(ValueError, match=r"level 1\.5"):
        bootstrap_interval([1.0], level=1.5)
    with pytest.raises(ValueError, match="'accuracy': expected 'dice' or 'iou'"):
        pooled_interval([BinaryCounts(tp=1)], "accuracy")


def test_without_scipy_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.special", None)
    with pytest.raises(ToolMissing, match=r"scipy is missing; install it with pip install 'skinseg-edge\[export\]'"):
        paired_t_test(FIRST, SECOND)
