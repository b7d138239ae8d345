"""Prometheus' text format (version 0.0.4), as far as this box needs it.

Source: "Exposition formats" of Prometheus' documentation. A histogram's buckets are cumulative and end with "+Inf".
"""

import math
import threading
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

__all__ = ["CONTENT_TYPE", "Family", "Histogram", "Labels", "Sample", "text_of"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Sample:
    """One line. *suffix*: what follows the family's name, such as "_count"."""

    value: float
    labels: Labels = ()
    suffix: str = ""


@dataclass(frozen=True)
class Family:
    """A metric with all its lines. *kind*: "counter", "gauge" or "histogram". *about*: what it is, in words."""

    name: str
    kind: str
    about: str
    samples: tuple[Sample, ...] = field(default=())


class Histogram:
    """Counts values by their size; any thread may add one.

    *bounds*: upper ends of the buckets, growing; what is larger than all falls into "+Inf".
    """

    def __init__(self, bounds: Iterable[float]) -> None:
        self._bounds = (*bounds, math.inf)
        self._counts = [0] * len(self._bounds)
        self._sum = 0.0
        self._lock = threading.Lock()

    def add(self, value: float) -> None:
        """Count one value."""
        with self._lock:
            self._counts[bisect_left(self._bounds, value)] += 1
            self._sum += value

    def samples(self, labels: Labels = ()) -> Iterator[Sample]:
        """Give the lines: one a bucket, the sum and the count."""
        with self._lock:
            counts, total = tuple(self._counts), self._sum
        so_far = 0
        for bound, count in zip(self._bounds, counts, strict=True):
            so_far += count
            yield Sample(so_far, (*labels, ("le", _number(bound))), "_bucket")
        yield Sample(total, labels, "_sum")
        yield Sample(so_far, labels, "_count")


def text_of(families: Iterable[Family]) -> str:
    """Return the page of some metrics; a family without a line is left out."""
    return "".join(line for family in families if family.samples for line in _lines(family))


def _lines(family: Family) -> Iterator[str]:
    yield f"# HELP {family.name} {_escaped(family.about)}\n"
    yield f"# TYPE {family.name} {family.kind}\n"
    for sample in family.samples:
        pairs = ",".join(f'{name}="{_quoted(value)}"' for name, value in sample.labels)
        labels = f"{{{pairs}}}" if pairs else ""
        yield f"{family.name}{sample.suffix}{labels} {_number(sample.value)}\n"


def _number(value: float) -> str:
    """Return a number as Prometheus reads it.

    >>> _number(math.inf), _number(3.0), _number(0.25)
    ('+Inf', '3', '0.25')
    """
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _quoted(text: str) -> str:
    return _escaped(text).replace('"', r"\"")
