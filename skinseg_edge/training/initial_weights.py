"""Weights to start from expect their pictures in the values they were trained on; a recipe can be fitted to that."""

from dataclasses import replace
from pathlib import Path

from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import FileMissing
from skinseg_edge.networks.foreign_weights import renamed, usual_contract
from skinseg_edge.networks.weight_file import read_weights
from skinseg_edge.training.recipes import Recipe

__all__ = ["with_normalisation_of"]

# Mean and standard deviation of ImageNet's pictures (R, G, B, values in [0, 1]), as torchvision's weights want them.
_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def with_normalisation_of(recipe: Recipe, network_name: str, weights: Path) -> Recipe:
    """Return *recipe* with the mean and standard deviation that the file *weights* was trained with.

    A checkpoint of this project says them; a backbone without a decoder is ImageNet's; the public SCSONet has its own.
    Other foreign weights tell nothing, and the recipe's stay.

    Raises FileMissing if there is no such file, and what reading it raises.
    """
    if not weights.is_file():
        raise FileMissing(f"cannot load initial weights {weights}: there is no such file; check --initial-weights")
    state, header = read_weights(weights, weights.read_bytes())
    if header is not None:
        contract = ModelContract.from_json(header["contract"])
        return replace(recipe, mean=contract.mean, std=contract.std)
    if state and all(name.startswith("backbone.") for name in renamed(network_name, state)):
        return replace(recipe, mean=_IMAGENET_MEAN, std=_IMAGENET_STD)
    usual = usual_contract(network_name, state)
    if (usual.mean, usual.std) == (ModelContract.mean, ModelContract.std):
        return recipe
    return replace(recipe, mean=usual.mean, std=usual.std)
