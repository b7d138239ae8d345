"""Options that several commands share, each written once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

__all__ = ["trusted_key_option"]

_Function = TypeVar("_Function", bound=Callable[..., Any])


def trusted_key_option() -> Callable[[_Function], _Function]:
    """Add `--trusted-key`: the command gets *trusted_key*, a path or None, for `Bundle.open`."""
    return click.option(
        "--trusted-key", type=click.Path(path_type=Path), help="Public key (PEM) that must have signed the bundle."
    )
