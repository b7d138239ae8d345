"""Recipes as data: what the papers say, and epochs that can be chosen."""

import pytest

from skinseg_edge import networks
from skinseg_edge.errors import InputError, UnknownName
from skinseg_edge.training.losses import LOSSES
from skinseg_edge.training.recipes import recipe, recipe_names


@pytest.mark.parametrize("network", networks.names())
def test_every_network_has_both_recipes_and_their_losses_exist(network: str) -> None:
    assert recipe_names(network) == ("best", "paper")
    for name in recipe_names(network):
        assert recipe(network, name).loss in LOSSES


def test_the_users_own_network_has_the_projects_recipe() -> None:
    assert recipe_names("mine") == ("best",)


def test_the_papers_recipe_of_scsonet_is_300_epochs_of_batch_8_with_adamw() -> None:
    paper = recipe("scsonet", "paper")
    assert (paper.epochs, paper.side, paper.batch, paper.optimizer) == (300, 256, 8, "adamw")
    assert (paper.learning_rate, paper.weight_decay, paper.final_learning_rate) == (1e-3, 1e-2, 1e-5)


def test_an_unknown_recipe_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownName, match="'bst': known are best, paper; did you mean 'best'"):
        recipe("scsonet", "bst")


@pytest.mark.parametrize("epochs", [1, 2, 3, 7, 200])
def test_chosen_epochs_keep_the_order_and_the_final_size(epochs: int) -> None:
    whole = recipe("scsonet", "best")
    shortened = whole.with_epochs(epochs)
    sides = [stage.side for stage in shortened.stages]
    assert shortened.epochs == epochs
    assert sides == sorted(sides)
    assert shortened.side == whole.side


def test_each_epoch_belongs_to_its_stage() -> None:
    shortened = recipe("scsonet", "best").with_epochs(23)
    expected = [stage for stage in shortened.stages for _ in range(stage.epochs)]
    assert [shortened.stage_of(epoch) for epoch in range(23)] == expected


def test_zero_epochs_are_refused() -> None:
    with pytest.raises(InputError, match="0 epochs"):
        recipe("unet", "best").with_epochs(0)
