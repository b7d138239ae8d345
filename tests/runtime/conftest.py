"""What the runtime's tests share."""

from pathlib import Path

import pytest

from tests.runtime.tiny_bundle import write_bundle, write_photo


@pytest.fixture(autouse=True)
def no_trusted_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SKINSEG_TRUSTED_KEY", raising=False)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return write_bundle(tmp_path / "tiny.skinseg")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return write_photo(tmp_path / "mole.jpg")
