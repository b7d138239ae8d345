"""The mask that an engine gives must be the one that the runtime takes from its probabilities: p >= threshold."""

import numpy as np
import pytest

from skinseg_runtime.engine_build.mask_output import largest_below


@pytest.mark.parametrize("threshold", [0.5, 0.4, 0.1, 1 / 3, 0.9999999, 1e-6])
def test_greater_than_the_largest_below_is_at_least_the_threshold(threshold: float) -> None:
    exactly = np.float32(threshold)
    around = [np.nextafter(exactly, np.float32(0)), exactly, np.nextafter(exactly, np.float32(1))]
    probability = np.array([0, *around, 1, *np.random.default_rng(5).random(1000)], np.float32)

    np.testing.assert_array_equal(probability > largest_below(threshold), probability >= threshold)
