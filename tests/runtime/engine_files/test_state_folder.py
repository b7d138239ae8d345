"""Where this device keeps what belongs to it and to no bundle."""

from pathlib import Path

import pytest

from skinseg_edge.errors import InputError
from skinseg_runtime.engine_files.state_folder import make_state_folder, state_folder


def test_a_named_folder_comes_first(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/elsewhere")

    assert state_folder() == state


def test_xdg_comes_next_unless_it_is_relative(state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKINSEG_STATE_DIR", "")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    assert state_folder() == tmp_path / "xdg" / "skinseg-edge"

    monkeypatch.setenv("XDG_STATE_HOME", "xdg")
    assert state_folder() == tmp_path / ".local" / "state" / "skinseg-edge"


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("no home")

    monkeypatch.delenv("SKINSEG_STATE_DIR")
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", no_home)

    with pytest.raises(InputError, match="name a folder in SKINSEG_STATE_DIR"):
        state_folder()


def test_the_folder_is_made_once(state: Path) -> None:
    assert make_state_folder() == make_state_folder() == state
    assert state.is_dir()
