"""Work on many things, some at a time, with no more of them in memory than that.

Threads are enough: ONNX Runtime, OpenCV and hashing let go of Python's lock. One photo a thread is faster than more
threads a photo, and takes half the processor time; benchmarks/folder_run.py measures both.
"""

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import TypeVar

__all__ = ["done_in_parallel"]

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_LOOK_UP_S = 1.0  # Windows delivers Ctrl-C only between two waits


def done_in_parallel(
    work: Callable[[_Item], _Result], items: Sequence[_Item], workers: int
) -> Generator[tuple[int, _Result], None, None]:
    """Yield the place of each item and what *work* made of it, in the order in which they end.

    *workers*: how many threads work, at least 1; at most one item more has begun or waits to be taken. With 1 there is
    no thread beside the caller's. When the caller stops, or *work* raises, what has begun is ended first.

    Raises what *work* raises.
    """
    if workers == 1 or len(items) < 2:
        for place, item in enumerate(items):
            yield place, work(item)
        return
    threads = ThreadPoolExecutor(workers, thread_name_prefix="photo")
    try:
        yield from _as_they_end(threads, work, items, workers + 1)
    finally:
        threads.shutdown(wait=True, cancel_futures=True)


def _as_they_end(
    threads: ThreadPoolExecutor, work: Callable[[_Item], _Result], items: Sequence[_Item], most: int
) -> Generator[tuple[int, _Result], None, None]:
    waiting = iter(enumerate(items))
    begun: dict[Future[_Result], int] = {}
    while True:
        for place, item in islice(waiting, most - len(begun)):
            begun[threads.submit(work, item)] = place
        if not begun:
            return
        for future in wait(begun, timeout=_LOOK_UP_S, return_when=FIRST_COMPLETED).done:
            yield begun.pop(future), future.result()
