"""The work of `skinseg-run` on a video or a camera: set the pipeline up, watch it, put what it made in its place."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from skinseg_edge.command_line import Ui
from skinseg_edge.errors import DeadlinePassed, InputError, OutputRefused, SkinsegError
from skinseg_runtime.photo_scale import PhotoScale
from skinseg_runtime.segmenter import Segmenter
from skinseg_runtime.video.capture import Capture, open_capture
from skinseg_runtime.video.finishing import Finishing
from skinseg_runtime.video.frame_rows import FrameRows
from skinseg_runtime.video.frames import Analysed, Counts, Frame
from skinseg_runtime.video.half_files import swept
from skinseg_runtime.video.options import StreamOptions
from skinseg_runtime.video.pipeline import Pipeline
from skinseg_runtime.video.reader import Patience, Reader
from skinseg_runtime.video.recording import Recording, check_path
from skinseg_runtime.video.slot import Slot
from skinseg_runtime.video.smoothing import Smoother
from skinseg_runtime.video.stream_names import Stream
from skinseg_runtime.video.stream_summary import Ended, Ending, document_of, sentence_of, shortfall
from skinseg_runtime.video.window import Window

__all__ = ["run_stream"]

_JOIN_S = 15.0  # longer than one answer of OpenCV may take
_LOOK_S = 0.05
_USUAL_RATE, _MOST_RATE = 25.0, 60.0  # frames a second of a recording: of a silent stream, and of a live one


@dataclass(frozen=True)
class _Work:
    """The moving parts of one run, and what they write to; *patience*: see `Reader`."""

    stream: Stream
    options: StreamOptions
    reader: Reader
    pipeline: Pipeline
    rows: FrameRows
    recording: Recording | None
    patience: Patience


def run_stream(
    ui: Ui,
    segmenter: Segmenter,
    stream: Stream,
    options: StreamOptions,
    output: Path,
    *,
    model: Mapping[str, object],
    scale_of: PhotoScale | None = None,
    force: bool = False,
    opens: Callable[[Stream, int], Capture] = open_capture,
    patience: Patience | None = None,
) -> int:
    """Segment *stream* until it ends, is ended (Ctrl-C, SIGTERM, q in the window), or fails; return the exit code.

    *output*: folder for frames.jsonl. *model*: what each row says about the model. *scale_of*: where the scale comes
    from. *force*: replace earlier results. *opens*, *patience*: how the stream is opened, how long it may be silent.

    Whatever ends it, what was done until then is put in its place, unless it cannot be written. Ctrl-C is how a live
    stream ends, with exit code 0; after a file that was not done to its end KeyboardInterrupt goes on.

    Raises OutputRefused if results are there and not *force*, or cannot be written; ToolMissing if the stream or a
    window cannot be opened; and what the reader and the segmenter raise, if that happens before a first frame is done.
    """
    _check_record(stream, options, force)
    _tell_of_killed_runs(ui, output, options)
    with ExitStack() as undo:
        window = Window(f"skinseg-run: {stream.name}") if options.display else None
        if window is not None:
            undo.callback(window.close)
        again = partial(opens, stream, segmenter.max_pixels)
        origin = {"source": stream.name, "model": dict(model)}
        work = _prepared(undo, segmenter, stream, options, again, output, origin, scale_of, force, patience)
        ending = _run_to_end(ui, work, window)
        # The recording first: of the two it is the one that a full disk spoils unnoticed.
        record = None if work.recording is None else work.recording.publish()
        made = (work.rows.publish(), record)
    counts = _counts(work)
    if ending.how == "interrupted" and not stream.is_live:
        ui.info(sentence_of(counts, ending, *made))
        raise KeyboardInterrupt
    if short := shortfall(stream.name, work.reader.announced_frames, counts, ending):
        ui.warn(short)
    document = {"output": str(output), **origin, **document_of(counts, ending, *made)}
    return ui.result(document, sentence_of(counts, ending, *made), failure=ending.failure)


def _prepared(
    undo: ExitStack,
    segmenter: Segmenter,
    stream: Stream,
    options: StreamOptions,
    again: Callable[[], Capture],
    output: Path,
    origin: Mapping[str, object],
    scale_of: PhotoScale | None,
    force: bool,
    patience: Patience | None,
) -> _Work:
    """Open the stream, then the files: what cannot be opened leaves nothing behind. *undo* removes unfinished files."""
    with ExitStack() as unread:
        capture = again()
        unread.callback(capture.close)
        rows = FrameRows(output, force=force)
        undo.callback(rows.discard)
        recording = _recording(stream, options, capture, force)
        if recording is not None:
            undo.callback(recording.discard)
        unread.pop_all()  # from here on the reader closes it
    finishing = Finishing(rows, recording, origin=origin, scale_of=scale_of, is_shown=options.display)
    limits = patience or Patience(in_all=options.patience)
    reader, pipeline = _pipeline(stream, options, capture, again, segmenter, finishing, limits)
    return _Work(stream, options, reader, pipeline, rows, recording, limits)


def _pipeline(
    stream: Stream,
    options: StreamOptions,
    capture: Capture,
    again: Callable[[], Capture],
    segmenter: Segmenter,
    finishing: Finishing,
    patience: Patience,
) -> tuple[Reader, Pipeline]:
    frames: Slot[Frame] = Slot()
    stop = threading.Event()
    drops = stream.is_live or options.realtime
    reader = Reader(
        stream,
        capture,
        again,
        frames,
        stop,
        every=options.every,
        drops=drops,
        paced=options.realtime and not stream.is_live,
        most=None if drops else options.max_frames,
        patience=patience,
    )
    analyse = partial(_analysed, segmenter, Smoother(options.smooth) if options.smooth > 0 else None)
    return reader, Pipeline(reader, frames, analyse, finishing.finish, stop, most=options.max_frames)


def _analysed(segmenter: Segmenter, smoother: Smoother | None, frame: Frame) -> Analysed:
    segmentation = segmenter.segment(frame.pixels)
    if smoother is None:
        return Analysed(frame, segmentation)
    return Analysed(frame, *smoother.smoothed(frame, segmentation))


def _check_record(stream: Stream, options: StreamOptions, force: bool) -> None:
    """Refuse, before anything is opened, a recording that cannot be or that would replace its own source."""
    if options.record is None:
        return
    check_path(options.record, force=force)
    if stream.kind == "file" and options.record.resolve() == Path(stream.address):
        raise InputError(f"cannot record {options.record}: it is the video that is read; choose another name")


def _tell_of_killed_runs(ui: Ui, output: Path, options: StreamOptions) -> None:
    folders = {output.resolve(), output.resolve() if options.record is None else options.record.resolve().parent}
    for path in itertools.chain.from_iterable(map(swept, sorted(folders))):
        ui.warn(f"an earlier run was killed; what it had done until then is in {path}")


def _recording(stream: Stream, options: StreamOptions, capture: Capture, force: bool) -> Recording | None:
    if options.record is None:
        return None
    keeps_time = stream.is_live or options.realtime
    rate = (capture.rate or _USUAL_RATE) / options.every
    return Recording(options.record, min(rate, _MOST_RATE) if keeps_time else rate, keeps_time=keeps_time, force=force)


def _run_to_end(ui: Ui, work: _Work, window: Window | None) -> Ending:
    """Run the pipeline and join its threads; on Ctrl-C, too.

    Raises what stopped it if no frame was done, if results cannot be written, or if it is a mistake of this program.
    """
    pipeline, began, how = work.pipeline, time.monotonic(), _as_planned(work)
    total = work.options.max_frames or work.reader.announced_frames
    pipeline.start()
    try:
        with ui.progress(total, "segmenting") as advance:
            how = "closed in the window" if _watch(work, window, advance) else how
    except KeyboardInterrupt:
        how = "interrupted"
    finally:
        pipeline.stop()
        left = pipeline.join(_JOIN_S)
    for name in left:
        ui.warn(f"the thread {name} of {work.stream.name} does not end; it ends with the process")
    error = pipeline.error
    if error is None:
        return Ending(how if how != "end of stream" else _as_planned(work), time.monotonic() - began)
    if pipeline.finished == 0 or isinstance(error, OutputRefused) or not isinstance(error, SkinsegError):
        raise error
    return Ending("failed", time.monotonic() - began, error)


def _as_planned(work: _Work) -> Ended:
    return "enough frames" if work.pipeline.finished == work.options.max_frames else "end of stream"


def _watch(work: _Work, window: Window | None, advance: Callable[[], None]) -> bool:
    """Show and count frames until the last is drawn; give up a reader that hangs; say if the window ended it."""
    told, is_ended_here = 0, False
    while not work.pipeline.wait(0 if window is not None else _LOOK_S):
        if window is not None:
            if (picture := work.pipeline.shown.take(_LOOK_S)) is not None:
                window.show(picture)
            if not is_ended_here and window.is_ended():
                is_ended_here = True
                work.pipeline.stop()
        for _ in range(work.pipeline.finished - told):
            advance()
            told += 1
        if work.stream.is_live and work.reader.stuck_s > work.patience.stuck:
            work.pipeline.give_up_reading(_hanging(work))
    return is_ended_here


def _hanging(work: _Work) -> DeadlinePassed:
    return DeadlinePassed(
        f"cannot go on with {work.stream.name}: its driver has not come back for {work.reader.stuck_s:.0f} s; unplug "
        "the camera, or check the network, and start again"
    )


def _counts(work: _Work) -> Counts:
    """Return what became of the frames; what was read and has no row was dropped, wherever that happened."""
    counts = work.reader.counts
    segmented = work.pipeline.finished
    return replace(counts, segmented=segmented, dropped=counts.read - counts.skipped - counts.unreadable - segmented)
