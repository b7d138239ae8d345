"""The lock of a build: one holder, and none that died."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Event, Thread

import pytest

from skinseg_edge.errors import DeviceBusy, OutputRefused
from skinseg_runtime.file_lock import locked

_HOLD_FOREVER = """
import sys, time
from pathlib import Path
from skinseg_runtime.file_lock import locked
with locked(Path(sys.argv[1]), "hold it"):
    print("held", flush=True)
    time.sleep(600)
"""


def _holder(path: Path) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD_FOREVER, str(path)], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_lock_names_the_process_that_holds_it_and_is_free_when_that_process_was_killed(tmp_path: Path) -> None:
    path = tmp_path / "engines" / ".lock"
    with _holder(path) as process:
        with pytest.raises(
            DeviceBusy, match=rf"^cannot build it: process {process.pid} is at it already; wait until it is done"
        ):
            locked(path, "build it").__enter__()
        process.kill()
        process.wait()
        with locked(path, "build it"):
            assert path.read_text() == str(os.getpid())


def test_a_lock_is_free_after_its_block_and_after_an_error_in_it(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with pytest.raises(KeyError), locked(path, "a"):
        raise KeyError
    with locked(path, "b"):
        pass
    assert path.read_text() == ""


def test_threads_of_one_process_exclude_each_other(tmp_path: Path) -> None:
    path, is_held, may_end = tmp_path / ".lock", Event(), Event()

    def hold() -> None:
        with locked(path, "hold it"):
            is_held.set()
            may_end.wait(60)

    thread = Thread(target=hold)
    thread.start()
    assert is_held.wait(60)
    try:
        with pytest.raises(DeviceBusy, match=f"process {os.getpid()} is at it"), locked(path, "build it"):
            pass
    finally:
        may_end.set()
        thread.join()


def test_a_holder_without_a_number_is_another_process(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with locked(path, "a"):
        path.write_text("damaged")
        with pytest.raises(DeviceBusy, match="another process is at it"), locked(path, "b"):
            pass


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no process groups of this kind")
def test_a_child_that_outlives_its_parent_holds_no_lock(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    code = _HOLD_FOREVER.replace(
        "    time.sleep(600)",
        "    import subprocess, os\n"
        "    child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "    print(child.pid, flush=True)\n"
        "    os.kill(os.getpid(), 9)",
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert parent.stdout is not None
    with parent.stdout:
        assert parent.stdout.readline() == "held\n"
        orphan = int(parent.stdout.readline())
    parent.wait()
    try:
        with locked(path, "build it"):
            pass
    finally:
        os.kill(orphan, signal.SIGKILL)


def test_a_place_that_cannot_be_written_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / ".lock").mkdir()
    with pytest.raises(OutputRefused, match=r"cannot write .*\.lock: a folder of that name is there"):
        locked(tmp_path / ".lock", "build it").__enter__()


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="this system cannot refuse links when it opens a file")
def test_what_a_link_in_place_of_the_lock_names_is_left_alone(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("of the user")
    (tmp_path / ".lock").symlink_to(precious)

    with pytest.raises(OutputRefused), locked(tmp_path / ".lock", "build"):
        pass

    assert precious.read_text() == "of the user"
