"""Files and folders appear whole or not at all: on full disks, at Ctrl-C, and when something is in the way."""

import errno
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from skinseg_edge import atomic_files
from skinseg_edge.atomic_files import (
    check_free,
    fresh_folder,
    refusing_output_errors,
    sync_names,
    write_and_sync,
    write_bytes_atomically,
    write_json_atomically,
    write_text_atomically,
)
from skinseg_edge.errors import OutputRefused

_MIB = 1 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 1 MiB."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting a small file system needs Linux and root")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"mounting a small file system is not permitted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def _fail_with(code: int) -> OSError:
    return OSError(code, os.strerror(code))


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- files


def test_a_file_is_written_with_the_folders_above_it(tmp_path: Path) -> None:
    write_bytes_atomically(tmp_path / "a" / "b" / "mask.png", b"whole")
    assert (tmp_path / "a" / "b" / "mask.png").read_bytes() == b"whole"
    assert _names(tmp_path / "a" / "b") == ["mask.png"]


def test_a_new_file_gets_the_permissions_that_the_umask_leaves(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_bytes_atomically(tmp_path / "shared", b"")
        write_bytes_atomically(tmp_path / "private", b"", mode=0o600)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "shared").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "private").stat().st_mode) == 0o600


def test_text_is_written_as_utf8_with_its_own_line_ends(tmp_path: Path) -> None:
    write_text_atomically(tmp_path / "card.md", "mélanome\r\n")
    assert (tmp_path / "card.md").read_bytes() == b"m\xc3\xa9lanome\r\n"


def test_json_is_written_readable_and_ends_with_a_newline(tmp_path: Path) -> None:
    write_json_atomically(tmp_path / "report.json", {"dice": 0.91, "name": "mélanome"})
    text = (tmp_path / "report.json").read_text(encoding="utf-8")
    assert text == '{\n  "dice": 0.91,\n  "name": "mélanome"\n}\n'
    assert json.loads(text) == {"dice": 0.91, "name": "mélanome"}


def test_json_has_no_word_for_nan_so_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json_atomically(tmp_path / "report.json", {"dice": float("nan")})
    assert _names(tmp_path) == []


def test_an_existing_file_is_replaced_unless_that_is_forbidden(tmp_path: Path) -> None:
    target = tmp_path / "mask.png"
    write_bytes_atomically(target, b"old")
    write_bytes_atomically(target, b"new")
    with pytest.raises(OutputRefused, match=r"mask\.png: it exists already; add --force to replace it"):
        write_bytes_atomically(target, b"third", overwrite=False)
    assert target.read_bytes() == b"new"


def test_a_file_under_its_own_name_replaces_nothing(tmp_path: Path) -> None:
    write_and_sync(tmp_path / "key", b"first", 0o600)
    with pytest.raises(FileExistsError):
        write_and_sync(tmp_path / "key", b"second")
    assert (tmp_path / "key").read_bytes() == b"first"
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


@pytest.mark.skipif(sys.platform == "win32", reason="opens no folder to put its names on the disk")
def test_the_names_of_a_folder_are_put_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))

    sync_names(tmp_path)

    assert synced == [tmp_path.stat().st_ino]
    with pytest.raises(FileNotFoundError):
        sync_names(tmp_path / "gone")


def test_a_link_stays_a_link_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    write_bytes_atomically(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_a_folder_or_device_in_the_way_of_a_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, Path("/dev/null")):
        with pytest.raises(OutputRefused, match=f"cannot write {path}: it is a folder or a device"):
            write_bytes_atomically(path, b"data")


def test_a_file_in_the_way_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(OutputRefused, match="a part of the path is a file, expected a folder"):
        write_bytes_atomically(tmp_path / "notes" / "mask.png", b"data")
    assert (tmp_path / "notes").read_text() == "mine"


def test_a_name_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputRefused, match="longer than the file system allows; choose a shorter one"):
        write_bytes_atomically(tmp_path / ("n" * 300), b"data")
    assert _names(tmp_path) == []


def test_a_name_as_long_as_the_file_system_allows_is_written(tmp_path: Path) -> None:
    write_bytes_atomically(tmp_path / ("n" * 255), b"data")
    assert _names(tmp_path) == ["n" * 255]


def test_a_full_disk_leaves_the_old_file_and_nothing_else(small_disk: Path) -> None:
    target = small_disk / "model.onnx"
    target.write_bytes(b"old")
    with pytest.raises(OutputRefused, match=r"model\.onnx: the disk is full; free some space and run again"):
        write_bytes_atomically(target, bytes(2 * _MIB))
    assert _names(small_disk) == ["model.onnx"]
    assert target.read_bytes() == b"old"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "the disk is full; free some space and run again"),
        (errno.EDQUOT, "the disk quota is used up"),
        (errno.EROFS, "the file system is read-only; choose another place"),
        (errno.EACCES, "writing there is not permitted"),
        (errno.EIO, "the system says 'Input/output error'"),
    ],
)
def test_what_the_system_says_becomes_a_sentence_and_nothing_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, words: str
) -> None:
    def full(_: int) -> None:
        raise _fail_with(code)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputRefused) as caught:
        write_bytes_atomically(tmp_path / "made" / "mask.png", b"data")
    assert str(caught.value).startswith(f"cannot write {tmp_path}/made/mask.png: {words}")
    assert isinstance(caught.value.__cause__, OSError)
    assert _names(tmp_path) == []


def test_ctrl_c_while_a_file_is_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    (tmp_path / "mask.png").write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_bytes_atomically(tmp_path / "mask.png", b"new")
    assert _names(tmp_path) == ["mask.png"]
    assert (tmp_path / "mask.png").read_bytes() == b"old"


def test_a_place_is_checked_before_a_long_run(tmp_path: Path) -> None:
    check_free(tmp_path / "nothing")
    check_free(tmp_path, force=True)
    (tmp_path / "broken link").symlink_to("nowhere")
    for taken in (tmp_path, tmp_path / "broken link"):
        with pytest.raises(OutputRefused, match="exists already; add --force"):
            check_free(taken)


# --- folders


def test_a_fresh_folder_stands_only_when_its_block_has_ended(tmp_path: Path) -> None:
    target = tmp_path / "runs" / "lesion.skinseg"
    with fresh_folder(target) as folder:
        (folder / "model.onnx").write_bytes(b"graph")
        assert not target.exists()
        assert folder.parent == target.parent
    assert _names(target) == ["model.onnx"]
    assert _names(target.parent) == ["lesion.skinseg"]


def test_every_file_is_on_the_disk_before_the_folder_gets_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
    with fresh_folder(tmp_path / "out") as folder:
        (folder / "golden").mkdir()
        files = [folder / "model.onnx", folder / "golden" / "01.png"]
        for path in files:
            path.write_bytes(b"data")
        inodes = {path.stat().st_ino for path in files}
    assert set(synced) == inodes


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("no parity"), SystemExit(3)])
def test_a_block_that_fails_leaves_nothing_and_its_error_passes(tmp_path: Path, error: BaseException) -> None:
    def fail_half_way(folder: Path) -> None:
        (folder / "golden").mkdir()
        (folder / "golden" / "01.png").write_bytes(b"half")
        raise error

    with pytest.raises(type(error)), fresh_folder(tmp_path / "runs" / "lesion.skinseg") as folder:
        fail_half_way(folder)
    assert _names(tmp_path) == []


def test_an_existing_folder_is_refused_before_the_work_begins(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(OutputRefused, match="out: it exists already; add --force"), fresh_folder(tmp_path / "out"):
        pytest.fail("the block must not run")


def test_force_replaces_a_folder_whole(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()
    (target / "old").write_bytes(b"")
    with fresh_folder(target, force=True) as folder:
        (folder / "new").write_bytes(b"")
        assert _names(target) == ["old"]
    assert _names(target) == ["new"]
    assert _names(tmp_path) == ["out"]


def test_force_keeps_the_old_folder_when_the_block_fails(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()
    (target / "old").write_bytes(b"")
    with pytest.raises(KeyboardInterrupt), fresh_folder(target, force=True):
        raise KeyboardInterrupt
    assert _names(target) == ["old"]
    assert _names(tmp_path) == ["out"]


def test_ctrl_c_between_the_two_renames_puts_the_old_folder_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out"
    target.mkdir()
    (target / "old").write_bytes(b"")
    rename = Path.rename
    calls: list[Path] = []

    def interrupted_once(self: Path, new: Path) -> Path:
        calls.append(self)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return rename(self, new)

    monkeypatch.setattr(Path, "rename", interrupted_once)
    with pytest.raises(KeyboardInterrupt), fresh_folder(target, force=True) as folder:
        (folder / "new").write_bytes(b"")
    assert len(calls) == 3
    assert _names(target) == ["old"]
    assert _names(tmp_path) == ["out"]


def test_force_replaces_only_what_the_command_makes(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "patient.jpg").write_bytes(b"precious")
    with (
        pytest.raises(OutputRefused, match=r"it holds no manifest\.json, so it is not what this command makes"),
        fresh_folder(pictures, force=True, only_if_holds="manifest.json"),
    ):
        pytest.fail("the block must not run")
    assert (pictures / "patient.jpg").read_bytes() == b"precious"


def test_force_replaces_an_empty_folder_and_one_of_the_commands_own(tmp_path: Path) -> None:
    target = tmp_path / "lesion.skinseg"
    target.mkdir()
    for content in (b"first", b"second"):
        with fresh_folder(target, force=True, only_if_holds="manifest.json") as folder:
            (folder / "manifest.json").write_bytes(content)
    assert (target / "manifest.json").read_bytes() == b"second"


def test_force_never_replaces_the_current_folder_or_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, home = tmp_path / "work" / "here", tmp_path / "home" / "nurse"
    for folder in (here, home):
        folder.mkdir(parents=True)
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(home))
    for place in (here, here.parent, home, home.parent):
        with (
            pytest.raises(OutputRefused, match="it is or holds the current or home folder"),
            fresh_folder(place, force=True),
        ):
            pytest.fail("the block must not run")


def test_force_does_not_make_a_folder_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine")
    with (
        pytest.raises(OutputRefused, match="a file of that name is there; remove it first"),
        fresh_folder(tmp_path / "notes", force=True),
    ):
        pytest.fail("the block must not run")
    assert (tmp_path / "notes").read_text() == "mine"


def test_a_folder_that_appears_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    target = tmp_path / "out"

    def somebody_else_writes() -> None:
        target.mkdir()
        (target / "theirs").write_bytes(b"")

    with pytest.raises(OutputRefused, match="something of that name is there already"), fresh_folder(target):
        somebody_else_writes()
    assert _names(target) == ["theirs"]
    assert _names(tmp_path) == ["out"]


def test_a_disk_that_fills_in_the_block_leaves_nothing(small_disk: Path) -> None:
    with (
        pytest.raises(OutputRefused, match=r"lesion\.skinseg: the disk is full; free some space and run again"),
        fresh_folder(small_disk / "runs" / "lesion.skinseg") as folder,
    ):
        (folder / "model.onnx").write_bytes(bytes(2 * _MIB))
    assert _names(small_disk) == []


def test_a_full_disk_told_without_a_file_name_is_an_error_of_writing(tmp_path: Path) -> None:
    with pytest.raises(OutputRefused, match="the disk is full"), fresh_folder(tmp_path / "out"):
        raise _fail_with(errno.ENOSPC)  # as os.write tells it
    assert _names(tmp_path) == []


def test_a_missing_source_in_the_block_is_not_taken_for_an_error_of_writing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), fresh_folder(tmp_path / "out"):
        (tmp_path / "nowhere.onnx").read_bytes()
    assert _names(tmp_path) == []


def test_a_folder_that_may_not_be_made_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(self: Path, *_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", forbidden)
    with (
        pytest.raises(OutputRefused, match="writing there is not permitted; choose another place"),
        fresh_folder(tmp_path / "out"),
    ):
        pytest.fail("the block must not run")


def test_what_is_left_of_an_old_folder_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "out").mkdir()
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)
    with fresh_folder(tmp_path / "out", force=True) as folder:
        (folder / "new").write_bytes(b"")
    assert _names(tmp_path / "out") == ["new"]
    assert "could not be removed wholly" in caplog.text


_WRITER = """
import sys, time
from skinseg_edge.atomic_files import fresh_folder
with fresh_folder(sys.argv[1]) as folder:
    (folder / "half").write_bytes(b"half")
    print("ready", flush=True)
    time.sleep(30)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_a_real_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(tmp_path / "runs" / "out")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": str(Path(atomic_files.__file__).parent.parent)},
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        assert len(_names(tmp_path / "runs")) == 1
        process.send_signal(signal.SIGINT)
        started = time.monotonic()
        assert process.wait(timeout=20) != 0
    assert time.monotonic() - started < 20
    assert _names(tmp_path) == []


def test_a_refusal_inside_a_fresh_folder_names_the_folder_that_was_asked_for(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputRefused, match=rf"^cannot write {tmp_path}/out/a\.txt: the disk is full"),
        fresh_folder(tmp_path / "out") as folder,
        refusing_output_errors(folder / "a.txt"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
