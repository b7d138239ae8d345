"""Quantization-aware training: a short walk from trained weights, at their size and in their values.

Size, normalisation and classes are those of the weights it starts from (`training/start.py`). Half of the loss is to
stay with the masks of these weights, which is what a quantized model is accepted by.
"""

from skinseg_edge.training.augmentation import PHONE_AND_RING
from skinseg_edge.training.recipes.recipe import Recipe, Stage

__all__ = ["QAT"]

QAT = Recipe(
    name="qat",
    stages=(Stage(256, 4, PHONE_AND_RING),),
    batch=16,
    optimizer="adamw",
    learning_rate=1e-4,
    weight_decay=1e-2,
    schedule="cosine",
    final_learning_rate=1e-6,
    warm_up=0,
    average_decay=0.99,
    loss="bce+dice",
    teacher_weight=0.5,
)
