"""What builds learned of a device, kept for the next one."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from skinseg_edge.errors import InputError
from skinseg_runtime.engine_build.timing_cache import keep_timing_cache, known_timings, timing_cache_path
from tests.runtime.made_engines import ORIN

TIMINGS = b"\x00\xffwhich kernel took how long\n"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SKINSEG_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


def test_a_device_that_never_built_knows_nothing() -> None:
    assert known_timings(ORIN) is None


def test_what_one_build_learned_the_next_one_knows() -> None:
    keep_timing_cache(ORIN, b"older")
    keep_timing_cache(ORIN, TIMINGS)

    assert known_timings(ORIN) == TIMINGS


def test_another_version_of_tensorrt_begins_anew() -> None:
    keep_timing_cache(ORIN, TIMINGS)

    assert known_timings(replace(ORIN, tensorrt="10.7.0")) is None


def test_a_file_under_the_name_of_another_device_counts_as_missing() -> None:
    keep_timing_cache(ORIN, TIMINGS)
    newer = replace(ORIN, tensorrt="10.7.0")

    timing_cache_path(ORIN).rename(timing_cache_path(newer))

    assert known_timings(newer) is None


@pytest.mark.parametrize("position", [0, 64, -1])
def test_a_changed_byte_makes_it_count_as_missing(position: int, caplog: pytest.LogCaptureFixture) -> None:
    keep_timing_cache(ORIN, TIMINGS)
    path = timing_cache_path(ORIN)
    blob = bytearray(path.read_bytes())
    blob[position] ^= 1
    path.write_bytes(blob)

    with caplog.at_level(logging.INFO):
        assert known_timings(ORIN) is None

    assert "is damaged or foreign: this build times every kernel anew" in caplog.text


def test_a_cut_file_counts_as_missing() -> None:
    keep_timing_cache(ORIN, TIMINGS)
    path = timing_cache_path(ORIN)
    path.write_bytes(path.read_bytes()[:40])

    assert known_timings(ORIN) is None


def test_a_cache_that_another_device_sealed_counts_as_missing(state: Path, tmp_path: Path) -> None:
    keep_timing_cache(ORIN, TIMINGS)

    (state / "device.key").unlink()
    keep_timing_cache(replace(ORIN, gpu="another"), TIMINGS)  # makes a new key

    assert known_timings(ORIN) is None


def test_a_folder_where_the_file_should_lie_counts_as_missing(caplog: pytest.LogCaptureFixture) -> None:
    timing_cache_path(ORIN).mkdir(parents=True)

    with caplog.at_level(logging.INFO):
        assert known_timings(ORIN) is None

    assert "cannot be read" in caplog.text


def test_a_place_that_cannot_be_written_costs_time_and_not_the_build(
    state: Path, caplog: pytest.LogCaptureFixture
) -> None:
    state.mkdir()
    (state / "timing").write_text("a file where a folder should be")

    keep_timing_cache(ORIN, TIMINGS)

    assert "the timing cache is not kept, so the next build takes as long: cannot write" in caplog.text
    assert known_timings(ORIN) is None


def test_a_key_that_others_may_read_is_refused(state: Path) -> None:
    keep_timing_cache(ORIN, TIMINGS)
    (state / "device.key").chmod(0o644)

    with pytest.raises(InputError, match="its mode is 0644, so others may read it"):
        known_timings(ORIN)


def test_only_its_owner_may_read_it() -> None:
    keep_timing_cache(ORIN, TIMINGS)

    assert timing_cache_path(ORIN).stat().st_mode & 0o777 == 0o600
