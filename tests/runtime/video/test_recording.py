"""Recordings: whole or not at all, in time, and playable."""

import errno
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_edge.errors import InputError, OutputRefused
from skinseg_runtime.video.recording import Recording
from tests.runtime.video.drawn_clips import frame, frames_in


def test_nothing_stands_there_until_it_is_whole(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "deep" / "out.mp4", 10, keeps_time=False, force=False)
    for number in range(6):
        recording.add(frame(number), number / 10)
    assert not (tmp_path / "deep" / "out.mp4").exists()
    assert recording.publish() == tmp_path / "deep" / "out.mp4"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out.mp4"]
    assert len(frames_in(tmp_path / "deep" / "out.mp4")) == 6


def test_what_is_discarded_leaves_nothing(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "out.avi", 10, keeps_time=False, force=False)
    recording.add(frame(0), 0)
    recording.discard()
    recording.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_live_recording_keeps_the_clock_where_frames_were_dropped(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "out.avi", 10, keeps_time=True, force=False)
    for time_s in (0.0, 0.02, 0.1, 0.5, 1.0):  # the second comes sooner than the file has room for
        recording.add(frame(0), time_s)
    recording.publish()
    assert len(frames_in(tmp_path / "out.avi")) == 11  # one second and the frame at its beginning


def test_a_long_gap_is_shortened_and_the_clock_goes_on_behind_it(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "out.avi", 2, keeps_time=True, force=False)
    for time_s in (0.0, 3600.0, 3600.5, 3601.0):
        recording.add(frame(0), time_s)
    recording.publish()
    assert len(frames_in(tmp_path / "out.avi")) == 1 + 20 + 2  # 10 s of the hour


def test_a_frame_of_another_size_is_fitted_between_black_borders(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "out.avi", 10, keeps_time=False, force=False)
    recording.add(np.full((97, 129, 3), 200, np.uint8), 0)
    recording.add(np.full((200, 100, 3), 200, np.uint8), 0.1)
    recording.publish()
    first, second = frames_in(tmp_path / "out.avi")
    assert first.shape == second.shape == (96, 128, 3)
    assert (first > 180).all()
    assert second[48, 64].min() > 180
    assert second[:, :30].max() < 40


def test_a_place_that_is_taken_or_cannot_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out.mp4").write_bytes(b"old")
    with pytest.raises(OutputRefused, match="add --force"):
        Recording(tmp_path / "out.mp4", 10, keeps_time=False, force=False)
    with pytest.raises(InputError, match=r"expected a name that ends with .mp4, .mkv, .avi"):
        Recording(tmp_path / "out.wmv", 10, keeps_time=False, force=False)

    def full(path: Path, *_: int) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr("skinseg_runtime.video.half_files.os.open", full)
    with pytest.raises(OutputRefused, match="the disk is full"):
        Recording(tmp_path / "new.mp4", 10, keeps_time=False, force=False).add(frame(0), 0)


def test_frames_that_the_writer_lost_without_a_word_are_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Losing:
        """Writes the first frame of each ten, as on a disk that is full at times."""

        def __init__(self, *arguments: object) -> None:
            self._inner, self._count = real(*arguments), 0

        def write(self, pixels: NDArray[np.uint8]) -> None:
            if self._count % 10 == 0:
                self._inner.write(pixels)
            self._count += 1

        def isOpened(self) -> bool:  # noqa: N802  # OpenCV's name
            return bool(self._inner.isOpened())

        def release(self) -> None:
            self._inner.release()

        fourcc = cv2.VideoWriter.fourcc

    real = cv2.VideoWriter
    monkeypatch.setattr("skinseg_runtime.video.recording.cv2.VideoWriter", Losing)
    recording = Recording(tmp_path / "out.avi", 10, keeps_time=False, force=False)
    for number in range(20):
        recording.add(frame(number), number / 10)
    with pytest.raises(OutputRefused, match="of 20 frames not all are in the file"):
        recording.publish()
    recording.discard()
    assert list(tmp_path.iterdir()) == []
