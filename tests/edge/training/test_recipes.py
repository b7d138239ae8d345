"""Recipes as data: what the papers say, and epochs that can be chosen."""

import pytest
import torch
from torch import nn

from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import InputError, UnknownName
from skinseg_edge.training.losses import LOSSES
from skinseg_edge.training.optimization import learning_rate, optimizer_of
from skinseg_edge.training.recipes import recipe, recipe_names

PAPERS = ("cmssm", "hhbsnet", "scsonet", "ulffn", "unet")


@pytest.mark.parametrize("network", PAPERS)
def test_every_network_of_a_paper_has_its_recipes_and_their_losses_exist(network: str) -> None:
    assert recipe_names(network) == ("best", "paper", "qat")
    for name in recipe_names(network):
        chosen = recipe(network, name)
        assert chosen.loss in LOSSES
        assert chosen.name == name
        ModelContract(input_hw=(chosen.side, chosen.side), mean=chosen.mean, std=chosen.std, classes=chosen.classes)


@pytest.mark.parametrize("network", PAPERS)
def test_every_paper_names_its_split(network: str) -> None:
    assert recipe(network, "paper").split


def test_the_users_own_network_has_the_projects_recipes() -> None:
    assert recipe_names("mine") == ("best", "qat")


def test_the_papers_recipe_of_scsonet_is_300_epochs_of_batch_8_with_adamw() -> None:
    paper = recipe("scsonet", "paper")
    assert (paper.epochs, paper.side, paper.batch, paper.optimizer) == (300, 256, 8, "adamw")
    assert (paper.learning_rate, paper.weight_decay, paper.final_learning_rate) == (1e-3, 1e-2, 1e-5)


# Optimizer, learning rate, epochs, batch, side, loss: networks.md of the design names the sections of the papers.
@pytest.mark.parametrize(
    ("network", "said"),
    [
        ("scsonet", ("adamw", 1e-3, 300, 8, 256, "bce+dice")),
        ("unet", ("adam", 1e-3, 20, 32, 224, "bce")),
        ("cmssm", ("adamw", 1e-3, 300, 32, 256, "0.3bce+0.7dice")),
        ("ulffn", ("adam", 1e-4, 100, 8, 512, "ce")),
        ("hhbsnet", ("sgd", 7e-3, 180, 8, 512, "ce+focal")),
    ],
)
def test_a_papers_recipe_is_what_the_paper_says(network: str, said: tuple[object, ...]) -> None:
    paper = recipe(network, "paper")
    assert (paper.optimizer, paper.learning_rate, paper.epochs, paper.batch, paper.side, paper.loss) == said


def test_ulffn_loses_a_tenth_of_its_rate_every_20_epochs() -> None:
    rates = [learning_rate(recipe("ulffn", "paper"), epoch, 0, 1) for epoch in (0, 19, 20, 40, 99)]
    assert rates == pytest.approx([1e-4, 1e-4, 0.9e-4, 0.81e-4, 1e-4 * 0.9**4])


def test_hhbsnet_falls_to_a_hundredth_in_ten_equal_steps_however_long_it_trains() -> None:
    for epochs in (180, 60):
        whole = recipe("hhbsnet", "paper").with_epochs(epochs)
        rates = [learning_rate(whole, epoch, 0, 1) for epoch in range(epochs)]
        assert len(set(rates)) == 10
        assert rates[0] == 7e-3
        assert rates[epochs // 10] == pytest.approx(7e-3 * 0.599, rel=1e-3)
        assert rates[-1] == pytest.approx(7e-5)


def test_a_cosine_warms_up_and_falls_to_its_floor_step_by_step() -> None:
    best = recipe("scsonet", "best")
    rates = [learning_rate(best, epoch, step, 10) for epoch in range(best.epochs) for step in range(10)]
    assert max(rates) == pytest.approx(4e-3, rel=1e-3)
    assert rates.index(max(rates)) == 10 * best.warm_up
    assert rates[-1] == pytest.approx(1e-5, rel=0.1)
    assert sorted(rates[10 * best.warm_up :], reverse=True) == rates[10 * best.warm_up :]


def test_sgd_comes_with_the_papers_momentum() -> None:
    optimizer = optimizer_of(nn.Linear(1, 1), recipe("hhbsnet", "paper"))
    assert isinstance(optimizer, torch.optim.SGD)
    group = optimizer.param_groups[0]
    assert (group["momentum"], group["nesterov"], group["weight_decay"]) == (0.9, True, 1e-4)


def test_an_unknown_recipe_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownName, match="'bst': known are best, paper, qat; did you mean 'best'"):
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
