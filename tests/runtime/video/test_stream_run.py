"""skinseg-run on videos and cameras: each frame with its own outline, late ones dropped, and every way to end."""

import contextlib
import io
import json
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_edge.command_line import Ui
from skinseg_edge.errors import DeadlinePassed, InputError, OutputRefused, ToolMissing
from skinseg_runtime import Segmentation, Segmenter
from skinseg_runtime.measurements.shape import Shape, shape_of
from skinseg_runtime.overlay import LIGHT, draw
from skinseg_runtime.video import StreamOptions, run_stream
from skinseg_runtime.video.capture import Capture
from skinseg_runtime.video.frames import Frame
from skinseg_runtime.video.reader import Patience
from skinseg_runtime.video.stream_names import Stream, stream_from
from tests.runtime.tiny_bundle import write_bundle
from tests.runtime.video.drawn_clips import HW, PlayedCamera, centre_of, frame, frames_in
from tests.runtime.video.frame_rows import centroids, rows_of

CAMERA = Stream("camera", "0", "camera:0")
FILE = Stream("file", "/clip.avi", "clip.avi")
QUICK = Patience(in_all=0.2, first_wait=0.01, longest_wait=0.02, stuck=0.2)


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Segmenter]:
    with Segmenter.open(write_bundle(tmp_path_factory.mktemp("video") / "tiny.skinseg")) as opened:
        yield opened


def run(
    segmenter: Segmenter,
    stream: Stream,
    capture: Capture,
    output: Path,
    options: StreamOptions | None = None,
    **more: object,
) -> tuple[int, Mapping[str, object], list[dict[str, object]], str]:
    """Run a stream as the command does with --json; return exit code, document, rows and what stderr said."""
    printed, told = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(told):
        code = run_stream(
            Ui("skinseg-run", "skinseg.run/1", json=True),
            segmenter,
            stream,
            options or StreamOptions(),
            output,
            model={"name": "tiny"},
            opens=lambda _stream, _limit: capture,
            patience=QUICK,
            **more,  # type: ignore[arg-type]  # `force`, where a test gives it
        )
    return code, json.loads(printed.getvalue()), rows_of(output), told.getvalue()


def counts_of(document: Mapping[str, object]) -> dict[str, int]:
    counts = document["frames"]
    assert isinstance(counts, dict)
    return counts


def test_each_row_of_a_file_belongs_to_its_frame_and_none_is_lost(segmenter: Segmenter, tmp_path: Path) -> None:
    clip = PlayedCamera((frame(number) for number in range(30)), rate=10, announced=30)
    code, document, rows, told = run(segmenter, FILE, clip, tmp_path)
    assert (code, told, document["ended"]) == (0, "", "end of stream")
    assert counts_of(document) == {
        **dict.fromkeys(("skipped", "unreadable", "dropped", "reconnects"), 0),
        "read": 30,
        "segmented": 30,
    }
    for number, (told_number, centroid) in enumerate(centroids(rows)):
        assert told_number == number
        assert centroid == pytest.approx(centre_of(number), abs=1.5)  # the network has 64 rows for 96
    assert rows[7]["time_s"] == pytest.approx(0.7)
    assert (rows[7]["schema"], rows[7]["source"], rows[7]["frame_hw"]) == ("skinseg.frame/1", "clip.avi", list(HW))
    assert isinstance(timings := rows[7]["timings_ms"], dict)
    assert set(timings) == {"read", "preprocess", "inference", "postprocess", "measure"}
    assert isinstance(quality := rows[7]["quality"], dict)
    assert quality["verdict"] in ("good", "usable", "retake")


def test_late_frames_of_a_camera_are_dropped_counted_and_never_queued(
    segmenter: Segmenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_seen, all_grabbed = threading.Event(), threading.Event()

    def before_grab(number: int) -> None:
        if number == 1:
            assert is_seen.wait(10)  # the network is busy with frame 0 from here on
        if number == 20:
            all_grabbed.set()

    segment = Segmenter.segment

    def slowly(self: Segmenter, source: NDArray[np.uint8]) -> Segmentation:
        if not is_seen.is_set():
            is_seen.set()
            assert all_grabbed.wait(10)
        return segment(self, source)

    monkeypatch.setattr(Segmenter, "segment", slowly)
    camera = PlayedCamera((frame(number) for number in range(20)), before_grab=before_grab)
    options = StreamOptions(record=tmp_path / "out.avi")
    code, document, rows, told = run(segmenter, CAMERA, camera, tmp_path, options)

    assert code == 3  # it was unplugged in the end
    counts = counts_of(document)
    assert (counts["read"], counts["segmented"], counts["dropped"]) == (20, 2, 18)
    assert [row["frame"] for row in rows] == [0, 19]
    assert [row["dropped"] for row in rows] == [0, 17]  # the one before it was displaced by it
    for number, centroid in centroids(rows):
        assert isinstance(number, int)
        assert centroid == pytest.approx(centre_of(number), abs=1.5)
    assert told == ""
    assert all(matches_its_outline(picture) for picture in frames_in(tmp_path / "out.avi"))


def test_no_more_than_five_frames_are_ever_in_memory(
    segmenter: Segmenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there: weakref.WeakSet[Frame] = weakref.WeakSet()
    alive: list[int] = []

    def counted(number: int, *rest: Any) -> Frame:
        made = Frame(number, *rest)
        there.add(made)
        alive.append(len(there))
        return made

    monkeypatch.setattr("skinseg_runtime.video.reader.Frame", counted)
    run(segmenter, FILE, PlayedCamera(frame(number) for number in range(25)), tmp_path)
    assert len(alive) == 25
    assert 1 <= max(alive) <= 5


def matches_its_outline(picture: NDArray[np.uint8]) -> bool:
    """Say whether the turquoise line goes around the dark disc of the same picture."""
    above = picture[:72].astype(int)  # the caption lies below
    line = (np.abs(above - LIGHT).sum(axis=2) < 180) & (above[..., 1] > above[..., 0] + 40)
    disc = above.max(axis=2) < 90
    if not (line.any() and disc.any()):
        return False
    middle, inside = (np.argwhere(found).mean(axis=0) for found in (line, disc))
    return bool(np.abs(middle - inside).max() < 4)


def test_no_drawn_frame_has_the_outline_of_another(segmenter: Segmenter, tmp_path: Path) -> None:
    upper = [number for number in range(40) if centre_of(number)[1] < 50][:16]
    clip = PlayedCamera([frame(number) for number in upper], rate=10)
    run(segmenter, FILE, clip, tmp_path, StreamOptions(record=tmp_path / "out.avi"))
    pictures = frames_in(tmp_path / "out.avi")
    assert len(pictures) == 16
    assert all(matches_its_outline(picture) for picture in pictures)
    other = draw(frame(upper[1]), segmenter.segment(frame(upper[2])).mask)
    assert not matches_its_outline(other)  # the check can fail


def test_smoothing_is_told_and_begins_anew_where_the_picture_jumps(segmenter: Segmenter, tmp_path: Path) -> None:
    clip = PlayedCamera([frame(0)] * 5 + [frame(12)] * 3, rate=10)
    _, _, rows, _ = run(segmenter, FILE, clip, tmp_path, StreamOptions(smooth=0.5))
    assert [row["smoothing"] for row in rows] == [
        "first frame",
        *["averaged"] * 4,
        "motion",
        *["averaged"] * 2,
    ]
    assert centroids(rows)[5][1] == pytest.approx(centre_of(12), abs=1.5)


@pytest.mark.parametrize("stream", [FILE, CAMERA])
def test_enough_is_enough(segmenter: Segmenter, tmp_path: Path, stream: Stream) -> None:
    clip = PlayedCamera((frame(number) for number in range(400)), before_grab=lambda _: time.sleep(0.002))
    code, document, rows, _ = run(segmenter, stream, clip, tmp_path, StreamOptions(max_frames=3))
    assert (code, document["ended"], len(rows)) == (0, "enough frames", 3)
    assert clip.closed.is_set()


def test_a_frame_size_that_changes_is_taken_as_it_comes(segmenter: Segmenter, tmp_path: Path) -> None:
    clip = PlayedCamera([frame(0), frame(1, (160, 200)), frame(2)])
    options = StreamOptions(smooth=1.0, record=tmp_path / "out.avi")
    code, _, rows, _ = run(segmenter, FILE, clip, tmp_path, options)
    assert code == 0
    assert [row["frame_hw"] for row in rows] == [list(HW), [160, 200], list(HW)]
    assert [row["smoothing"] for row in rows] == ["first frame", "size", "size"]
    assert len(frames_in(tmp_path / "out.avi")) == 3


def test_a_camera_that_is_unplugged_keeps_what_was_done(segmenter: Segmenter, tmp_path: Path) -> None:
    code, document, rows, _ = run(segmenter, CAMERA, PlayedCamera([frame(0)]), tmp_path)
    assert (code, document["ended"], len(rows)) == (3, "failed", 1)
    assert isinstance(error := document["error"], dict)
    assert error["kind"] == "ToolMissing"
    assert "it gave 1 frames and then no more" in error["message"]


def test_a_driver_that_hangs_is_given_up_and_what_was_done_is_kept(segmenter: Segmenter, tmp_path: Path) -> None:
    camera = PlayedCamera([frame(0), frame(1)], hangs=True)
    code, document, rows, _ = run(segmenter, CAMERA, camera, tmp_path)
    camera.close()
    assert (code, document["ended"]) == (3, "failed")
    assert isinstance(error := document["error"], dict)
    assert (error["kind"], "its driver has not come back" in error["message"]) == ("DeadlinePassed", True)
    assert len(rows) >= 1


def test_a_camera_that_hangs_from_the_start_leaves_nothing(segmenter: Segmenter, tmp_path: Path) -> None:
    camera = PlayedCamera([], hangs=True)
    with pytest.raises(DeadlinePassed):
        run(segmenter, CAMERA, camera, tmp_path / "out" / "today")
    camera.close()
    assert list(tmp_path.iterdir()) == []


def test_an_engine_that_fails_ends_the_run_with_its_error(
    segmenter: Segmenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    segment, done = Segmenter.segment, []
    before = set(threading.enumerate())  # what other tests share may be running

    def failing(self: Segmenter, source: NDArray[np.uint8]) -> Segmentation:
        done.append(1)
        if len(done) == 3:
            raise ToolMissing("cannot go on: the GPU is lost; start again")
        return segment(self, source)

    monkeypatch.setattr(Segmenter, "segment", failing)
    code, document, rows, _ = run(segmenter, FILE, PlayedCamera(frame(number) for number in range(9)), tmp_path)
    assert (code, document["ended"], len(rows)) == (3, "failed", 2)
    left = set(threading.enumerate()) - before
    assert [thread.name for thread in left if thread.name.startswith("skinseg-")] == []


def test_a_recording_that_cannot_be_played_leaves_no_rows_either(
    segmenter: Segmenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OutputRefused("cannot write drawn.avi: not all are in the file")

    monkeypatch.setattr("skinseg_runtime.video.recording.Recording._check_playable", full)
    clip = PlayedCamera((frame(number) for number in range(3)), rate=10, announced=3)
    with pytest.raises(OutputRefused, match="not all are in the file"):
        run(segmenter, FILE, clip, tmp_path / "out", StreamOptions(record=tmp_path / "out" / "drawn.avi"))
    assert not (tmp_path / "out").exists()


def test_each_lesion_of_a_frame_is_measured_once(
    segmenter: Segmenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[object] = []

    def counted(region: NDArray[np.uint8], polygon: NDArray[np.float32]) -> Shape:
        measured.append(region)
        return shape_of(region, polygon)

    monkeypatch.setattr("skinseg_runtime.measurements.regions.shape_of", counted)
    clip = PlayedCamera((frame(number) for number in range(3)), rate=10, announced=3)
    rows = run(segmenter, FILE, clip, tmp_path)[2]
    lesions = [lesion for row in rows if isinstance(found := row["lesions"], list) for lesion in found]
    assert len(measured) == len(lesions) == 3
    assert all(lesion["colour"] is not None for lesion in lesions)


def test_a_full_disk_is_refused_and_leaves_nothing(
    segmenter: Segmenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OutputRefused("cannot write frames.jsonl: the disk is full")

    monkeypatch.setattr("skinseg_runtime.video.frame_rows.FrameRows.add", full)
    with pytest.raises(OutputRefused, match="the disk is full"):
        run(segmenter, FILE, PlayedCamera([frame(0), frame(1)]), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_results_of_an_earlier_run_are_kept_without_force(segmenter: Segmenter, tmp_path: Path) -> None:
    run(segmenter, FILE, PlayedCamera([frame(0)]), tmp_path)
    with pytest.raises(OutputRefused, match="add --force"):
        run(segmenter, FILE, PlayedCamera([frame(0)]), tmp_path)
    _, _, rows, _ = run(segmenter, FILE, PlayedCamera([frame(0), frame(1)]), tmp_path, force=True)
    assert len(rows) == 2
    with pytest.raises(InputError, match="it is the video that is read"):
        run(
            segmenter,
            replace(FILE, address=str(tmp_path / "a.avi")),
            PlayedCamera([frame(0)]),
            tmp_path / "else",
            StreamOptions(record=tmp_path / "a.avi"),
        )


def test_a_network_camera_that_hangs_up_is_called_again(
    segmenter: Segmenter, tmp_path: Path, network_camera: str, capsys: pytest.CaptureFixture[str]
) -> None:
    patience = Patience(in_all=20, first_wait=0.01, longest_wait=0.1)
    stream, options = stream_from(f"{network_camera}/breaks.mjpg"), StreamOptions(max_frames=12)
    ui = Ui("skinseg-run", "skinseg.run/1", json=True)
    assert run_stream(ui, segmenter, stream, options, tmp_path, model={}, patience=patience) == 0
    counts = counts_of(json.loads(capsys.readouterr().out))
    assert counts["segmented"] == 12
    assert counts["reconnects"] >= 1
    for number, centroid in centroids(rows_of(tmp_path)):
        assert isinstance(number, int)
        assert centroid == pytest.approx(centre_of(number % 8), abs=2.5)  # eight a call; JPEG blurs the border


def test_a_file_that_ends_before_its_header_says_is_warned_of(segmenter: Segmenter, tmp_path: Path) -> None:
    code, _, rows, told = run(segmenter, FILE, PlayedCamera([frame(0)] * 4, announced=30), tmp_path)
    assert (code, len(rows)) == (0, 4)
    assert "clip.avi ended after 4 frames, its header announces 30: it is cut off or damaged" in told
