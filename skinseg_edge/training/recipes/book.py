"""Which network has which recipes."""

from collections.abc import Mapping

from skinseg_edge.known_names import unknown_name
from skinseg_edge.training.recipes import best, papers
from skinseg_edge.training.recipes.recipe import Recipe

__all__ = ["recipe", "recipe_names"]

_RECIPES: Mapping[str, Mapping[str, Recipe]] = {
    "cmssm": {"paper": papers.CMSSM, "best": best.CMSSM},
    "hhbsnet": {"paper": papers.HHBSNET, "best": best.HHBSNET},
    "scsonet": {"paper": papers.SCSONET, "best": best.SCSONET},
    "ulffn": {"paper": papers.ULFFN, "best": best.ULFFN},
    "unet": {"paper": papers.UNET, "best": best.UNET},
}
_OF_OTHERS: Mapping[str, Recipe] = {"best": best.BEST}


def recipe_names(network: str) -> tuple[str, ...]:
    """Return the names of the recipes for *network*; the user's own networks have `best`."""
    return tuple(sorted(_RECIPES.get(network, _OF_OTHERS)))


def recipe(network: str, name: str) -> Recipe:
    """Return the recipe *name* of *network*.

    Raises UnknownName if the network has no such recipe.
    """
    recipes = _RECIPES.get(network, _OF_OTHERS)
    if name not in recipes:
        raise unknown_name(f"recipe of {network}", name, recipes)
    return recipes[name]
