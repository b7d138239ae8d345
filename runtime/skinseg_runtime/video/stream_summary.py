"""What a run on a video or a camera says at its end."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from skinseg_edge.errors import SkinsegError
from skinseg_runtime.video.frames import Counts

__all__ = ["Ended", "Ending", "document_of", "sentence_of", "shortfall"]

Ended: TypeAlias = Literal["end of stream", "enough frames", "closed in the window", "interrupted", "failed"]

_CUT_OFF = 0.95  # of the frames that a header announces; some headers are a few off


@dataclass(frozen=True)
class Ending:
    """How a run ended: *how*; *failure*: what stopped it, None if nothing did; *seconds*: how long it took."""

    how: Ended
    seconds: float
    failure: SkinsegError | None = None


def document_of(counts: Counts, ending: Ending, frames: Path | None, record: Path | None) -> dict[str, object]:
    """Return what `--json` says of a run; *frames*, *record*: the files that it left."""
    return {
        "frames": counts.to_json(),
        "ended": ending.how,
        "seconds": round(ending.seconds, 3),
        "frames_file": None if frames is None else str(frames),
        "record": None if record is None else str(record),
    }


def sentence_of(counts: Counts, ending: Ending, frames: Path | None, record: Path | None) -> str:
    """Return the same for people.

    >>> counts = Counts(read=90, dropped=30, segmented=60)
    >>> sentence_of(counts, Ending("end of stream", 3.0), Path("o/frames.jsonl"), None)
    '60 frames segmented in 3.0 s (20.0 a second), 30 dropped, end of stream -> o/frames.jsonl'
    """
    rate = counts.segmented / ending.seconds if ending.seconds > 0 else 0.0
    parts = [f"{counts.segmented} frames segmented in {ending.seconds:.1f} s ({rate:.1f} a second)"]
    others = {"dropped": counts.dropped, "skipped": counts.skipped, "unreadable": counts.unreadable}
    parts += [f"{count} {what}" for what, count in others.items() if count]
    parts += [f"{counts.reconnects} times connected again"] if counts.reconnects else []
    made = [str(path) for path in (frames, record) if path is not None]
    return ", ".join([*parts, ending.how]) + (f" -> {', '.join(made)}" if made else "")


def shortfall(name: str, announced: int | None, counts: Counts, ending: Ending) -> str | None:
    """Return a warning if a file ended long before what its header announces, else None."""
    if announced is None or ending.how != "end of stream" or counts.read >= _CUT_OFF * announced:
        return None
    return (
        f"{name} ended after {counts.read} frames, its header announces {announced}: it is cut off or damaged, and "
        "what came after is missing"
    )
