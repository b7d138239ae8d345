"""A model to evaluate, whatever it is: a bundle on its engine, or a checkpoint in torch."""

from __future__ import annotations

from collections.abc import Iterator
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


def labelled(model: str) -> tuple[str, str]:
    """Part LABEL=MODEL into both; a model without a label is called by its file's name.

    >>> labelled("ours=run1/best.safetensors"), labelled("lesion.skinseg")
    (('ours', 'run1/best.safetensors'), ('lesion.skinseg', 'lesion.skinseg'))
    """
    label, equals, path = model.partition("=")
    if equals and label and path and not Path(model).exists():
        return label, path
    return Path(model).name or model, model
