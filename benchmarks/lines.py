"""What benchmarks print: one line at once, and whether a goal holds."""

import sys

__all__ = ["say", "word"]


def say(line: str) -> None:
    """Print one line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def word(holds: bool) -> str:
    """Return pass or FAIL."""
    return "pass" if holds else "FAIL"
