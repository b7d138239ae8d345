"""Which network has which recipes."""

from collections.abc import Mapping

from skinseg_edge.known_names import unknown_name
from skinseg_edge.training.recipes import best, papers
from skinseg_edge.training.recipes.qat import QAT
from skinseg_edge.training.recipes.recipe import Recipe

__all__ = ["recipe", "recipe_names"]

_RECIPES: Mapping[str, Mapping[str, Recipe]] = {
    "cmssm": {"paper": papers.CMSSM, "best": best.CMSSM, "qat": QAT},
    "hhbsnet": {"paper": papers.HHBSNET, "best": best.HHBSNET, "qat": QAT},
    "scsonet": {"paper": papers.SCSONET, "best": best.SCSONET, "qat": QAT},
    "ulffn": {"paper": papers.ULFFN, "best": best.ULFFN, "qat": QAT},
    "unet": {"paper": papers.UNET, "best": best.UNET, "qat": QAT},
}
_OF_OTHERS: Mapping[str, Recipe] = {"best": best.BEST, "qat": QAT}


def recipe_names(network: str) -> tuple[str, ...]:
    """Return the names of the recipes for *network*; the user's own networks have `best` and `qat`."""
    return tuple(sorted(_RECIPES.get(network, _OF_OTHERS)))


def recipe(network: str, name: str) -> Recipe:
    """Return the recipe *name* of *network*.

    Raises UnknownName if the network has no such recipe.
    """
    recipes = _RECIPES.get(network, _OF_OTHERS)
    if name not in recipes:
        raise unknown_name(f"recipe of {network}", name, recipes)
    return recipes[name]
