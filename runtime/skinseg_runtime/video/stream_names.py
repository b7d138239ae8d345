"""How a video or a camera is named on the command line, and what each name means.

camera:0                   the first camera; camera:0@1280x720 asks for a size, camera:0@1280x720@30 for a rate too
csi:0                      a camera on a Jetson's ribbon cable, the same way
clip.mp4                   a file that ends like a video
rtsp://..., http://...     an address
gst: ... ! appsink         a GStreamer pipeline as it stands
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from skinseg_edge.errors import FileMissing, InputError

__all__ = [
    "FrameSize",
    "Stream",
    "StreamKind",
    "check_is_text",
    "is_stream",
    "stream_among",
    "stream_from",
    "without_password",
]

StreamKind: TypeAlias = Literal["camera", "csi", "file", "network", "gstreamer"]

_VIDEOS = (
    *(".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".wmv", ".3gp"),
    *(".flv", ".ogv", ".mjpg", ".mjpeg"),
)
_SCHEMES = ("rtsp://", "rtsps://", "rtmp://", "http://", "https://", "udp://")
_CAMERAS = ("camera:", "csi:")
_PIPELINE = "gst:"
# A bare host, or a number with its port, is followed by its path: an "@" in that ends no password.
_USER = re.compile(r"([a-zA-Z]+://)(?!(?:[\w.-]+|\d+(?:\.\d+){3}:\d+)[/?#])\S*@")
_SECRET = re.compile(r"((?:password|passwd|passwort|pass|pwd|pw)\s*=\s*)(?:\"[^\"]*\"|[^\s&\"]+)", re.IGNORECASE)
_CAMERA = re.compile(r"(camera|csi):(\d{1,3})(?:@(\d{2,5})x(\d{2,5})(?:@(\d{1,3}))?)?")


@dataclass(frozen=True)
class FrameSize:
    """What a camera is asked for: *width*, *height* in px, *rate* in frames a second; None leaves it the rate."""

    width: int
    height: int
    rate: int | None = None


@dataclass(frozen=True)
class Stream:
    """A video or a camera.

    *address*: what is opened: a camera's number, a path, an address with its password, or a pipeline. *name*: what it
    is called in messages and results, without a password. *size*: what a camera is asked for, if anything.
    """

    kind: StreamKind
    address: str
    name: str
    size: FrameSize | None = None

    @property
    def is_live(self) -> bool:
        """Whether frames come whether or not anybody has time for them, so that late ones are dropped."""
        return self.kind != "file"


def is_stream(text: str) -> bool:
    """Tell whether a command's PATH names a video or a camera and not photos; a folder never does.

    >>> [is_stream(text) for text in ("camera:0", "clip.MP4", "rtsp://10.0.0.7/1", "photo.jpg")]
    [True, True, True, False]
    """
    lower = text.lower()
    return lower.startswith((*_CAMERAS, _PIPELINE, *_SCHEMES)) or (
        Path(text).suffix.lower() in _VIDEOS and not Path(text).is_dir()
    )


def stream_among(paths: Sequence[str]) -> Stream | None:
    """Return the stream that *paths* name, None where all of them name photos.

    Raises InputError if a stream stands beside anything else, and what `stream_from` raises.
    """
    streams = [text for text in paths if is_stream(text)]
    if not streams:
        return None
    if len(paths) > 1:
        raise InputError(
            f"cannot segment {without_password(streams[0])} together with {len(paths) - 1} more: expected one video "
            "or camera by itself; run the command once for each"
        )
    return stream_from(streams[0])


def stream_from(text: str) -> Stream:
    """Read one stream's name.

    Raises InputError if it is like none of those above or no text, FileMissing if it is a file that is not there.
    """
    check_is_text(text, f"segment {without_password(text)}")
    lower = text.lower()
    if lower.startswith(_CAMERAS):
        return _camera(text)
    if lower.startswith(_PIPELINE):
        return _pipeline(text)
    if lower.startswith(_SCHEMES):
        return Stream("network", text, without_password(text))
    if not Path(text).is_file():
        raise FileMissing(f"cannot segment {text}: there is no such file; check the path")
    # A whole path: "concat:..." or "%03d" at the beginning of a name means something to FFmpeg.
    whole = str(Path(text).resolve())
    check_is_text(whole, f"segment {text}")
    return Stream("file", whole, text)


def check_is_text(text: str, doing: str) -> None:
    """Check that a name can be handed to OpenCV, which ends the process where a byte of it is no UTF-8.

    *doing*: such as "segment clip.mp4". Raises InputError if it cannot.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"cannot {doing}: the name, or that of a folder above it, is no UTF-8 text, expected one; rename it"
        ) from error


def _camera(text: str) -> Stream:
    found = _CAMERA.fullmatch(text.lower())
    if found is None:
        raise InputError(
            f"cannot open {text}: expected a camera's number and perhaps what it is asked for, such as camera:0 or "
            "csi:0@1280x720@30"
        )
    kind, number, width, height, rate = found.groups()
    size = None if width is None else FrameSize(int(width), int(height), None if rate is None else int(rate))
    return Stream("camera" if kind == "camera" else "csi", str(int(number)), text, size)


def _pipeline(text: str) -> Stream:
    pipeline = text[len(_PIPELINE) :].strip()
    if not re.search(r"!\s*appsink\b", pipeline):
        raise InputError(
            f"cannot open {without_password(text)}: a GStreamer pipeline has to end with appsink, where the frames "
            "are taken; add '! videoconvert ! video/x-raw,format=BGR ! appsink drop=true max-buffers=1'"
        )
    return Stream("gstreamer", pipeline, without_password(text))


def without_password(text: str) -> str:
    """Take passwords out of *text*: they would stand in results and on screens.

    Of an address goes all before the last "@", for a password may hold any sign, those that end a host among them; of a
    pipeline's property or an address's query, such as user-pw=..., the value.

    >>> without_password("rtsp://nurse:se/cr!et@10.0.0.7:554/1")
    'rtsp://10.0.0.7:554/1'
    >>> without_password("rtsp://10.0.0.7/user=nurse&password=secret&channel=1")
    'rtsp://10.0.0.7/user=nurse&password=***&channel=1'
    """
    return _SECRET.sub(r"\1***", _USER.sub(r"\1", text))
