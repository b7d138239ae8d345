"""The options of `skinseg-run` that only videos and cameras have."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from skinseg_edge.errors import InputError

__all__ = ["StreamOptions", "stream_options"]

_Function = TypeVar("_Function", bound=Callable[..., object])


@dataclass(frozen=True)
class StreamOptions:
    """What is wanted of a video or a camera.

    *smooth*: seconds over which the network's probabilities are averaged, 0 not at all. *display*: show the frames.
    *record*: where the drawn frames go. *realtime*: play a file at its own speed, dropping what is late. *every*: look
    at each Nth frame only. *max_frames*: how many to segment. *patience*: seconds after which a network stream that
    stays away is given up.
    """

    smooth: float = 0.0
    display: bool = False
    record: Path | None = None
    realtime: bool = False
    every: int = 1
    max_frames: int | None = None
    patience: float = 120.0

    def check_alone(self, name: str, for_photos: Mapping[str, bool]) -> None:
        """Check that nothing was asked for of the stream *name* that only photos have; *for_photos*: by option.

        Raises InputError if something was.
        """
        if given := [option for option, is_given in for_photos.items() if is_given]:
            raise InputError(
                f"cannot use {given[0]} on {name}: it is for photos; leave it out (--record draws a video's frames)"
            )

    def check_unused(self) -> None:
        """Check that nothing was asked for that photos do not have.

        Raises InputError if something was.
        """
        usual = StreamOptions()
        given = [field.name for field in fields(self) if getattr(self, field.name) != getattr(usual, field.name)]
        if given:
            option = "--" + given[0].replace("_", "-")
            raise InputError(f"cannot use {option} on photos: it is for a video or a camera; leave it out")


_OPTIONS = (
    click.option(
        "--smooth",
        type=click.FloatRange(0, 60),
        default=0.0,
        metavar="SECONDS",
        help="Video: average the network's probabilities over so long, anew after motion. Default: not at all.",
    ),
    click.option("--display", is_flag=True, help="Video: show the frames in a window; q ends."),
    click.option("--record", type=click.Path(path_type=Path), metavar="FILE", help="Video: write the drawn frames."),
    click.option("--realtime", is_flag=True, help="Video: play a file at its own speed and drop what is late."),
    click.option("--every", type=click.IntRange(1), default=1, metavar="N", help="Video: take each Nth frame only."),
    click.option("--max-frames", type=click.IntRange(1), metavar="N", help="Video: end after N segmented frames."),
    click.option(
        "--patience",
        type=click.FloatRange(0),
        default=120.0,
        show_default=True,
        metavar="SECONDS",
        help="Video: give an address up that has sent nothing for so long.",
    ),
)


def stream_options(function: _Function) -> _Function:
    """Add the options to a command, which gets them as one StreamOptions, by the name `stream_options`."""

    @wraps(function)
    def gathered(*arguments: Any, **given: Any) -> object:
        own = {field.name: given.pop(field.name) for field in fields(StreamOptions)}
        return function(*arguments, **given, stream_options=StreamOptions(**own))

    for option in reversed(_OPTIONS):
        option(gathered)
    return gathered  # type: ignore[return-value]  # the same call, but for the options that were gathered
