"""The picture that a face is drawn into: its size, the pose, and how plan outlines become covered pixels."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_edge.datasets.synthetic.face_shape import Pose
from skinseg_edge.datasets.synthetic.noise import Field
from skinseg_edge.datasets.synthetic.strokes import OVERSAMPLING, canvas, coverage

__all__ = ["FaceFrame"]

_SHIFT = 4  # fractional bits of cv2's fixed-point coordinates


@dataclass(frozen=True)
class FaceFrame:
    """A picture of *hw* rows and columns, px, with the plan laid into it by *pose*."""

    hw: tuple[int, int]
    pose: Pose

    @cached_property
    def plan(self) -> tuple[Field, Field]:
        """Each pixel's plan coordinates: x and y, (H, W) each."""
        return self.pose.plan_of_pixels(self.hw)

    def px(self, units: float) -> float:
        """Turn a length of the plan into px."""
        return units * self.pose.scale

    def cover(self, *outlines: NDArray[np.float64]) -> Field:
        """Fill closed plan outlines; returns (H, W), 0..1, how much of each pixel is covered."""
        drawn = canvas(self.hw)
        for outline in outlines:
            corners = ((self.pose.to_picture(outline) + 0.5) * OVERSAMPLING - 0.5) * (1 << _SHIFT)
            cv2.fillPoly(drawn, [np.rint(corners).astype(np.int32)], 255, cv2.LINE_AA, _SHIFT)
        return coverage(drawn, self.hw)

    def disc(self, x: float, y: float, radius: float, height: float | None = None) -> NDArray[np.float64]:
        """Outline an ellipse of the plan: its half axes are *radius* across and *height* down (a circle without)."""
        angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        across, down = radius * np.cos(angles), (height or radius) * np.sin(angles)
        return np.asarray(np.stack([x + across, y + down], axis=1), np.float64)
