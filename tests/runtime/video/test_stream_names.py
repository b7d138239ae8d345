"""What counts as a video or a camera, and how each is named."""

from pathlib import Path

import pytest

from skinseg_edge.errors import FileMissing, InputError
from skinseg_runtime.video.csi_camera import csi_pipeline
from skinseg_runtime.video.stream_names import FrameSize, is_stream, stream_among, stream_from


@pytest.mark.parametrize("text", ["photo.jpg", "photos", "cameras.png", "gst.jpg", "rtsp.png", "a:b.jpg"])
def test_photos_and_folders_are_no_streams(text: str) -> None:
    assert not is_stream(text)


def test_a_folder_that_ends_like_a_video_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "visit.mp4").mkdir()
    assert not is_stream(str(tmp_path / "visit.mp4"))


def test_a_camera_may_be_asked_for_a_size_and_a_rate() -> None:
    assert stream_from("camera:2").size is None
    assert stream_from("camera:2@1280x720").size == FrameSize(1280, 720)
    asked = stream_from("csi:1@1280x720@60")
    assert (asked.kind, asked.address, asked.size) == ("csi", "1", FrameSize(1280, 720, 60))


@pytest.mark.parametrize("text", ["camera:", "camera:front", "camera:0@big", "csi:0@1280x720@", "camera:-1"])
def test_a_camera_without_a_number_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"expected a camera's number .* such as camera:0"):
        stream_from(text)


def test_a_pipeline_has_to_end_where_frames_are_taken() -> None:
    assert stream_from("gst: videotestsrc ! videoconvert ! appsink drop=true").address == (
        "videotestsrc ! videoconvert ! appsink drop=true"
    )
    with pytest.raises(InputError, match="has to end with appsink"):
        stream_from("gst: videotestsrc ! autovideosink")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("rtsp://nurse:s3cret@10.0.0.7:554/a", "rtsp://10.0.0.7:554/a"),
        ("rtsp://nurse:p@ss@10.0.0.7/a", "rtsp://10.0.0.7/a"),
        ("rtsp://nurse:s3cret!#/?@10.0.0.7/a", "rtsp://10.0.0.7/a"),
        ("rtsp://10.0.0.7:554/cam@1", "rtsp://10.0.0.7:554/cam@1"),
        ("rtsp://ward.example/cam@1", "rtsp://ward.example/cam@1"),
        ("http://10.0.0.7/video?user=n&pwd=s3cret&ch=1", "http://10.0.0.7/video?user=n&pwd=***&ch=1"),
        ("gst: rtspsrc location=rtsp://n:s3cret@h/a ! appsink", "gst: rtspsrc location=rtsp://h/a ! appsink"),
        ("gst: rtspsrc user-id=n user-pw=s3cret ! appsink", "gst: rtspsrc user-id=n user-pw=*** ! appsink"),
        ('gst: rtspsrc user-pw="s3 cret s3cret" ! appsink', "gst: rtspsrc user-pw=*** ! appsink"),
    ],
)
def test_a_password_is_used_and_never_told(text: str, name: str) -> None:
    stream = stream_from(text)
    assert stream.name == name
    assert stream.address in text
    with pytest.raises(InputError) as refused:
        stream_among([text, "photo.jpg"])
    assert "s3cret" not in str(refused.value)
    assert "p@ss" not in str(refused.value)


def test_a_file_waits_for_nobody_and_all_else_is_live(tmp_path: Path) -> None:
    (tmp_path / "clip.MOV").write_bytes(b"x")
    assert not stream_from(str(tmp_path / "clip.MOV")).is_live
    assert all(stream_from(text).is_live for text in ("camera:0", "csi:0", "rtsp://h/a", "gst: a ! appsink"))


def test_a_stream_comes_alone_and_photos_are_none(tmp_path: Path) -> None:
    assert stream_among(["a.jpg", "b.png"]) is None
    with pytest.raises(InputError, match=r"cannot segment camera:0 together with 1 more: expected one video or camera"):
        stream_among(["a.jpg", "camera:0"])
    with pytest.raises(FileMissing, match="there is no such file"):
        stream_among([str(tmp_path / "nowhere.mp4")])


def test_a_ribbon_camera_is_read_in_full_hd_where_nobody_asks_for_less() -> None:
    line = csi_pipeline(0)
    assert "sensor-id=0" in line
    assert "width=1920, height=1080, framerate=30/1" in line
    assert line.endswith("video/x-raw, format=BGR ! appsink drop=true max-buffers=1 sync=false")
    assert "width=640, height=480, framerate=30/1" in csi_pipeline(0, FrameSize(640, 480))
