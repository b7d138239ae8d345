"""From a photo to a lesion mask, from a verified bundle, without torch.

    from skinseg_runtime import Segmenter

    with Segmenter.open("lesion.skinseg") as segmenter:
        result = segmenter.segment("photo.jpg")
    result.mask       # (H, W) bool at the photo's own size
    result.lesions    # one Lesion a connected region, largest first

Coordinates everywhere: the upright photo (EXIF applied), (x, y) in px, pixel centres at integers, origin top left.
What is named here is imported when first touched: `import skinseg_runtime` alone loads neither numpy nor an engine.
"""

from typing import TYPE_CHECKING

from skinseg_edge.lazy_names import imported_when_touched

if TYPE_CHECKING:
    from skinseg_runtime.measurements import Lesion
    from skinseg_runtime.segmentation import Segmentation
    from skinseg_runtime.segmenter import Segmenter

__all__ = ["Lesion", "Segmentation", "Segmenter"]

__getattr__ = imported_when_touched(
    __name__, {"Lesion": "measurements", "Segmentation": "segmentation", "Segmenter": "segmenter"}
)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
