"""A model to evaluate, whatever it is: a bundle on its engine, or a checkpoint in torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from skinseg_edge.errors import InputError
from skinseg_runtime import Segmenter

if TYPE_CHECKING:
    from torch import nn

__all__ = ["OpenModel", "labelled", "open_model"]


@dataclass(frozen=True)
class OpenModel:
    """*segmenter*: gives the masks. *network*: of a checkpoint; None for a bundle, which holds none."""

    segmenter: Segmenter
    network: nn.Module | None

    @property
    def parameters(self) -> int | None:
        """How many trainable numbers the network has; None for a bundle."""
        return None if self.network is None else sum(each.numel() for each in self.network.parameters())


@contextmanager
def open_model(model: str, engine: str, precision: str, network: str | None) -> Iterator[OpenModel]:
    """Open *model*, a bundle's folder or what `load_model` takes, and close it after the block.

    Raises InputError if an option does not fit the kind of model, and what opening it raises.
    """
    is_bundle = Path(model).is_dir()
    if is_bundle and network is not None:
        raise InputError(f"cannot use --network {network} with {model}: a bundle knows its network; leave it out")
    if not is_bundle and (engine, precision) != ("auto", "fp32"):
        raise InputError(
            f"cannot evaluate {model} with --engine {engine} --precision {precision}: only bundles have a choice, "
            "a checkpoint runs in torch; export it with skinseg-export first"
        )
    if is_bundle:
        with Segmenter.open(model, engine=engine, precision=precision) as segmenter:
            yield OpenModel(segmenter, None)
        return
    from skinseg_export.model_source import load_model
    from skinseg_export.torch_engine import TorchEngine

    checkpoint = load_model(model, network=network)
    with Segmenter(checkpoint.contract, TorchEngine(checkpoint.network, checkpoint.contract)) as segmenter:
        yield OpenModel(segmenter, checkpoint.network)


def labelled(models: Sequence[str]) -> list[tuple[str, str]]:
    """Part each LABEL=MODEL into both; a model without a label is called by the end of its path.

    That is its file's name, and as many folders as tell it from the others: every run's weights have the same name.

    >>> labelled(["ours=run1/best.safetensors", "runs/a/best.safetensors", "runs/b/best.safetensors", "scsonet"])[1:]
    [('a/best.safetensors', 'runs/a/best.safetensors'), ('b/best.safetensors', 'runs/b/best.safetensors'), \
('scsonet', 'scsonet')]

    Raises InputError if a model without a label cannot be told from another one.
    """
    parted = [_parted(model) for model in models]
    taken = {label for label, _ in parted if label}
    unlabelled = [path for label, path in parted if not label]
    ends = {path: _tell_apart(path, [other for other in unlabelled if other != path], taken) for path in unlabelled}
    twice = next((path for path in unlabelled if unlabelled.count(path) > 1 or not ends[path]), None)
    if twice is not None:
        raise InputError(
            f"cannot compare {twice} with itself or another model of its name: write LABEL={twice} to name it; models "
            "of one label are runs of one"
        )
    return [(label or ends[path], path) for label, path in parted]


def _parted(model: str) -> tuple[str, str]:
    label, equals, path = model.partition("=")
    return (label, path) if equals and label and path and not Path(model).exists() else ("", model)


def _tell_apart(path: str, others: Sequence[str], taken: set[str]) -> str:
    """Return the shortest end of *path* that none of the *others* has and that is not *taken*, "" if there is none."""
    for length in range(1, len(Path(path).parts) + 1):
        end = Path(path).parts[-length:]
        if "/".join(end) not in taken and all(Path(other).parts[-length:] != end for other in others):
            return "/".join(end)
    return ""
