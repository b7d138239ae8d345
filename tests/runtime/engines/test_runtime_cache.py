"""Kernels that TensorRT-RTX compiled are native code: only what this device sealed is used again."""

import os
from pathlib import Path

import pytest

from skinseg_runtime.engines.runtime_cache import RuntimeCacheFile

KERNELS = b"kernels that were compiled for this GPU"


@pytest.fixture(autouse=True)
def state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SKINSEG_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def cache(tmp_path: Path) -> RuntimeCacheFile:
    return RuntimeCacheFile(tmp_path / "rtx-cache" / "net.cache")


def test_where_nothing_was_kept_there_is_nothing(cache: RuntimeCacheFile, caplog: pytest.LogCaptureFixture) -> None:
    assert cache.read() is None
    assert not caplog.records


def test_what_was_kept_comes_back(cache: RuntimeCacheFile) -> None:
    cache.write(b"older")
    cache.write(KERNELS)
    assert cache.read() == KERNELS


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_only_its_owner_may_read_or_write_it(cache: RuntimeCacheFile) -> None:
    cache.write(KERNELS)
    assert cache.path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("place", [0, 70, -1])
def test_one_changed_byte_makes_it_missing(
    cache: RuntimeCacheFile, place: int, caplog: pytest.LogCaptureFixture
) -> None:
    cache.write(KERNELS)
    data = bytearray(cache.path.read_bytes())
    data[place] ^= 1
    cache.path.write_bytes(data)
    assert cache.read() is None
    assert "net.cache is damaged or of another device" in caplog.text


@pytest.mark.parametrize("length", [0, 10, 64, 65])
def test_a_cut_off_file_counts_as_missing(cache: RuntimeCacheFile, length: int) -> None:
    cache.write(KERNELS)
    cache.path.write_bytes(cache.path.read_bytes()[:length])
    assert cache.read() is None


def test_a_cache_of_another_device_counts_as_missing(
    cache: RuntimeCacheFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.write(KERNELS)
    monkeypatch.setenv("SKINSEG_STATE_DIR", str(tmp_path / "another"))
    assert cache.read() is None


def test_a_folder_in_its_place_counts_as_missing(cache: RuntimeCacheFile, caplog: pytest.LogCaptureFixture) -> None:
    cache.path.mkdir(parents=True)
    assert cache.read() is None
    assert "cannot be read and counts as missing" in caplog.text


def test_a_cache_that_cannot_be_written_is_a_warning_only(
    cache: RuntimeCacheFile, caplog: pytest.LogCaptureFixture
) -> None:
    cache.path.parent.write_text("a file where the folder should be", encoding="utf-8")
    cache.write(KERNELS)
    assert "not kept, so the next start takes as long again: cannot write" in caplog.text
