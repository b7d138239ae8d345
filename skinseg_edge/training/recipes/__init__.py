"""How each network is trained, as data: one recipe a paper, and this project's own."""

from skinseg_edge.training.recipes.book import recipe, recipe_names
from skinseg_edge.training.recipes.recipe import LossName, Recipe, Stage

__all__ = ["LossName", "Recipe", "Stage", "recipe", "recipe_names"]
