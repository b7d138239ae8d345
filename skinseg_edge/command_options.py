"""Options that several commands share, each written once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

__all__ = ["photo_scale_options", "trusted_key_option"]

_Function = TypeVar("_Function", bound=Callable[..., Any])


def trusted_key_option() -> Callable[[_Function], _Function]:
    """Add `--trusted-key`: the command gets *trusted_key*, a path or None, for `Bundle.open`."""
    return click.option(
        "--trusted-key", type=click.Path(path_type=Path), help="Public key (PEM) that must have signed the bundle."
    )


def photo_scale_options() -> Callable[[_Function], _Function]:
    """Add `--mm-per-px` and `--card`: the command gets *mm_per_px* and *card_mm*, numbers or None."""
    given = click.option(
        "--mm-per-px", type=float, metavar="X", help="Scale of the photos, mm per pixel: sizes in mm too."
    )
    read = click.option(
        "--card",
        "card_mm",
        type=float,
        metavar="SIZE_MM",
        help="Read the scale from an ArUco marker (DICT_4X4_50) on each photo; SIZE_MM is its black square's side.",
    )
    return lambda function: given(read(function))
