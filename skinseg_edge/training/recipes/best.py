"""This project's own recipe: one long cosine over growing pictures, strong augmentation, averaged weights.

Most epochs are spent where an epoch is cheap. The training pictures are cut from the middle of photos, so the dark ring
around many whole ones has to be drawn; it comes late, as the last lesson. Given a teacher, half of the loss is its.
"""

from dataclasses import replace

from skinseg_edge.training.augmentation import PHONE, PHONE_AND_RING
from skinseg_edge.training.recipes.recipe import Recipe, Stage

__all__ = ["BEST", "CMSSM", "HHBSNET", "SCSONET", "ULFFN", "UNET"]

SCSONET = Recipe(
    name="best",
    stages=(Stage(128, 30, PHONE), Stage(192, 22, PHONE), Stage(256, 4, PHONE), Stage(256, 20, PHONE_AND_RING)),
    batch=16,
    optimizer="adamw",
    learning_rate=4e-3,
    weight_decay=1e-2,
    schedule="cosine",
    final_learning_rate=1e-5,
    warm_up=2,
    average_decay=0.998,
    loss="bce+dice",
    teacher_weight=0.5,
)

# Larger networks want smaller steps; the user's own network is taken for one of them.
BEST = replace(SCSONET, learning_rate=1e-3)
UNET = BEST

# Their papers' size is 512 px; the smaller stages carry most of the epochs, as above.
HHBSNET = replace(
    BEST, stages=(Stage(256, 30, PHONE), Stage(384, 22, PHONE), Stage(512, 4, PHONE), Stage(512, 20, PHONE_AND_RING))
)
ULFFN = replace(HHBSNET, learning_rate=5e-4)

# The feature losses are what the paper's network was made for.
CMSSM = replace(BEST, learning_rate=5e-4, weight_decay=5e-2, cross_feature_weight=0.015, internal_feature_weight=0.015)
