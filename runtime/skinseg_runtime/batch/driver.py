"""The driver of an archive's work: it lists the pictures, hands them out in units, and is the only one that writes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from skinseg_edge.errors import InputError, OutputRefused, VerificationFailed
from skinseg_runtime.batch.archive.folder import Archive, archive_at
from skinseg_runtime.batch.items import safe_name
from skinseg_runtime.batch.opening import open_bundle
from skinseg_runtime.batch.tally import Tally
from skinseg_runtime.batch.units import Finished, Unit, UnitDone

if TYPE_CHECKING:
    from pathlib import Path

    from skinseg_runtime.batch.archive.record import State
    from skinseg_runtime.batch.executors import Executor
    from skinseg_runtime.batch.items import BatchSource, Item
    from skinseg_runtime.batch.work import Work

__all__ = ["UNIT_PICTURES", "BatchOutcome", "OpenBar", "run_batch"]

UNIT_PICTURES = 16
"""Pictures of a unit: what a worker's death costs, and some seconds of work."""

OpenBar: TypeAlias = Callable[[Tally], AbstractContextManager[Callable[[], None]]]
"""Shows how far a run is: what the block gets is called after each picture."""

_LOG_EVERY_S = 60.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BatchOutcome:
    """What became of a run.

    *pictures*: in the source, each of which has a row in *output* now. *errors*: rows that tell an error instead of a
    mask, *first_error* the first of them by name. *computed*, *taken_over*: what this start did. *pictures_per_s*: over
    all of this start, with the time in which workers started; None where nothing was computed.
    """

    output: Path
    pictures: int
    errors: int
    first_error: str | None
    computed: int
    taken_over: int
    seconds: float

    @property
    def pictures_per_s(self) -> float | None:
        """How fast it went, workers' start and all."""
        return self.computed / self.seconds if self.computed and self.seconds > 0 else None

    @property
    def failure(self) -> InputError | None:
        """What to say if pictures failed, else None."""
        if not self.errors:
            return None
        return InputError(
            f"cannot segment {self.errors:,} of {self.pictures:,} pictures; the first: {self.first_error}; their rows "
            "have an error_message"
        )


def run_batch(
    source: BatchSource,
    output: Path,
    work: Work,
    executor: Executor,
    *,
    force: bool = False,
    unit_pictures: int = UNIT_PICTURES,
    open_bar: OpenBar = lambda _: nullcontext(lambda: None),
    on_warning: Callable[[str], None] = _log.warning,
) -> BatchOutcome:
    """Segment every picture of *source*: a row each in *output*/pictures, and its mask there or in *output*/masks.

    *work*: from `work_for`. What an earlier start of the same work on the same source has done is taken over where the
    bytes of a picture are the same; rows of pictures that left the source go. *force*: start anew instead, also where
    there are results of other work. *unit_pictures*: how many go to a worker at once.

    Whatever ends it, Ctrl-C or `kill -9`, the same call goes on with what is done: at most what was under way and what
    was finished in the last second is done again.

    Raises what listing the source raises, OutputRefused if *output* holds other results and not force, or the system
    refuses to write, DeviceBusy if another process writes there, and what `Executor.run` raises.
    """
    name = open_bundle(work).manifest.name
    with archive_at(output, source.text, work, name, force=force) as archive:
        archive.write_record("running", {})
        known = archive.load(on_warning)
        tally = Tally(source.count(), known)
        try:
            with open_bar(tally) as advance:
                _work_off(source, archive, executor, work, tally, unit_pictures, advance)
            if tally.kept:
                on_warning(
                    f"pictures that could not be done this time: {tally.kept:,}; the rows that an earlier start made "
                    f"of them stay, and the next start tries again; the first: {tally.first_kept}"
                )
            archive.finish()
            outcome = _outcome(archive, tally)
            archive.write_record("done", _told(outcome))
        except BaseException as error:
            _leave(archive, tally, "interrupted" if isinstance(error, KeyboardInterrupt) else "failed")
            raise
    return outcome


def _work_off(
    source: BatchSource,
    archive: Archive,
    executor: Executor,
    work: Work,
    tally: Tally,
    unit_pictures: int,
    advance: Callable[[], None],
) -> None:
    under_way: dict[int, Unit] = {}
    logged_at = time.monotonic()
    running = executor.run(_units(source, archive, unit_pictures, under_way), work)
    try:
        for done in running:
            if done.number not in under_way:
                continue  # a cluster may give a unit twice after a worker's death
            left = _left_as_they_are(under_way.pop(done.number), done)
            made = tuple(one for one in done.made if one not in left)
            archive.add(made)
            tally.add(UnitDone(done.number, made, done.taken_over + len(left)))
            tally.keep(left)
            for _ in range(len(done.made) + done.taken_over):
                advance()
            if time.monotonic() - logged_at >= _LOG_EVERY_S:
                logged_at = time.monotonic()
                _log.info("%s of %s pictures, %s", f"{tally.pictures:,}", tally.total or "?", tally.text())
    finally:
        if isinstance(running, Generator):
            running.close()


def _left_as_they_are(unit: Unit, done: UnitDone) -> tuple[Finished, ...]:
    """Return what tells an error of this moment, not of the picture, where there is a row: a drive may be missing."""
    with_row = {item.name for item, sha256 in zip(unit.items, unit.known, strict=True) if sha256 is not None}
    return tuple(one for one in done.made if one.sha256 is None and one.name in with_row)


def _units(source: BatchSource, archive: Archive, size: int, under_way: dict[int, Unit]) -> Iterator[Unit]:
    for number, items in enumerate(_chunks(source.items(), size)):
        unit = under_way[number] = Unit(number, items, archive.known([item.name for item in items]))
        yield unit


def _chunks(items: Iterable[Item], size: int) -> Iterator[tuple[Item, ...]]:
    checked = (_checked(item) for item in items)
    while chunk := tuple(islice(checked, size)):
        yield chunk


def _checked(item: Item) -> Item:
    if safe_name(item.name) != item.name:
        raise InputError(
            f"cannot take the name {item.name!r}: its mask would lie elsewhere or could not be written; give it "
            "through safe_name"
        )
    return item


def _outcome(archive: Archive, tally: Tally) -> BatchOutcome:
    rows, errors, missing = archive.index.counts()
    if missing:
        raise VerificationFailed(
            f"cannot finish {archive.output}: {missing:,} of {rows + missing:,} pictures got no row, expected one "
            "each; start the same command again and report it"
        )
    return BatchOutcome(
        output=archive.output,
        pictures=rows,
        errors=errors,
        first_error=archive.index.first_error(),
        computed=tally.computed,
        taken_over=tally.taken_over,
        seconds=tally.seconds,
    )


def _told(outcome: BatchOutcome) -> dict[str, object]:
    speed = outcome.pictures_per_s
    return {
        "counts": {
            "pictures": outcome.pictures,
            "errors": outcome.errors,
            "computed": outcome.computed,
            "taken_over": outcome.taken_over,
        },
        "seconds": round(outcome.seconds, 1),
        "pictures_per_s": None if speed is None else round(speed, 2),
    }


def _leave(archive: Archive, tally: Tally, state: State) -> None:
    """Put on the disk what is done when a run ends early; where even that fails, what was there stays."""
    with suppress(OutputRefused):
        archive.flush()
        done = {"computed": tally.computed, "taken_over": tally.taken_over}
        archive.write_record(state, {"counts": done, "seconds": round(tally.seconds, 1)})
