"""Large blocks that an export frees are there for the next ones, and go back to the system behind it."""

import resource
import sys

import numpy as np
import pytest

from skinseg_export import kept_memory as module
from skinseg_export.kept_memory import kept_memory

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only the GNU C library has mallopt")

_NUMBERS = 2**25  # 128 MiB: beyond what the C library ever keeps by itself


def _faults() -> int:
    """Return how many pages had to be cleared for two large blocks, one after the other, behind a first one."""
    np.ones(_NUMBERS, np.float32)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(2):
        np.ones(_NUMBERS, np.float32)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def test_what_was_freed_is_used_again_inside_the_block_and_not_behind_it() -> None:
    outside = _faults()
    with kept_memory():
        inside = _faults()
    behind = _faults()

    assert 10 * inside < outside
    assert 10 * inside < behind


def test_the_memory_goes_back_when_the_block_ends_with_an_error() -> None:
    with pytest.raises(ValueError, match="stop"), kept_memory():
        raise ValueError("stop")

    with kept_memory():
        inside = _faults()
    assert 10 * inside < _faults()


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_mallopt", lambda: None)
    outside = _faults()

    with kept_memory():
        assert 10 * _faults() > outside
