"""Whether a photo is good enough for its outline to be believed, each reason in plain words and with its number.

    quality = assess(photo, segmentation)
    quality.verdict                                       # "good", "usable" or "retake"
    [finding.sentence for finding in quality.findings]

It judges the photo, never the lesion. What is named here is imported when first touched.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skinseg_runtime.quality.assessment import assess
    from skinseg_runtime.quality.close_up import hw_for_close_up
    from skinseg_runtime.quality.findings import Finding, Quality, Verdict

__all__ = ["Finding", "Quality", "Verdict", "assess", "hw_for_close_up"]

_HOME = {
    "Finding": "findings",
    "Quality": "findings",
    "Verdict": "findings",
    "assess": "assessment",
    "hw_for_close_up": "close_up",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(f"skinseg_runtime.quality.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
