"""Ctrl-C and requests to end, noted so that no library can swallow them."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["noting_interrupts"]


@contextmanager
def noting_interrupts(note: Callable[[], None]) -> Iterator[None]:
    """Call *note* at Ctrl-C beside raising it: torch.export and C++ callbacks turn it into other errors or lose it.

    A request to end (SIGTERM, from `docker stop` or systemd) counts as one, so that it leaves nothing half-written.
    """

    def interrupt(*_: object) -> None:
        note()
        raise KeyboardInterrupt

    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    # Another handler is somebody's choice (nohup ignores signals), and only the main thread may set one.
    is_main = threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in usual}
    taken = [number for number, handler in usual.items() if is_main and before[number] is handler]
    for number in taken:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, before[number])
