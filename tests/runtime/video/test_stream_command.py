"""The command skinseg-run on videos, cameras and addresses, and how it ends when it is asked to."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from skinseg_runtime.cli import main
from skinseg_runtime.engines.onnxruntime_providers import Provider
from skinseg_runtime.engines.onnxruntime_session import Session, open_session
from skinseg_runtime.video.half_files import swept
from tests.fresh_interpreter import run_python
from tests.runtime.calling import call
from tests.runtime.video.drawn_clips import RADIUS, centre_of, frame, frames_in, write_clip
from tests.runtime.video.frame_rows import centroids, rows_of


def test_the_command_takes_a_clip_with_a_scale_and_leaves_rows_and_a_recording(bundle: Path, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", (frame(number) for number in range(9)))
    record = tmp_path / "drawn.mkv"
    options = ("--record", record, "--every", "2", "--smooth", "0.2", "--mm-per-px", "0.1")
    result = call(main, bundle, clip, "-o", tmp_path / "out", *options)
    rows = rows_of(tmp_path / "out")
    assert (result.exit_code, result.stderr) == (0, "")
    assert [row["frame"] for row in rows] == [0, 2, 4, 6, 8]
    assert f"end of stream -> {tmp_path / 'out' / 'frames.jsonl'}, {record}" in result.stdout
    assert len(frames_in(record)) == 5
    lesions = rows[0]["lesions"]
    assert isinstance(lesions, list)
    assert lesions[0]["equivalent_diameter_mm"] == pytest.approx(2 * RADIUS * 0.1, abs=0.2)
    model = rows[0]["model"]
    assert isinstance(model, dict)
    assert (model["name"], model["engine"]) == ("tiny", "onnxruntime")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take no name that is not text")
def test_a_name_that_is_no_text_is_refused_where_opencv_would_crash(bundle: Path, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.avi", [frame(0)])
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/odd\xff.avi"))
    recorded = call(main, bundle, clip, "-o", tmp_path / "out", "--record", odd)
    clip.rename(odd)
    read = call(main, bundle, odd, "-o", tmp_path / "out")
    for result in (recorded, read):
        assert result.exit_code == 2
        assert "is no UTF-8 text, expected one; rename it" in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("usable", "fast", "expected"), [(8, 4, 4), (4, 4, 2), (2, 2, 1)])
def test_the_network_takes_fast_cores_and_leaves_two_to_reading_and_drawing(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, usable: int, fast: int, expected: int
) -> None:
    asked: list[int] = []

    def noted(model: bytes, source: str, threads: int, provider: Provider) -> Session:
        asked.append(threads)
        return open_session(model, source, 1, provider)

    monkeypatch.setattr("skinseg_runtime.engines.onnxruntime.open_session", noted)
    monkeypatch.setattr("skinseg_runtime.usable_cores.usable_cores", lambda: usable)
    monkeypatch.setattr("skinseg_runtime.usable_cores.fast_cores", lambda: fast)
    clip = write_clip(tmp_path / "clip.avi", [frame(0)])
    assert call(main, bundle, clip, "-o", tmp_path / "out").exit_code == 0
    assert asked == [expected]


@pytest.mark.parametrize(
    ("path", "options", "words"),
    [
        ("clip.avi", ("--overlay",), "cannot use --overlay on clip.avi: it is for photos"),
        ("mole.jpg", ("--max-frames", "3"), "cannot use --max-frames on photos: it is for a video or a camera"),
        ("clip.avi", ("--record", "drawn.gif"), "cannot record drawn.gif: expected a name that ends with"),
        ("clip.avi", ("--display",), "cannot show frames"),
        ("clip.avi", ("--every", "0"), "0 is not in the range x>=1"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    bundle: Path,
    photo: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    options: tuple[str, ...],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    write_clip(tmp_path / "clip.avi", [frame(0)])
    result = call(main, bundle, path, *options)
    assert result.exit_code in (2, 3)
    assert words in result.stderr
    assert sorted(one.name for one in tmp_path.iterdir()) == ["clip.avi", "mole.jpg", "tiny.skinseg"]


def test_ffmpeg_and_opencv_say_nothing_beside_our_own_sentence(bundle: Path, tmp_path: Path) -> None:
    # In a process of its own: FFmpeg takes its loudness from the first stream of a process.
    (tmp_path / "letter.mp4").write_bytes(b"This is a letter and no video.\n" * 100)
    code = "from skinseg_runtime.cli import main\nmain()\n"
    finished = run_python(code, bundle, tmp_path / "letter.mp4", cwd=tmp_path)
    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr.startswith("skinseg-run: cannot read ")
    assert finished.stderr.count("\n") == 1


def started(*arguments: str | Path, ready: Callable[[], bool]) -> "subprocess.Popen[str]":
    """Start the command and wait until *ready*."""
    process = subprocess.Popen(
        [sys.executable, "-m", "skinseg_runtime", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    until = time.monotonic() + 60
    while not ready():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)
    return process


def test_ctrl_c_in_a_film_keeps_what_was_done_and_a_recording_that_plays(bundle: Path, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.avi", (frame(number) for number in range(200)), rate=20)
    output, record = tmp_path / "out", tmp_path / "drawn.mp4"

    def has_rows() -> bool:
        return any(path.stat().st_size > 20_000 for path in output.glob(".skinseg-*.part"))

    process = started(bundle, clip, "-o", output, "--record", record, "--realtime", ready=has_rows)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=30)

    rows = rows_of(output)
    assert (process.returncode, stdout) == (130, "")
    assert "frames segmented" in stderr
    assert "interrupted" in stderr
    assert 0 < len(rows) < 200
    assert len(frames_in(record)) > 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.avi", "drawn.mp4", "out", "tiny.skinseg"]
    assert [path.name for path in output.iterdir()] == ["frames.jsonl"]


@pytest.mark.skipif(sys.platform == "win32", reason="nothing is swept there")
def test_after_a_killed_run_the_next_one_brings_to_light_what_can_be_used(bundle: Path, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.avi", (frame(number) for number in range(200)), rate=20)
    output, records = tmp_path / "out", tmp_path / "records"

    def has_rows() -> bool:
        return any(path.stat().st_size > 20_000 for path in output.glob(".skinseg-*.part"))

    options = ("-o", output, "--record", records / "drawn.mp4")
    process = started(bundle, clip, *options, "--realtime", ready=has_rows)
    at_work = swept(output), swept(records)
    process.kill()
    process.communicate(timeout=30)
    # OpenCV's writer holds back 256 KiB; what a kill leaves of a longer film is its beginning.
    (records / ".skinseg-video-0123456789abcdef.part.avi").write_bytes(clip.read_bytes()[:100_000])
    after = call(main, bundle, clip, *options, "--max-frames", "3")

    (cut_off,), (film,) = output.glob("frames-cut-off-*.jsonl"), records.glob("cut-off-*")
    assert at_work == ([], [])  # what is being written is nobody else's
    assert (after.exit_code, len(rows_of(output))) == (0, 3)
    assert all(json.loads(line)["frame"] >= 0 for line in cut_off.read_text().splitlines()[:-1])
    assert (film.suffix, len(frames_in(film)) > 10) == (".avi", True)
    assert after.stderr.splitlines() == [
        f"skinseg-run: warning: an earlier run was killed; what it had done until then is in {path}"
        for path in (cut_off, film)
    ]
    assert [path.name for path in (*output.iterdir(), *records.iterdir()) if path.name.startswith(".")] == []


@pytest.mark.skipif(sys.platform == "win32", reason="nothing is swept there")
def test_only_a_runs_own_half_files_are_swept(tmp_path: Path) -> None:
    others = [tmp_path / ".skinseg-0123456789abcdef.part", tmp_path / ".skinseg-video-%02d.part.avi"]
    for path in others:
        path.write_bytes(b"{}")
    (tmp_path / "photo.jpg").write_bytes(b"a photo")
    (tmp_path / ".skinseg-video-0000000000000000.part").symlink_to("photo.jpg")
    (tmp_path / ".skinseg-video-0000000000000001.part").mkdir()
    os.mkfifo(tmp_path / ".skinseg-video-0000000000000002.part.avi")
    (tmp_path / ".skinseg-video-0000000000000003.part").write_bytes(b"")
    before = sorted(path.name for path in tmp_path.iterdir())

    assert swept(tmp_path) == swept(tmp_path / "gone") == []
    assert sorted(path.name for path in tmp_path.iterdir()) == [name for name in before if "00003" not in name]


def test_a_request_to_end_is_how_a_live_stream_ends(bundle: Path, tmp_path: Path, network_camera: str) -> None:
    output = tmp_path / "out"

    def has_rows() -> bool:
        return any(path.stat().st_size > 20_000 for path in output.glob(".skinseg-*.part"))

    process = started(bundle, f"{network_camera}/stream.mjpg", "-o", output, "--json", ready=has_rows)
    process.send_signal(signal.SIGTERM)
    stdout, stderr = process.communicate(timeout=30)
    document = json.loads(stdout)
    assert (process.returncode, stderr) == (0, "")
    assert (document["ok"], document["ended"]) == (True, "interrupted")
    counts = document["frames"]
    assert counts["read"] == counts["segmented"] + counts["dropped"]
    for number, centroid in centroids(rows_of(output)):
        assert isinstance(number, int)
        assert centroid == pytest.approx(centre_of(number), abs=2.5)  # JPEG blurs the border
