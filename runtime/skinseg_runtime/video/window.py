"""A window with the newest frame; q or Esc ends."""

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_runtime.video.opencv_build import check_window

__all__ = ["Window"]

_ENDS = (ord("q"), ord("Q"), 27)  # 27: Esc
_LONGEST_SIDE = 1280  # px; a frame of 4000 x 3000 would not fit on a screen


class Window:
    """Opened on the main thread, where systems want windows to be.

    Raises ToolMissing if no window can be opened.
    """

    def __init__(self, title: str) -> None:
        check_window()
        self._title = title
        self._is_open = False

    def show(self, pixels: NDArray[np.uint8]) -> None:
        """Show a frame, (H, W, 3) uint8 RGB, made smaller if it is larger than a screen."""
        scale = _LONGEST_SIDE / max(pixels.shape[:2])
        if scale < 1:
            pixels = np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
        self._is_open = True
        cv2.imshow(self._title, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))

    def is_ended(self) -> bool:
        """Let the window breathe for a millisecond, and say whether q or Esc was pressed or it was closed."""
        if cv2.waitKey(1) & 0xFF in _ENDS:
            return True
        return self._is_open and cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) < 1

    def close(self) -> None:
        """Close the window."""
        cv2.destroyAllWindows()
