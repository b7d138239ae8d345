"""How often somebody may do something, kept in bounded memory."""

import math
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import current_app, g, request

from skinseg_demo.refusals import Refused

__all__ = ["RateLimit", "rate_limited"]

_P = ParamSpec("_P")
_R = TypeVar("_R")

_LIMITS = "skinseg.limits"
_CALLERS = 1000  # remembered at a time; the one heard of longest ago is forgotten first


class RateLimit:
    """At most *times* in any *seconds*, counted apart for each caller; any thread may ask."""

    def __init__(
        self, times: int, seconds: float, *, callers: int = _CALLERS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._times = times
        self._seconds = seconds
        self._callers = callers
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_s(self, caller: str) -> int:
        """Count one more try of *caller*; return 0 if it may, else after how many whole seconds it may again.

        A refused try is not counted, so a phone that waits is let in.
        """
        with self._lock:
            now = self._clock()
            tries = self._tries_of(caller)
            while tries and tries[0] <= now - self._seconds:
                tries.popleft()
            if len(tries) >= self._times:
                return max(1, math.ceil(tries[0] + self._seconds - now))
            tries.append(now)
            return 0

    def __len__(self) -> int:
        """Return how many callers are remembered."""
        return len(self._seen)

    def _tries_of(self, caller: str) -> deque[float]:
        tries = self._seen.setdefault(caller, deque(maxlen=self._times))
        self._seen.move_to_end(caller)
        while len(self._seen) > self._callers:
            self._seen.popitem(last=False)
        return tries


def rate_limited(what: str, times: int, seconds: float) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Let a view be called at most *times* in *seconds* by one phone (by one address where nobody is paired).

    *what*: what is limited, in words that end the sentence "too many ...". Each app counts for itself.

    The view raises Refused with 429 and Retry-After.
    """

    def decorate(view: Callable[_P, _R]) -> Callable[_P, _R]:
        @wraps(view)
        def counted(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            limits: dict[str, RateLimit] = current_app.extensions[_LIMITS]
            limit = limits.setdefault(f"{view.__module__}.{view.__qualname__}", RateLimit(times, seconds))
            caller = g.phone.id if g.phone is not None else f"at {request.remote_addr}"
            if wait_s := limit.wait_s(caller):
                raise Refused(
                    429,
                    "TooManyRequests",
                    f"cannot go on: too many {what} came from this phone, {times} in {seconds:.0f} s are the limit; "
                    f"wait {wait_s} s",
                    retry_after_s=wait_s,
                )
            return view(*args, **kwargs)

        return counted

    return decorate
