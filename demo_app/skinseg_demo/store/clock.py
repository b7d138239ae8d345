"""Times as the store keeps them: UTC, ISO 8601, to the microsecond, so that text sorts as time does."""

from collections.abc import Callable
from datetime import datetime, timezone

__all__ = ["Clock", "text_from_time", "time_from_text", "utc_now"]

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the time now, aware, in UTC."""
    return datetime.now(timezone.utc)


def text_from_time(time: datetime) -> str:
    """Return an aware time as the store writes it.

    >>> text_from_time(datetime(2026, 11, 21, 8, 5, tzinfo=timezone.utc))
    '2026-11-21T08:05:00.000000+00:00'
    """
    return time.astimezone(timezone.utc).isoformat(timespec="microseconds")


def time_from_text(text: str) -> datetime:
    """Return the aware time that the store wrote."""
    return datetime.fromisoformat(text)
