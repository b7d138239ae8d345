"""`skinseg-batch` as it is typed: what it prints, and what is left when it is killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from skinseg_edge.errors import ToolMissing
from skinseg_runtime.batch.archive.parts import parts_in
from skinseg_runtime.batch.cli import main
from skinseg_runtime.batch.driver import run_batch
from skinseg_runtime.batch.opening import open_segmenter, work_for
from skinseg_runtime.batch.sources import source_from_text
from tests.fresh_interpreter import run_python
from tests.runtime.batch.archives import Here, folder_of, rows_of
from tests.runtime.calling import call, error_of, only_object
from tests.runtime.tiny_bundle import write_bundle

posix = pytest.mark.skipif(os.name == "nt", reason="ends processes by POSIX signals")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("cli") / "tiny.skinseg")


@posix
def test_an_archive_is_done_told_and_taken_over(tmp_path: Path, tiny: Path) -> None:
    photos, output = folder_of(tmp_path / "photos", 4), tmp_path / "out"
    (photos / "broken.png").write_bytes(b"nothing")

    first = call(main, photos, tiny, "-o", output, "--jobs", "1")
    again = only_object(call(main, photos, tiny, "-o", output, "--jobs", "1", "--json").stdout)

    assert first.exit_code == 2
    assert first.stdout.startswith("4 of 5 pictures segmented, ")
    assert first.stdout.endswith(f" pictures/s -> {output}\n")
    assert "cannot segment 1 of 5 pictures; the first: cannot read broken.png" in first.stderr
    assert (again["ok"], again["pictures"], again["errors"], again["computed"]) == (False, 5, 1, 0)
    assert (again["taken_over"], again["pictures_per_s"]) == (5, None)
    assert len(rows_of(output)) == 5


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--executor", "rai"), "cannot find the executor 'rai': known are local, ray"),
        (("--masks", "jpg"), "cannot find the masks 'jpg': known are png, rle"),
        (("--address", "10.0.0.1:6379"), "cannot use --address with the local executor"),
        (("--mm-per-px", "1", "--card", "2"), "cannot choose a scale"),
        (("--engine", "onnxruntime", "--precision", "fp8"), "fp8"),
    ],
)
def test_wrong_use_is_told_before_anything_is_written(
    tmp_path: Path, tiny: Path, options: tuple[str, ...], words: str
) -> None:
    result = call(main, folder_of(tmp_path / "photos", 1), tiny, "-o", tmp_path / "out", "--json", *options)

    assert result.exit_code == 2
    assert words in str(error_of(result)["message"])
    assert not (tmp_path / "out").exists()


def test_a_missing_extra_is_named(tmp_path: Path, tiny: Path) -> None:
    folder_of(tmp_path / "photos", 1)
    code = "from skinseg_runtime.batch.cli import main; main()"

    finished = run_python(code, "photos", str(tiny), "-o", "out", cwd=tmp_path, barred=("pyarrow",))

    assert finished.returncode == ToolMissing.exit_code, finished.stderr
    assert "run pip install 'skinseg-edge[scale]'" in finished.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def _started(tmp_path: Path, tiny: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "skinseg_runtime.batch", "photos", str(tiny), "-o", "out", "--jobs", "1"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _wait_until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def _members(group: int) -> list[int]:
    """Return the processes of a group that are not dead."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            found.append(int(status.parent.name))
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_a_driver_that_ends_in_the_middle_leaves_no_process_and_loses_no_row(
    tmp_path: Path, tiny: Path, sent: signal.Signals, code: int
) -> None:
    folder_of(tmp_path / "photos", 160)
    output = tmp_path / "out"
    driver = _started(tmp_path, tiny)
    _wait_until(lambda: bool(parts_in(output)), "no row was written")

    driver.send_signal(sent)
    _, complaints = driver.communicate(timeout=60)

    assert driver.returncode == code
    _wait_until(lambda: not _members(driver.pid), "a worker outlives its driver")
    done = {row["name"] for row in rows_of(output)}
    assert 0 < len(done) < 160
    work = work_for(tiny)
    with open_segmenter(work) as segmenter, pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        here = Here(segmenter)
        outcome = run_batch(source_from_text("photos"), output, work, here)
    assert (outcome.pictures, outcome.taken_over, here.computed) == (160, len(done), 160 - len(done))
    assert len(rows_of(output)) == len({row["name"] for row in rows_of(output)}) == 160
    if sent == signal.SIGINT:
        assert "what is done is kept in out; run the same command to go on" in complaints
        assert "Traceback" not in complaints
        assert json.loads((output / "batch.json").read_text())["starts"] == 2
