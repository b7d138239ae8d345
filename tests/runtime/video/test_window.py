"""The window, with OpenCV's own functions for one replaced: the OpenCV that is tested here has none."""

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_edge.command_line import Ui
from skinseg_runtime import Segmenter
from skinseg_runtime.video import StreamOptions, run_stream
from skinseg_runtime.video.reader import Patience
from skinseg_runtime.video.stream_names import Stream
from skinseg_runtime.video.window import Window
from tests.runtime.tiny_bundle import write_bundle
from tests.runtime.video.drawn_clips import PlayedCamera, frame

CAMERA = Stream("camera", "0", "camera:0")


class Screen:
    """Takes what is shown; *key* is pressed once *after* frames were shown, and *visible* says whether it is open."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, key: str = "q", after: int = 1) -> None:
        self.shown: list[NDArray[np.uint8]] = []
        self.visible = 1.0
        self._key, self._after = key, after
        monkeypatch.setattr("skinseg_runtime.video.window.check_window", lambda: None)
        monkeypatch.setattr(cv2, "imshow", lambda _title, pixels: self.shown.append(pixels))
        monkeypatch.setattr(cv2, "waitKey", self._wait_key)
        monkeypatch.setattr(cv2, "getWindowProperty", lambda _title, _name: self.visible)
        monkeypatch.setattr(cv2, "destroyAllWindows", lambda: None)

    def _wait_key(self, _ms: int) -> int:
        return ord(self._key) if len(self.shown) >= self._after else -1


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Segmenter]:
    with Segmenter.open(write_bundle(tmp_path_factory.mktemp("window") / "tiny.skinseg")) as opened:
        yield opened


def test_q_ends_a_live_stream_and_what_was_shown_was_drawn(
    segmenter: Segmenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    screen = Screen(monkeypatch, after=3)
    camera = PlayedCamera([frame(0)] * 100_000, before_grab=lambda _: camera.closed.wait(0.005))
    code = run_stream(
        Ui("skinseg-run", "skinseg.run/1", json=True),
        segmenter,
        CAMERA,
        StreamOptions(display=True),
        tmp_path,
        model={},
        opens=lambda _stream, _limit: camera,
        patience=Patience(),
    )
    document = json.loads(capsys.readouterr().out)
    assert (code, document["ended"], camera.closed.is_set()) == (0, "closed in the window", True)
    assert document["frames"]["segmented"] >= len(screen.shown) >= 3
    turquoise_in_bgr = screen.shown[0].astype(int)
    assert (np.abs(turquoise_in_bgr - (224, 240, 92)).sum(axis=2) < 60).any()


def test_a_window_that_was_closed_by_hand_ends_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(monkeypatch, key="x")
    window = Window("skinseg-run: camera:0")
    screen.visible = 0.0
    assert not window.is_ended()  # nothing is shown yet, so nothing was closed
    window.show(frame(0))
    assert window.is_ended()
    screen.visible = 1.0
    assert not window.is_ended()


def test_a_frame_larger_than_a_screen_is_made_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(monkeypatch)
    window = Window("skinseg-run: camera:0")
    window.show(np.zeros((3000, 4000, 3), np.uint8))
    window.show(np.zeros((480, 640, 3), np.uint8))
    assert [pixels.shape[:2] for pixels in screen.shown] == [(960, 1280), (480, 640)]
