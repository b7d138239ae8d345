"""The reading thread: what it drops, skips and numbers, when it comes back, and when it gives up."""

import logging
import threading
from collections.abc import Callable

import pytest

from skinseg_edge.errors import DeadlinePassed, PictureUnreadable, ToolMissing
from skinseg_runtime.video.capture import Capture
from skinseg_runtime.video.frames import Frame
from skinseg_runtime.video.reader import Patience, Reader
from skinseg_runtime.video.slot import Slot
from skinseg_runtime.video.stream_names import Stream
from tests.runtime.video.drawn_clips import PlayedCamera, frame

CAMERA = Stream("camera", "0", "camera:0")
FILE = Stream("file", "/clip.mp4", "clip.mp4")
NETWORK = Stream("network", "rtsp://h/a", "rtsp://h/a")
HASTY = Patience(in_all=0.3, first_wait=0.01, longest_wait=0.04)


def _never() -> Capture:
    raise AssertionError("nothing was lost, so nothing is opened again")


def collected(
    stream: Stream,
    capture: Capture,
    opens: Callable[[], Capture] = _never,
    *,
    drops: bool = False,
    every: int = 1,
    most: int | None = None,
) -> tuple[Reader, list[Frame], BaseException | None]:
    """Run a reader to its end while another thread takes every frame."""
    slot: Slot[Frame] = Slot()
    reader = Reader(
        stream, capture, opens, slot, threading.Event(), every=every, drops=drops, most=most, patience=HASTY
    )
    taken: list[Frame] = []

    def take() -> None:
        while (one := slot.take()) is not None:
            taken.append(one)

    thread = threading.Thread(target=take)
    thread.start()
    error: BaseException | None = None
    try:
        reader.run()
    except Exception as raised:  # noqa: BLE001  # whatever it is, the test looks at it
        error = raised
    thread.join(5)
    return reader, taken, error


def test_a_file_gives_every_frame_in_order_with_rising_times() -> None:
    capture = PlayedCamera((frame(number) for number in range(12)), rate=20)
    reader, taken, error = collected(FILE, capture)
    assert error is None
    assert [one.number for one in taken] == list(range(12))
    assert [one.time_s for one in taken] == pytest.approx([number / 20 for number in range(12)])
    assert (reader.counts.read, reader.counts.dropped, capture.closed.is_set()) == (12, 0, True)


def test_each_third_frame_keeps_its_number() -> None:
    reader, taken, _ = collected(FILE, PlayedCamera(frame(number) for number in range(8)), every=3)
    assert [one.number for one in taken] == [0, 3, 6]
    assert reader.counts.skipped == 5


def test_a_file_is_read_no_further_than_is_asked_for() -> None:
    reader, taken, _ = collected(FILE, PlayedCamera(frame(number) for number in range(9)), most=4)
    assert (len(taken), reader.counts.read) == (4, 4)


def test_a_damaged_frame_is_counted_and_the_next_ones_come() -> None:
    reader, taken, error = collected(FILE, PlayedCamera([frame(0), None, frame(2)]))
    assert (error, [one.number for one in taken], reader.counts.unreadable) == (None, [0, 2], 1)


def test_a_file_that_holds_no_frame_is_refused() -> None:
    for frames in ([], [None, None]):
        _, _, error = collected(FILE, PlayedCamera(frames))
        assert isinstance(error, PictureUnreadable)
        assert "it opens and holds no frame" in str(error)


def test_a_camera_that_is_unplugged_says_how_far_it_came() -> None:
    _, taken, error = collected(CAMERA, PlayedCamera([frame(0), frame(1)]))
    assert isinstance(error, ToolMissing)
    assert "cannot go on with camera:0: it gave 2 frames and then no more" in str(error)
    assert len(taken) == 2


def test_an_address_that_breaks_off_is_opened_again_and_numbers_go_on(caplog: pytest.LogCaptureFixture) -> None:
    stop = threading.Event()
    attempts: list[Capture | None] = [None, None, PlayedCamera([frame(2), frame(3)], announced=None)]

    def opens() -> Capture:
        if not attempts:
            stop.set()
            raise ToolMissing("cannot open rtsp://h/a: it does not open")
        capture = attempts.pop(0)
        if capture is None:
            raise ToolMissing("cannot open rtsp://h/a: it does not open")
        return capture

    slot: Slot[Frame] = Slot()
    reader = Reader(NETWORK, PlayedCamera([frame(0), frame(1)]), opens, slot, stop, drops=True, patience=HASTY)
    with caplog.at_level(logging.WARNING, "skinseg_runtime"):
        reader.run()
    assert (reader.counts.read, reader.counts.reconnects) == (4, 1)
    waits = [record.args[1] for record in caplog.records if isinstance(record.args, tuple)]
    assert waits[:3] == [0.01, 0.02, 0.04]  # growing
    assert waits[3] == 0.01  # a frame came in between, so patience begins anew
    left = slot.take()
    assert left is not None
    assert left.number == 3


def test_an_address_that_stays_away_is_given_up() -> None:
    def opens() -> Capture:
        raise ToolMissing("cannot open rtsp://h/a: it does not open")

    _, taken, error = collected(NETWORK, PlayedCamera([frame(0)]), opens, drops=True)
    assert isinstance(error, DeadlinePassed)
    assert "it has sent nothing for" in str(error)
    assert len(taken) == 1


def test_an_address_that_opens_and_sends_nothing_is_given_up_too() -> None:
    _, _, error = collected(NETWORK, PlayedCamera([frame(0)]), lambda: PlayedCamera([]), drops=True)
    assert isinstance(error, DeadlinePassed)


def test_a_film_behind_an_address_has_an_end() -> None:
    _, taken, error = collected(NETWORK, PlayedCamera([frame(0), frame(1)], announced=2), drops=False)
    assert (error, len(taken)) == (None, 2)


def test_a_call_that_hangs_is_seen_from_outside() -> None:
    capture = PlayedCamera([], hangs=True)
    reader = Reader(CAMERA, capture, _never, Slot(), threading.Event(), drops=True, patience=HASTY)
    assert reader.stuck_s == 0

    def read() -> None:
        with pytest.raises(ToolMissing):
            reader.run()

    thread = threading.Thread(target=read)
    thread.start()
    while reader.stuck_s < 0.05:
        thread.join(0.01)
        assert thread.is_alive()
    capture.close()
    thread.join(5)
    assert reader.stuck_s == 0


def test_a_file_played_at_its_own_speed_takes_as_long_as_it_lasts() -> None:
    class Watch(threading.Event):
        """An event whose waits take no time."""

        def __init__(self) -> None:
            super().__init__()
            self.waits: list[float] = []

        def wait(self, timeout: float | None = None) -> bool:
            self.waits.append(timeout or 0.0)
            return False

    watch = Watch()
    capture = PlayedCamera((frame(number) for number in range(4)), rate=20)
    Reader(FILE, capture, _never, Slot(), watch, drops=True, paced=True).run()
    assert watch.waits == pytest.approx([0, 0.05, 0.1, 0.15], abs=0.04)
