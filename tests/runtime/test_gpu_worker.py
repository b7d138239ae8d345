"""One thread serves all callers in order; what is late, too much or lost is told in a sentence."""

import gc
import os
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace

import pytest

from skinseg_edge.errors import DeadlinePassed, DeviceBusy, DeviceLost, DeviceUnready, ToolMissing
from skinseg_runtime import gpu_queue, gpu_worker
from skinseg_runtime.cuda_memory.device import CudaFault
from skinseg_runtime.gpu_losses import GpuUse
from skinseg_runtime.gpu_queue import WorkQueue
from skinseg_runtime.gpu_worker import GpuWorker, Queueing, Ticket

LOST = CudaFault("cudaStreamSynchronize", "cudaErrorIllegalAddress", is_sticky=True)


class Session:
    """What a worker owns in these tests: it knows its thread and is given back once."""

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self.given_back_by: list[int] = []

    def give_back(self) -> None:
        self.given_back_by.append(threading.get_ident())


@contextmanager
def worker_open(waiting: int = 64) -> Iterator[GpuWorker[Session]]:
    worker = GpuWorker(Session, Session.give_back, name="the test engine", waiting=waiting)
    try:
        yield worker
    finally:
        worker.close()


@contextmanager
def worker_held(worker: GpuWorker[Session]) -> Iterator[None]:
    """Keep the worker's thread in one piece of work until the block ends."""
    begun, may_end = threading.Event(), threading.Event()

    def hold(_session: Session) -> None:
        begun.set()
        may_end.wait()

    worker.submit(hold)
    begun.wait()
    try:
        yield
    finally:
        may_end.set()


def note(done: list[int], place: int, _session: Session) -> None:
    done.append(place)


def squared(number: int, _session: Session) -> int:
    return number * number


def look_at(_picture: object, _session: Session) -> None:
    pass


def raising(error: BaseException, worker: GpuWorker[Session]) -> None:
    def work(_session: Session) -> None:
        raise error

    worker.call(work)


def test_all_work_is_done_on_the_one_thread_that_made_the_session() -> None:
    with worker_open() as worker:
        seen: set[tuple[int, int]] = set()

        def call() -> None:
            seen.add(worker.call(lambda session: (session.thread, threading.get_ident())))

        callers = [threading.Thread(target=call) for _ in range(8)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
    ((made_on, worked_on),) = seen
    assert made_on == worked_on != threading.get_ident()


def test_work_is_done_in_the_order_in_which_it_came() -> None:
    done: list[int] = []
    with worker_open() as worker:
        with worker_held(worker):
            tickets = [worker.submit(partial(note, done, place)) for place in range(20)]
        for ticket in tickets:
            ticket.result()
    assert done == list(range(20))


def test_each_ticket_brings_its_own_answer_in_whatever_order_it_is_asked() -> None:
    with worker_open() as worker:
        tickets = [worker.submit(partial(squared, place)) for place in range(10)]
        assert [ticket.result() for ticket in reversed(tickets)] == [place * place for place in reversed(range(10))]
        assert tickets[3].result() == 9


def test_the_session_is_given_back_once_by_its_own_thread() -> None:
    with worker_open() as worker:
        session = worker.call(lambda session: session)
        worker.close()
        worker.close()
    assert session.given_back_by == [session.thread]


def test_what_the_start_raises_reaches_the_one_who_opens() -> None:
    def start() -> Session:
        raise OSError("no such device")

    with pytest.raises(OSError, match="no such device"):
        GpuWorker(start, Session.give_back, name="the test engine")


def test_a_start_without_memory_says_what_to_do() -> None:
    def start() -> Session:
        raise CudaFault("cudaMalloc", "cudaErrorMemoryAllocation")

    expected = (
        "cannot run the test engine: cudaMalloc failed with cudaErrorMemoryAllocation; "
        "free memory of the GPU or send fewer pictures at once, and try again"
    )
    with pytest.raises(DeviceUnready, match=expected):
        GpuWorker(start, Session.give_back, name="the test engine")


def test_a_first_worker_that_cannot_start_says_why_and_not_that_somebody_forked() -> None:
    # In an interpreter of its own: in pytest's another worker has had its turn, and that hides it.
    code = """
from skinseg_edge.errors import ToolMissing
from skinseg_runtime.cuda_memory.device import CudaFault
from skinseg_runtime.gpu_worker import GpuWorker
def fail(error):
    raise error
for error in (ToolMissing("no driver"), CudaFault("cudaMalloc", "cudaErrorMemoryAllocation")):
    try:
        GpuWorker(lambda: fail(error), object, name="the test engine")
    except Exception as met:
        print(type(met).__name__, met)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert ended.stdout.splitlines() == [
        "ToolMissing no driver",
        "DeviceUnready cannot run the test engine: cudaMalloc failed with cudaErrorMemoryAllocation; free memory of "
        "the GPU or send fewer pictures at once, and try again",
    ]


def test_a_gpu_that_is_lost_while_a_worker_starts_is_lost_to_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_worker, "_USE", GpuUse())

    def start(error: Exception) -> Session:
        raise error

    with pytest.raises(DeviceLost):
        GpuWorker(partial(start, LOST), Session.give_back, name="the test engine")
    refused = ToolMissing(
        "cannot use the GPU: cuInit failed with cudaErrorIllegalAddress; see whether nvidia-smi works"
    )
    with pytest.raises(DeviceLost, match="end this process and start it again"):
        GpuWorker(partial(start, refused), Session.give_back, name="the test engine")


def test_what_one_piece_of_work_raises_concerns_nobody_else() -> None:
    with worker_open() as worker:
        with pytest.raises(ZeroDivisionError):
            raising(ZeroDivisionError(), worker)
        with pytest.raises(DeviceUnready, match=r"cudaErrorInvalidValue; run skinseg-doctor"):
            raising(CudaFault("cudaMemcpyAsync", "cudaErrorInvalidValue"), worker)
        assert worker.call(lambda _session: "alive") == "alive"


def test_even_an_exit_inside_the_work_leaves_the_worker_alive() -> None:
    with worker_open() as worker:
        with pytest.raises(SystemExit):
            raising(SystemExit(3), worker)
        assert worker.call(lambda _session: "alive") == "alive"


def test_one_request_more_than_may_wait_is_refused_at_once() -> None:
    with worker_open(waiting=2) as worker, worker_held(worker):
        for _ in range(2):
            worker.submit(lambda _session: None)
        expected = "cannot take another request: 2 wait for the test engine, as many as may; send fewer"
        with pytest.raises(DeviceBusy, match=expected):
            worker.submit(lambda _session: None)


def test_requests_that_are_late_already_keep_no_place_from_new_ones() -> None:
    with worker_open(waiting=1) as worker, worker_held(worker):
        late = worker.submit(lambda _session: None, deadline_s=1e-6)
        while not late.done:
            time.sleep(0.001)
        worker.submit(lambda _session: None)
        with pytest.raises(DeadlinePassed):
            late.result()


def test_work_whose_deadline_passes_while_it_waits_is_never_done() -> None:
    done: list[str] = []
    with worker_open() as worker:
        with worker_held(worker):
            expected = r"the test engine gave no answer within 0\.01 s, others were before it; allow a longer deadline"
            with pytest.raises(DeadlinePassed, match=expected):
                worker.call(lambda _session: done.append("late"), deadline_s=0.01)
        worker.call(lambda _session: done.append("in time"))
    assert done == ["in time"]


def test_the_deadline_passes_while_the_work_runs_and_the_answer_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(gpu_queue, "time", SimpleNamespace(monotonic=lambda: now[0]))
    begun, may_end = threading.Event(), threading.Event()

    class Answer:
        pass

    answers: list[weakref.ref[Answer]] = []

    def work(_session: Session) -> Answer:
        begun.set()
        may_end.wait()
        answer = Answer()
        answers.append(weakref.ref(answer))
        return answer

    with worker_open() as worker:
        ticket = worker.submit(work, deadline_s=5)
        begun.wait()
        assert not ticket.done
        now[0] = 6.0
        with pytest.raises(DeadlinePassed, match="the GPU was still working on it"):
            ticket.result()
        may_end.set()
        worker.call(lambda _session: None)  # so that the late work has ended
        gc.collect()
        assert answers[0]() is None
        with pytest.raises(DeadlinePassed):
            ticket.result()


def test_a_clock_that_is_set_back_moves_no_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    wall_clock = iter(range(10**9, 0, -3600))
    monkeypatch.setattr(time, "time", lambda: float(next(wall_clock)))
    with worker_open() as worker:
        with worker_held(worker), pytest.raises(DeadlinePassed):
            worker.call(lambda _session: None, deadline_s=0.01)
        assert worker.call(lambda _session: "in time", deadline_s=60) == "in time"


def test_after_a_sticky_error_nobody_waits_for_ever() -> None:
    expected = (
        "cannot use the test engine: cudaStreamSynchronize failed with cudaErrorIllegalAddress, after which no CUDA "
        "call of this process succeeds any more; end this process and start it again (under systemd: systemctl restart"
    )
    with worker_open() as worker:
        with worker_held(worker):
            tickets = [worker.submit(fail_sticky), *(worker.submit(lambda _session: None) for _ in range(5))]
        for ticket in tickets:
            with pytest.raises(DeviceLost) as met:
                ticket.result()
            assert str(met.value).startswith(expected)
        with pytest.raises(DeviceLost, match="end this process"):
            worker.submit(lambda _session: None)


def fail_sticky(_session: Session) -> None:
    raise LOST


def test_a_new_worker_in_a_process_that_lost_its_gpu_says_the_same() -> None:
    with worker_open() as worker, pytest.raises(DeviceLost):
        worker.call(fail_sticky)

    def start() -> Session:
        raise ToolMissing(
            "cannot use the GPU: cuInit failed with cudaErrorIllegalAddress; see whether nvidia-smi works"
        )

    with pytest.raises(DeviceLost, match="end this process and start it again"):
        GpuWorker(start, Session.give_back, name="the test engine")


def test_what_has_nothing_to_do_with_a_lost_gpu_is_told_as_it_is() -> None:
    with worker_open() as worker, pytest.raises(DeviceLost):
        worker.call(fail_sticky)

    def start() -> Session:
        raise ToolMissing("cannot use TensorRT: Python finds no tensorrt")

    with pytest.raises(ToolMissing, match="Python finds no tensorrt"):
        GpuWorker(start, Session.give_back, name="the test engine")


def test_a_session_of_a_lost_gpu_is_not_touched_again() -> None:
    with worker_open() as worker:
        session = worker.call(lambda session: session)
        with pytest.raises(DeviceLost):
            worker.call(fail_sticky)
    assert session.given_back_by == []


def test_what_waits_when_the_worker_is_closed_is_told_so() -> None:
    with worker_open() as worker:
        with worker_held(worker):
            ticket = worker.submit(lambda _session: None)
            closing = threading.Thread(target=worker.close)
            closing.start()
            with pytest.raises(ValueError, match="the test engine is closed"):
                ticket.result()
        closing.join()
        with pytest.raises(ValueError, match="the test engine is closed"):
            worker.call(lambda _session: None)


def test_a_worker_that_hangs_is_left_behind_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with worker_open() as worker, worker_held(worker):
        worker.close(timeout=0.01)
        assert "the test engine still works after 0.01 s" in caplog.text


def test_a_session_that_cannot_be_given_back_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def stop(_session: Session) -> None:
        raise CudaFault("cudaFree", "cudaErrorInvalidValue")

    GpuWorker(Session, stop, name="the test engine").close()
    assert "the test engine could not be closed in order: cudaFree failed" in caplog.text


def test_work_may_close_its_own_worker() -> None:
    with worker_open() as worker:
        worker.call(lambda _session: worker.close())
        with pytest.raises(ValueError, match="is closed"):
            worker.call(lambda _session: None)


def test_a_worker_that_nobody_holds_gives_its_session_back() -> None:
    given_back = threading.Event()
    worker = GpuWorker(Session, lambda _session: given_back.set(), name="the test engine")
    del worker
    gc.collect()
    assert given_back.wait(60)


def test_an_idle_worker_holds_nobodys_pictures() -> None:
    class Picture:
        pass

    picture = Picture()
    seen = weakref.ref(picture)
    with worker_open() as worker:
        worker.call(partial(look_at, picture))
        del picture
        worker.call(lambda _session: None)
        gc.collect()
        assert seen() is None


def test_ctrl_c_in_a_caller_drops_its_work_and_leaves_the_worker_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def interrupt(_ticket: Ticket[object]) -> None:
        raise KeyboardInterrupt

    with worker_open() as worker:
        with worker_held(worker), monkeypatch.context() as patched:
            patched.setattr(Ticket, "result", interrupt)
            with pytest.raises(KeyboardInterrupt):
                worker.call(lambda _session: done.append("interrupted"))
        assert worker.call(lambda _session: "alive") == "alive"
    assert done == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_is_told_to_open_its_own() -> None:
    # In an interpreter of its own: pytest's has threads, and Python 3.12 warns of forks beside those.
    code = """
import os, sys, warnings
warnings.simplefilter("ignore")
from skinseg_runtime.cuda_memory.device import CudaFault
from skinseg_runtime.gpu_worker import GpuWorker
def fail():
    raise CudaFault("cuInit", "cudaErrorInitializationError")
worker = GpuWorker(object, lambda session: None, name="the test engine")
ticket = worker.submit(lambda session: 1)
ticket.result()
child = os.fork()
if child == 0:
    for use in (lambda: worker.submit(object), lambda: GpuWorker(fail, object, name="another engine")):
        try:
            use()
        except Exception as error:
            print(type(error).__name__, error, flush=True)
    worker.close()
    sys.exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), worker.call(lambda session: "parent alive"))
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert ended.stderr == ""
    old, new, parent = ended.stdout.splitlines()
    assert old.startswith("DeviceLost cannot use the test engine: it was opened in process")
    assert old.endswith("open the Segmenter after the fork")
    assert new.startswith("DeviceLost cannot use another engine: process ")
    assert new.endswith("open a Segmenter only after the fork, or start processes by the method 'spawn'")
    assert parent == "0 parent alive"


@pytest.mark.parametrize("hangs", [False, True])
def test_an_interpreter_that_ends_gives_the_session_back_unless_the_gpu_hangs(hangs: bool) -> None:
    code = f"""
import threading
from skinseg_runtime import gpu_worker
gpu_worker._AT_EXIT_S = 0.1 if {hangs} else 60
worker = gpu_worker.GpuWorker(object, lambda session: print("given back"), name="the test engine")
begun = threading.Event()
worker.submit(lambda session: (begun.set(), {hangs} and threading.Event().wait()))
begun.wait()
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0
    assert ended.stdout == ("" if hangs else "given back\n")


def test_who_only_says_how_to_wait_imports_no_numpy() -> None:
    code = "import sys; import skinseg_runtime.gpu_worker; print('numpy' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert ended.stdout == "False\n"


def test_how_callers_wait_is_checked() -> None:
    with pytest.raises(ValueError, match="waiting is 0, expected at least 1"):
        Queueing(waiting=0)
    with pytest.raises(ValueError, match="deadline_s is 0, expected seconds above 0 or None"):
        Queueing(deadline_s=0)
    assert Queueing(deadline_s=None).waiting == 64


def test_a_queue_knows_the_process_that_it_belongs_to(monkeypatch: pytest.MonkeyPatch) -> None:
    queue = WorkQueue("the test engine", 4)
    ticket: Ticket[None] = Ticket(lambda _session: None, queue, deadline_s=0.001)
    monkeypatch.setattr(os, "getpid", lambda: 1)
    with pytest.raises(DeviceLost, match="this is process 1, forked off later"):
        ticket.result()
