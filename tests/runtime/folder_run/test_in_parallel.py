"""Work on many things at a time: how many, in which order, and what an end in the middle leaves."""

import threading
from contextlib import closing

import pytest

from skinseg_runtime.folder_run.in_parallel import done_in_parallel


class Counted:
    """Work that notes how many items have begun and not yet been taken by the caller."""

    def __init__(self, workers: int) -> None:
        self.all_at_work = threading.Barrier(workers)
        self.lock = threading.Lock()
        self.begun = 0
        self.taken = 0
        self.most = 0

    def __call__(self, item: int) -> int:
        with self.lock:
            self.begun += 1
            self.most = max(self.most, self.begun - self.taken)
        self.all_at_work.wait(timeout=30)  # nobody goes on before all threads are here at once
        return item * item


def test_as_many_threads_work_at_once_and_at_most_one_result_waits() -> None:
    work = Counted(workers=3)
    found = {}
    for place, square in done_in_parallel(work, range(30), 3):
        found[place] = square
        with work.lock:
            work.taken += 1
    assert found == {place: place * place for place in range(30)}
    assert 3 <= work.most <= 4


def test_one_worker_is_the_caller_itself_and_keeps_the_order() -> None:
    threads = []

    def work(item: str) -> str:
        threads.append(threading.current_thread())
        return item.upper()

    assert list(done_in_parallel(work, "abc", 1)) == [(0, "A"), (1, "B"), (2, "C")]
    assert set(threads) == {threading.current_thread()}


def test_an_error_ends_what_has_begun_and_begins_no_more() -> None:
    ended, began = [], []

    def work(item: int) -> None:
        began.append(item)
        if item == 1:
            raise ValueError("one is bad")
        ended.append(item)

    with pytest.raises(ValueError, match="one is bad"):
        list(done_in_parallel(work, range(1000), 2))
    assert len(began) < 1000
    assert sorted([*ended, 1]) == sorted(began)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("photo")]


def test_a_caller_who_stops_leaves_no_thread_behind() -> None:
    with closing(done_in_parallel(str, range(100), 2)) as ending:
        next(ending)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("photo")]


def test_nothing_to_do_is_done_at_once() -> None:
    assert list(done_in_parallel(str, (), 4)) == []
