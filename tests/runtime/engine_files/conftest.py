"""What the tests of files on the device share."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of this test's own: no test reads or makes the key of the machine it runs on."""
    folder = tmp_path / "state"
    monkeypatch.setenv("SKINSEG_STATE_DIR", str(folder))
    return folder
