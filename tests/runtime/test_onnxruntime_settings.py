"""benchmarks/onnxruntime_settings.py in short: every setting opens, segments, and gives the mask of the usual ones."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks import onnxruntime_settings
from benchmarks.onnxruntime_settings import SETTINGS, measured
from tests.runtime.tiny_bundle import write_bundle


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny network."""
    return write_bundle(tmp_path_factory.mktemp("model") / "tiny.skinseg")


@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory of a process from /proc")
@pytest.mark.parametrize("setting", SETTINGS)
def test_each_setting_is_measured_on_a_session_that_answers(
    bundle: Path, setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[object] = []

    def noted(ask: Callable[[], object]) -> tuple[float, float]:
        answers.append(ask())
        return timed(ask)

    timed = onnxruntime_settings._timed
    monkeypatch.setattr(onnxruntime_settings, "_timed", noted)

    figures = measured(bundle, setting, 1, 1)

    assert set(figures) == {"processor", "wall", "memory", "opening"}
    assert figures["opening"] > 0
    (answer,) = answers
    mask = np.asarray(answer[1] if isinstance(answer, tuple) else answer)[0]
    assert mask.dtype == np.float32
    assert mask.shape[:2] == (1, 1)
    assert 0 <= mask.min() <= mask.max() <= 1
