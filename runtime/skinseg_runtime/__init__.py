"""From a photo to a lesion mask, from a verified bundle, without torch.

    from skinseg_runtime import Segmenter

    with Segmenter.open("lesion.skinseg") as segmenter:
        result = segmenter.segment("photo.jpg")
    result.mask       # (H, W) bool at the photo's own size
    result.lesions    # one Lesion a connected region, largest first

Coordinates everywhere: the upright photo (EXIF applied), (x, y) in px, pixel centres at integers, origin top left.
What is named here is imported when first touched: `import skinseg_runtime` alone loads neither numpy nor an engine.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skinseg_runtime.measurements import Lesion
    from skinseg_runtime.segmentation import Segmentation
    from skinseg_runtime.segmenter import Segmenter

__all__ = ["Lesion", "Segmentation", "Segmenter"]

_HOME = {"Lesion": "measurements", "Segmentation": "segmentation", "Segmenter": "segmenter"}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(f"skinseg_runtime.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
