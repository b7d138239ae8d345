"""Whether there is an NVIDIA GPU to speak of, told without CUDA."""

import os
import shutil
from pathlib import Path

__all__ = ["has_nvidia_gpu"]

# A card; a Jetson's GPU under JetPack 5 and 6, and under either later name; Windows' subsystem for Linux.
_NODES = ("dev/nvidiactl", "dev/nvhost-ctrl-gpu", "dev/nvgpu", "dev/dxg")


def has_nvidia_gpu(root: Path = Path("/")) -> bool:
    """Tell whether the system shows the files of an NVIDIA GPU, or on Windows has `nvidia-smi`.

    Costs no CUDA context and no import. A GPU whose driver is broken may show them as well. *root*: where the system
    begins.
    """
    if os.name == "nt":
        return shutil.which("nvidia-smi") is not None
    return any((root / node).exists() for node in _NODES)
