"""What a device made is given back once, in order, on its own thread, and is refused afterwards."""

import threading
from collections.abc import Callable

import pytest

from skinseg_runtime.cuda_memory.device import CudaFault
from skinseg_runtime.cuda_memory.ledger import Ledger


def _failing(fault: CudaFault) -> Callable[[], None]:
    def release() -> None:
        raise fault

    return release


def _on_another_thread(work: Callable[[], None]) -> BaseException | None:
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except ValueError as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return raised[0] if raised else None


def test_a_thing_is_given_back_once_however_often_it_is_asked() -> None:
    released: list[str] = []
    held = Ledger("GPU 0").hold("a buffer", lambda: released.append("buffer"))

    held.give_back()
    held.give_back()

    assert released == ["buffer"]


def test_a_thing_that_was_given_back_is_refused() -> None:
    held = Ledger("GPU 0").hold("a buffer", lambda: None)
    held.give_back()

    with pytest.raises(ValueError, match="cannot use a buffer: it was given back; make a new one"):
        held.check()


def test_closing_gives_back_what_is_left_and_the_newest_first() -> None:
    released: list[str] = []
    ledger = Ledger("GPU 0")
    ledger.hold("a buffer", lambda: released.append("buffer"))
    gone = ledger.hold("an event", lambda: released.append("event"))
    ledger.hold("a graph", lambda: released.append("graph"))
    gone.give_back()

    ledger.close()
    ledger.close()

    assert released == ["event", "graph", "buffer"]


def test_a_closed_device_refuses_and_its_things_may_still_be_given_back() -> None:
    released: list[str] = []
    ledger = Ledger("GPU 0")
    held = ledger.hold("a buffer", lambda: released.append("buffer"))
    ledger.close()

    held.give_back()

    assert released == ["buffer"]
    with pytest.raises(ValueError, match="cannot use GPU 0: it is closed; open it again"):
        ledger.check()


def test_another_thread_is_refused_and_gives_nothing_back() -> None:
    released: list[str] = []
    ledger = Ledger("GPU 0")
    held = ledger.hold("a buffer", lambda: released.append("buffer"))

    refusals = [_on_another_thread(work) for work in (held.check, held.give_back, ledger.close)]

    assert [str(refusal) for refusal in refusals] == ["cannot use GPU 0 on this thread: use it where it was opened"] * 3
    assert released == []
    held.check()


def test_a_lost_device_does_not_hinder_giving_back() -> None:
    ledger = Ledger("GPU 0")
    lost = CudaFault("cudaFree", "cudaErrorIllegalAddress", is_sticky=True)
    ledger.hold("a buffer", _failing(lost)).give_back()
    ledger.hold("a buffer", _failing(lost))

    ledger.close()

    assert not ledger.is_open


def test_a_passing_fault_is_told_and_the_rest_is_given_back_all_the_same() -> None:
    released: list[str] = []
    ledger = Ledger("GPU 0")
    ledger.hold("a stream", lambda: released.append("stream"))
    ledger.hold("a buffer", _failing(CudaFault("cudaFree", "cudaErrorInvalidValue")))

    with pytest.raises(CudaFault, match="cudaFree failed with cudaErrorInvalidValue"):
        ledger.close()

    assert released == ["stream"]
    assert not ledger.is_open
