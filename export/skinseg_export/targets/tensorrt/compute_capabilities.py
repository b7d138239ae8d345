"""The GPUs that a TensorRT-RTX engine is built for ahead of time, by the number of their architecture."""

import re
from collections.abc import Sequence
from typing import cast

from skinseg_edge.errors import InputError, ToolMissing
from skinseg_edge.known_names import unknown_name

__all__ = ["COMPUTE_CAPABILITIES", "check_compute_capabilities"]

COMPUTE_CAPABILITIES = ("8.6", "8.9", "12.0")  # GeForce RTX 30, 40 and 50
_FORM = re.compile(r"[1-9]\d?\.\d")


def check_compute_capabilities(given: Sequence[str]) -> None:
    """Check that an engine can be built for *given*, such as ("8.6", "8.9"), before anything else is made.

    The builder has the list; without tensorrt_rtx only the form is checked.

    Raises InputError if one has another form or stands there twice, UnknownName if the builder does not know it.
    """
    for capability in given:
        if _FORM.fullmatch(capability) is None or given.count(capability) > 1:
            raise InputError(
                f"cannot build for compute capabilities {', '.join(given)}: expected numbers such as 8.6, each once"
            )
    try:
        known = _known()
    except ToolMissing:
        return
    for capability in given:
        if capability not in known:
            raise unknown_name("compute capability", capability, known)


def _known() -> tuple[str, ...]:
    # Importing TensorRT takes time, which `--help` has not.
    from skinseg_runtime.engines.products import TENSORRT_RTX
    from skinseg_runtime.engines.tensorrt_api import NewerTensorRt
    from skinseg_runtime.engines.tensorrt_library import load

    members = cast("NewerTensorRt", load(TENSORRT_RTX)).ComputeCapability.__members__
    numbers = [name.removeprefix("SM") for name in members if name.startswith("SM")]
    return tuple(f"{number[:-1]}.{number[-1]}" for number in numbers)
