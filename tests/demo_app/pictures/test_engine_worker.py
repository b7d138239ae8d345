"""The thread that owns the network: how it starts, fails, is asked and ends; and the line before it."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from skinseg_demo import DemoConfig
from skinseg_demo.engine_worker import EngineNotReady, EngineWorker
from skinseg_demo.waiting_line import QueueFull, WaitingLine
from skinseg_edge.errors import DeadlinePassed, DeviceLost
from skinseg_runtime.segmenter import Segmenter
from tests.demo_app.engines import wait_until_settled
from tests.demo_app.pictures.uploads import disc_photo
from tests.runtime.tiny_bundle import write_bundle


def _until(is_true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not is_true():
        assert time.monotonic() < end, "it did not come to that within a minute"
        time.sleep(0.002)


@pytest.fixture
def worker(bundle: Path, tmp_path: Path) -> Iterator[EngineWorker]:
    """A worker that is ready."""
    made = EngineWorker(DemoConfig(state=tmp_path, bundle=bundle, queue_places=2))
    made.start()
    wait_until_settled(made)
    yield made
    made.stop()


def test_before_it_starts_nothing_is_outlined_and_the_sentence_says_that_it_is_loading(tmp_path: Path) -> None:
    idle = EngineWorker(DemoConfig(state=tmp_path))

    assert (idle.state, idle.reason, idle.model) == ("starting", None, None)
    with pytest.raises(EngineNotReady, match="the network is being loaded; try again soon"):
        idle.run(lambda segmenter: segmenter.engine.name)


def test_it_outlines_and_tells_what_with(worker: EngineWorker) -> None:
    photo, mask = disc_photo()

    done = worker.run(lambda segmenter: segmenter.segment(photo))

    assert np.mean(done.value.mask == mask) > 0.99
    assert done.engine_ms > 0
    assert worker.model is not None
    assert (worker.model.name, worker.model.engine, worker.model.precision) == ("tiny", "onnxruntime", "fp32")
    assert len(worker.model.bundle_sha256) == 64


def test_all_work_is_done_on_one_thread(worker: EngineWorker) -> None:
    names = {worker.run(lambda _: threading.current_thread().name).value for _ in range(3)}

    assert names == {"skinseg-engine"}


def test_an_error_of_one_picture_reaches_who_asked_and_nobody_else(worker: EngineWorker) -> None:
    def broken(_: Segmenter) -> None:
        raise ZeroDivisionError("as a picture might")

    with pytest.raises(ZeroDivisionError, match="as a picture might"):
        worker.run(broken)

    assert worker.run(lambda _: "well").value == "well"
    assert worker.state == "ready"


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda folder: None, "no bundle was named; start skinseg-demo with one"),
        (lambda folder: folder / "no.skinseg", "no.skinseg"),
        (lambda folder: write_bundle(folder / "raw.skinseg", trained=False), "its network is untrained"),
    ],
    ids=["none", "missing", "untrained"],
)
def test_a_network_that_cannot_be_loaded_leaves_the_box_running_with_a_reason(
    make: Callable[[Path], Path | None], reason: str, tmp_path: Path
) -> None:
    failing = EngineWorker(DemoConfig(state=tmp_path, bundle=make(tmp_path)))
    failing.start()
    _until(lambda: failing.state == "failed")

    with pytest.raises(EngineNotReady, match=f"cannot outline pictures: the network could not be loaded: .*{reason}"):
        failing.check_ready()
    failing.stop()

    assert failing.reason is not None
    assert reason in failing.reason


def test_after_its_device_was_lost_the_network_is_loaded_again(worker: EngineWorker) -> None:
    def lose(_: Segmenter) -> None:
        raise DeviceLost("the GPU fell off the bus")

    with pytest.raises(DeviceLost):
        worker.run(lose)

    _until(lambda: worker.state == "ready")
    assert worker.run(lambda _: "again").value == "again"


def test_an_answer_that_does_not_come_in_time_is_given_up(worker: EngineWorker) -> None:
    is_held = threading.Event()
    with pytest.raises(DeadlinePassed, match=r"no answer came within 0\.05 s; send it again"):
        worker.run(lambda _: is_held.wait(60), deadline_s=0.05)
    is_held.set()

    assert worker.run(lambda _: "next").value == "next"


def test_a_live_frame_is_served_only_while_nobody_else_is(worker: EngineWorker) -> None:
    free = worker.run_if_idle(lambda _: "outlined")
    with worker.line.turn():
        busy = worker.run_if_idle(lambda _: "outlined")

    assert free is not None
    assert free.value == "outlined"
    assert busy is None


def test_what_was_asked_before_the_end_is_still_done(worker: EngineWorker) -> None:
    is_held, answers = threading.Event(), list[str]()
    first = threading.Thread(target=lambda: worker.run(lambda _: is_held.wait(60)))
    second = threading.Thread(target=lambda: answers.append(worker.run(lambda _: "done").value))
    first.start()
    second.start()
    _until(lambda: worker._jobs.qsize() == 1)
    ending = threading.Thread(target=worker.stop)
    ending.start()
    is_held.set()

    for thread in (first, second, ending):
        thread.join(60)

    assert answers == ["done"]
    assert not worker._thread.is_alive()


def test_the_line_sends_away_who_finds_no_place_and_says_when_to_come_back() -> None:
    line = WaitingLine(places=2, at_work=1)
    is_held, served = threading.Event(), list[float]()

    def wait() -> None:
        with line.turn() as waited_ms:
            is_held.wait(60)
            served.append(waited_ms)

    threads = [threading.Thread(target=wait) for _ in range(3)]
    for thread in threads:
        thread.start()
    _until(lambda: line.waiting == 2)

    with pytest.raises(QueueFull, match="2 others wait, which is the limit; send it again in 3 s") as full, line.turn():
        pass
    is_held.set()
    for thread in threads:
        thread.join(60)

    assert full.value.retry_after_s == 3
    assert len(served) == 3
    assert line.is_empty
    with line.turn():
        assert line.waiting == 0


def test_no_more_are_served_at_a_time_than_may() -> None:
    line = WaitingLine(places=20, at_work=2)
    lock, at_work, most = threading.Lock(), 0, 0

    def work() -> None:
        nonlocal at_work, most
        with line.turn():
            with lock:
                at_work += 1
                most = max(most, at_work)
            time.sleep(0.002)
            with lock:
                at_work -= 1

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert most == 2
