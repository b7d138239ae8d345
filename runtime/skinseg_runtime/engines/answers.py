"""What every engine asks of the pictures that come in and of the numbers that come out."""

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.errors import ParityFailed

__all__ = ["check_images", "checked_mask", "checked_probability"]

_ROUNDING = 1e-3  # half precision may leave [0, 1] by its last bit; a network without its sigmoid leaves it by far


def check_images(images: NDArray[np.uint8], input_hw: tuple[int, int]) -> None:
    """Check that *images* are (N, H, W, 3) uint8 with (H, W) = *input_hw*.

    Raises ValueError if they are not.
    """
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != (*input_hw, 3):
        raise ValueError(f"images are {images.shape} {images.dtype}, expected (N, {input_hw}, 3) uint8")


def checked_probability(answer: NDArray[np.float32], source: str) -> NDArray[np.float32]:
    """Return *answer*, of any shape, or a copy of it in which the last bit of a rounded form is cut off, in [0, 1].

    *source*: what errors call the network that gave it.

    Raises ParityFailed if it holds what is no probability, such as NaN.
    """
    if answer.size == 0:
        return answer
    low, high = float(answer.min()), float(answer.max())
    if not (low >= -_ROUNDING and high <= 1 + _ROUNDING):  # written so that NaN fails, too
        raise ParityFailed(
            f"cannot use the answer of {source}: its values reach from {low:g} to {high:g}, expected probabilities "
            "from 0 to 1; export the model again"
        )
    is_within = low >= 0 and high <= 1
    return answer if is_within else np.asarray(np.clip(answer, 0, 1), np.float32)


def checked_mask(answer: NDArray[np.uint8], source: str) -> NDArray[np.uint8]:
    """Return *answer*, of any shape.

    Raises ParityFailed if it holds anything but 0 and 1.
    """
    if answer.size and answer.max() > 1:
        raise ParityFailed(
            f"cannot use the mask of {source}: its values reach to {answer.max()}, expected 0 and 1; "
            "build the engine again"
        )
    return answer
