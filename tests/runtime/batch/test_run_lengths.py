import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from skinseg_edge.errors import InputError
from skinseg_runtime.batch.run_lengths import mask_from_run_lengths, run_lengths_from_mask


def test_runs_go_row_by_row_and_begin_with_background() -> None:
    mask = np.array([[0, 0, 1], [1, 1, 0]], bool)

    assert run_lengths_from_mask(mask) == [2, 3, 1]
    assert run_lengths_from_mask(~mask) == [0, 2, 3, 1]
    assert run_lengths_from_mask(np.zeros((2, 3), bool)) == [6]
    assert run_lengths_from_mask(np.ones((2, 3), bool)) == [0, 6]


@settings(deadline=None)
@given(arrays.arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_a_mask_comes_back_from_its_runs(mask: np.ndarray[tuple[int, int], np.dtype[np.bool_]]) -> None:
    runs = run_lengths_from_mask(mask)

    np.testing.assert_array_equal(mask_from_run_lengths(runs, mask.shape), mask)
    assert all(run > 0 for run in runs[1:])


@pytest.mark.parametrize("runs", [[5], [7], [-1, 7], []])
def test_runs_that_do_not_fill_the_picture_are_refused(runs: list[int]) -> None:
    with pytest.raises(InputError, match=r"expected none and 2 x 3 = 6; take rows and columns from the same row"):
        mask_from_run_lengths(runs, (2, 3))
