"""Videos and cameras: frames come in, each leaves with its own outline, and nothing piles up in between.

    stream = stream_among(("camera:0",))                  # a camera, a file, an address, a GStreamer line; or None
    run_stream(ui, segmenter, stream, StreamOptions(), output, model={})

Three threads: one reads, one runs the network, one measures, draws and writes. Between two of them there is a place for
one frame. What is named here is imported when first touched: `--help` waits for no library.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skinseg_runtime.video.options import StreamOptions, stream_options
    from skinseg_runtime.video.stream_names import Stream, stream_among
    from skinseg_runtime.video.stream_run import run_stream

__all__ = ["Stream", "StreamOptions", "run_stream", "stream_among", "stream_options"]

_HOME = {
    "Stream": "stream_names",
    "StreamOptions": "options",
    "run_stream": "stream_run",
    "stream_among": "stream_names",
    "stream_options": "options",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(f"skinseg_runtime.video.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
