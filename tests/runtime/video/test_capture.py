"""What OpenCV opens, and in which words it is told that it does not."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from skinseg_edge.errors import PictureTooLarge, PictureUnreadable, ToolMissing
from skinseg_runtime.video.capture import OpenCvCapture, open_capture, rgb_from_frame
from skinseg_runtime.video.csi_camera import csi_pipeline
from skinseg_runtime.video.opencv_build import check_gstreamer, check_window
from skinseg_runtime.video.stream_names import FrameSize, stream_from
from tests.runtime.video.drawn_clips import HW, centre_of, frame, write_clip

_LIMIT = 1_000_000


@pytest.mark.parametrize("name", ["clip.avi", "clip.mp4"])
def test_a_clip_is_read_frame_by_frame_with_its_times(tmp_path: Path, name: str) -> None:
    path = write_clip(tmp_path / name, (frame(number) for number in range(5)), rate=10)
    capture = open_capture(stream_from(str(path)), _LIMIT)
    times: list[float | None] = []
    marked: list[bool] = []
    while capture.grab():
        times.append(capture.position_s())
        pixels = capture.retrieve()
        assert pixels is not None
        x, y = centre_of(len(marked))
        marked.append(bool((pixels[y, x].astype(int) < 100).all() and (pixels[5, 5].astype(int) > 130).all()))
    capture.close()
    assert times == pytest.approx([0, 0.1, 0.2, 0.3, 0.4], abs=1e-3)
    assert marked == [True] * 5
    assert (capture.rate, capture.announced_frames) == (10, 5)


def test_colours_come_as_rgb(tmp_path: Path) -> None:
    red = np.zeros((*HW, 3), np.uint8)
    red[..., 0] = 220
    capture = open_capture(stream_from(str(write_clip(tmp_path / "red.avi", [red]))), _LIMIT)
    assert capture.grab()
    pixels = capture.retrieve()
    capture.close()
    assert pixels is not None
    assert pixels.mean(axis=(0, 1)) == pytest.approx([220, 0, 0], abs=6)


@pytest.mark.parametrize("content", [b"", b"This is a letter and no video.\n" * 100])
def test_a_file_that_only_ends_like_a_video_is_refused_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "clip.mp4").write_bytes(content)
    with pytest.raises(PictureUnreadable, match=r"clip.mp4 as a video: it is empty, cut off, or of no format"):
        open_capture(stream_from(str(tmp_path / "clip.mp4")), _LIMIT)


def test_an_mp4_whose_end_is_missing_is_refused(tmp_path: Path) -> None:
    whole = write_clip(tmp_path / "whole.mp4", (frame(number) for number in range(20))).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(PictureUnreadable, match="cut off"):
        open_capture(stream_from(str(tmp_path / "cut.mp4")), _LIMIT)


def test_a_playlist_that_calls_itself_a_video_opens_no_other_file(tmp_path: Path) -> None:
    secret = write_clip(tmp_path / "secret.avi", [frame(0)])
    (tmp_path / "list.mp4").write_text(f"ffconcat version 1.0\nfile '{secret}'\n", encoding="utf-8")
    with pytest.raises(PictureUnreadable):
        open_capture(stream_from(str(tmp_path / "list.mp4")), _LIMIT)


def test_frames_above_the_limit_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "large.avi", [frame(0)])
    with pytest.raises(PictureTooLarge, match=r"128 x 96 pixels, the limit is 1,000; scale it down"):
        open_capture(stream_from(str(path)), 1000)


def test_a_camera_that_is_not_there_is_told() -> None:
    with pytest.raises(ToolMissing, match=r"cannot open camera:97: "):
        open_capture(stream_from("camera:97"), _LIMIT)


def test_an_address_where_nobody_answers_is_told_without_its_password() -> None:
    # Port 9 of this machine: refused at once.
    with pytest.raises(ToolMissing, match=r"cannot open rtsp://127.0.0.1:9/a: it does not open; check address"):
        open_capture(stream_from("rtsp://nurse:s3cret@127.0.0.1:9/a"), _LIMIT)


def test_pixels_of_other_kinds_become_rgb_or_nothing() -> None:
    grey = np.full((4, 6), 7, np.uint8)
    assert np.array_equal(rgb_from_frame(grey), np.full((4, 6, 3), 7))  # type: ignore[arg-type]  # None would fail, too
    bgra = np.dstack([grey, grey + 1, grey + 2, grey])
    found = rgb_from_frame(bgra)
    assert found is not None
    assert found[0, 0].tolist() == [9, 8, 7]
    assert rgb_from_frame(grey.astype(np.uint16)) is None  # a thermal camera's levels
    assert rgb_from_frame(np.zeros((0, 0, 3), np.uint8)) is None


def test_a_header_of_nonsense_leaves_rate_and_length_unknown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    capture = cv2.VideoCapture(str(write_clip(tmp_path / "a.avi", [frame(0)])))

    class Nonsense:
        def get(self, name: int) -> float:
            return {cv2.CAP_PROP_FPS: 90_000.0, cv2.CAP_PROP_FRAME_COUNT: -9.2e18}.get(name, capture.get(name))

    opened = OpenCvCapture(Nonsense())  # type: ignore[arg-type]  # only `get` is asked
    assert (opened.rate, opened.announced_frames) == (None, None)


def test_without_gstreamer_its_streams_are_refused_with_a_way_out() -> None:
    check_gstreamer("csi:0", "  Video I/O:\n    GStreamer:                   YES (1.20.3)\n")
    with pytest.raises(ToolMissing, match=r"cannot open csi:0: .* without GStreamer.*python3-opencv"):
        check_gstreamer("csi:0", "  Video I/O:\n    GStreamer:                   NO\n")


def test_a_window_needs_an_opencv_that_has_some_and_a_screen() -> None:
    with_qt = "  GUI:                           QT5\n    QT:                          YES (ver 5.15.19 )\n"
    headless = "  GUI:                           NONE\n    VTK support:                 NO\n"
    check_window(with_qt, {"DISPLAY": ":0"}, "linux")
    check_window(with_qt, {}, "darwin")
    with pytest.raises(ToolMissing, match="pip uninstall opencv-python-headless"):
        check_window(headless, {"DISPLAY": ":0"}, "linux")
    with pytest.raises(ToolMissing, match="there is no screen"):
        check_window(with_qt, {}, "linux")


class _Camera:
    """Stands in for cv2.VideoCapture of a real camera: remembers what it was asked for, in order."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, float]] = []

    def isOpened(self) -> bool:  # noqa: N802  # OpenCV's name
        return True

    def set(self, name: int, value: float) -> bool:
        self.asked.append((name, value))
        return True

    def get(self, name: int) -> float:
        return {cv2.CAP_PROP_FRAME_WIDTH: 1280.0, cv2.CAP_PROP_FRAME_HEIGHT: 720.0, cv2.CAP_PROP_FPS: 30.0}.get(
            name, -1
        )


def test_a_camera_is_asked_for_jpeg_before_its_size_and_for_no_queue_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    camera = _Camera()
    opened: list[tuple[object, ...]] = []

    def open_it(*arguments: object) -> _Camera:
        opened.append(arguments)
        return camera

    monkeypatch.setattr(cv2, "VideoCapture", open_it)
    monkeypatch.setattr("skinseg_runtime.video.capture._check_plugged", lambda _: None)
    capture = open_capture(stream_from("camera:3@1280x720@60"), _LIMIT)
    assert (capture.rate, capture.announced_frames) == (30.0, None)
    assert opened[0][0] == 3
    assert camera.asked == [
        (cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG")),
        (cv2.CAP_PROP_FRAME_WIDTH, 1280),
        (cv2.CAP_PROP_FRAME_HEIGHT, 720),
        (cv2.CAP_PROP_FPS, 60),
        (cv2.CAP_PROP_BUFFERSIZE, 1),
    ]


def test_a_ribbon_camera_goes_through_gstreamer(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[tuple[object, ...]] = []

    def open_it(*arguments: object) -> _Camera:
        opened.append(arguments)
        return _Camera()

    monkeypatch.setattr(cv2, "VideoCapture", open_it)
    monkeypatch.setattr("skinseg_runtime.video.capture.check_gstreamer", lambda _: None)
    open_capture(stream_from("csi:1@1280x720"), _LIMIT)
    open_capture(stream_from("gst: videotestsrc ! appsink"), _LIMIT)
    assert opened == [
        (csi_pipeline(1, FrameSize(1280, 720)), cv2.CAP_GSTREAMER),
        ("videotestsrc ! appsink", cv2.CAP_GSTREAMER),
    ]
