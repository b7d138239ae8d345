"""How weights move: the optimizer of a recipe, and its learning rate at each step."""

import math

import torch
from torch import nn

from skinseg_edge.training.recipes import Recipe

__all__ = ["learning_rate", "optimizer_of"]


def optimizer_of(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Return the optimizer that *recipe* names, over all weights of *network*."""
    weights, rate, decay = network.parameters(), recipe.learning_rate, recipe.weight_decay
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(weights, lr=rate, momentum=recipe.momentum, nesterov=recipe.nesterov, weight_decay=decay)
    kind = torch.optim.AdamW if recipe.optimizer == "adamw" else torch.optim.Adam
    return kind(weights, lr=rate, weight_decay=decay)


def learning_rate(recipe: Recipe, epoch: int, step: int, steps_an_epoch: int) -> float:
    """Return the rate of *step* in *epoch* (both from 0): the cosine falls a step, all others change an epoch."""
    peak, floor = recipe.learning_rate, recipe.final_learning_rate
    if recipe.schedule == "constant":
        return peak
    if recipe.schedule == "cosine-50":
        return floor + (peak - floor) * (1 + math.cos(math.pi * epoch / 50)) / 2
    if recipe.schedule == "steps":
        return peak * recipe.step_factor ** (epoch * recipe.steps // recipe.epochs)
    now = epoch + step / steps_an_epoch
    if now < recipe.warm_up:
        return peak * max(now, 0.01) / recipe.warm_up
    done = (now - recipe.warm_up) / max(recipe.epochs - recipe.warm_up, 1)
    return floor + (peak - floor) * (1 + math.cos(math.pi * min(done, 1.0))) / 2
