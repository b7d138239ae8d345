"""What runs a network: `Engine` is the shape of one, `choose_engine` the choice of one by name."""

from typing import TYPE_CHECKING

from skinseg_runtime.engines.choice import ENGINES, Chosen, choose_engine, open_engine
from skinseg_runtime.engines.precisions import (
    KNOWN_PRECISIONS,
    PRECISIONS,
    artefact_name,
    artefact_of_engine,
    usual_precision,
)

if TYPE_CHECKING:
    from skinseg_runtime.engines.protocol import Engine

__all__ = [
    "ENGINES",
    "KNOWN_PRECISIONS",
    "PRECISIONS",
    "Chosen",
    "Engine",
    "artefact_name",
    "artefact_of_engine",
    "choose_engine",
    "open_engine",
    "usual_precision",
]


def __getattr__(name: str) -> object:
    # The protocol names numpy's types, and a command that only prints its help should not wait for numpy.
    if name == "Engine":
        from skinseg_runtime.engines.protocol import Engine

        return Engine
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
