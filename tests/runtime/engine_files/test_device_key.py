"""The device's own key: made once, private, and what it did not seal counts as foreign."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from skinseg_edge.errors import InputError, OutputRefused
from skinseg_runtime.engine_files import device_key
from skinseg_runtime.engine_files.device_key import check_key, holds, opened, seal, sealed_bytes


def _fresh_key(state: Path) -> Path:
    seal(b"")
    return state / "device.key"


def test_a_seal_holds_for_the_very_bytes_and_purpose(state: Path) -> None:
    made = seal(b"plan", purpose="engine")

    assert len(made) == 64
    assert holds(b"plan", made, purpose="engine")
    assert not holds(b"plam", made, purpose="engine")
    assert not holds(b"plan", made, purpose="cache")
    assert not holds(b"plan", "", purpose="engine")
    assert not holds(b"plan", "é" * 64, purpose="engine")


def test_another_device_seals_otherwise(state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = seal(b"plan")
    monkeypatch.setenv("SKINSEG_STATE_DIR", str(tmp_path / "other"))
    seal(b"")

    assert not holds(b"plan", made)


def test_asking_makes_no_key(state: Path) -> None:
    assert not holds(b"plan", "0" * 64)
    assert opened(b"0" * 64 + b"\nplan") is None
    assert not check_key()
    assert not state.exists()


def test_the_key_is_private_and_stays(state: Path) -> None:
    key = _fresh_key(state)
    before = key.read_bytes()
    seal(b"more")

    assert key.read_bytes() == before
    assert len(before) == 32
    assert check_key()
    assert [path.name for path in state.iterdir()] == ["device.key"]
    if os.name != "nt":
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        assert stat.S_IMODE(state.stat().st_mode) == 0o700


def test_processes_that_make_it_at_once_agree(state: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        seals = set(pool.map(lambda _: seal(b"plan"), range(64)))

    assert len(seals) == 1


def test_a_key_that_another_process_makes_first_is_taken(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link_late(temporary: Path, path: Path) -> None:
        path.write_bytes(b"k" * 32)
        path.chmod(0o600)
        raise FileExistsError

    monkeypatch.setattr(os, "link", link_late)
    made = seal(b"plan")

    assert (state / "device.key").read_bytes() == b"k" * 32
    assert holds(b"plan", made)


def test_a_file_system_without_hard_links_will_do(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(temporary: Path, path: Path) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", no_links)

    assert holds(b"plan", seal(b"plan"))
    assert [path.name for path in state.iterdir()] == ["device.key"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_key_that_others_may_read_is_refused(state: Path, mode: int) -> None:
    key = _fresh_key(state)
    key.chmod(mode)

    with pytest.raises(InputError, match=rf"its mode is {mode:04o}, so others may read it .* run rm .*device.key"):
        seal(b"plan")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such owners")
def test_a_key_of_another_user_is_refused(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = _fresh_key(state).stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    if owner == 0:  # root's key may be used by all who can read it
        assert check_key()
        os.chown(state / "device.key", 4711, -1)
        owner = 4711

    with pytest.raises(InputError, match=rf"it belongs to user {owner}, expected \d+, who runs this"):
        holds(b"plan", "0" * 64)


@pytest.mark.parametrize("data", [b"", b"k" * 31, b"k" * 33])
def test_a_damaged_key_is_refused(state: Path, data: bytes) -> None:
    _fresh_key(state).write_bytes(data)

    with pytest.raises(InputError, match="it has not 32 bytes, so it is damaged"):
        seal(b"plan")


@pytest.mark.skipif(os.name == "nt", reason="needs pipes in the file system")
def test_a_pipe_or_a_link_is_no_key(state: Path) -> None:
    key = _fresh_key(state)
    key.rename(state / "elsewhere")
    key.symlink_to(state / "elsewhere")
    with pytest.raises(InputError, match="expected a plain file"):
        check_key()

    key.unlink()
    os.mkfifo(key, 0o600)
    with pytest.raises(InputError, match="it is no plain file"):
        check_key()


def test_sealed_bytes_open_only_whole(state: Path) -> None:
    blob = sealed_bytes(b"cache\nof kernels", purpose="timing")

    assert opened(blob, purpose="timing") == b"cache\nof kernels"
    for damaged in (
        blob[:-1],
        blob + b"x",
        blob[1:],
        b"",
        blob[:64],
        b"\xff" + blob[1:],
        blob.replace(b"cache", b"cachE"),
    ):
        assert opened(damaged, purpose="timing") is None
    assert opened(blob, purpose="rtx") is None


def test_a_state_folder_that_cannot_be_made_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("SKINSEG_STATE_DIR", str(tmp_path / "file" / "state"))

    assert not holds(b"plan", "0" * 64)
    with pytest.raises(OutputRefused, match=r"cannot write .*file/state"):
        seal(b"plan")


def test_a_key_that_vanishes_while_it_is_made_is_told(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_key, "_place_first", lambda temporary, path: None)

    with pytest.raises(InputError, match="vanished while it was made"):
        seal(b"plan")
