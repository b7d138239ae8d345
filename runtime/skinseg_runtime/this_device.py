"""Which device an engine is for: it runs on the kind of device and the versions it was built with, nowhere else."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from skinseg_edge.errors import BundleUnusable, DeviceUnready, SkinsegError
from skinseg_edge.strict_json import Fields

if TYPE_CHECKING:
    from skinseg_runtime.engines.products import Product

__all__ = ["Device", "identify"]

# How far two readings of one board's memory may lie apart: what the kernel keeps for itself changes with its version.
# The next larger board has twice as much.
_SAME_MEMORY = 0.25
_GIB = 1 << 30


@dataclass(frozen=True, kw_only=True)
class Device:
    """A GPU with the software that builds and runs engines on it.

    *product*: "trt" or "trt-rtx"; *tensorrt*: its version, such as "10.3.0". *gpu*: as its maker calls it.
    *compute_capability*: such as "8.7". *cuda*: the version of CUDA that the driver implements, such as "12.6": the
    same whichever library speaks CUDA. *jetpack*: such as "6.2", *l4t*: such as "36.4.3"; both None elsewhere than on a
    Jetson. *is_integrated*: the GPU shares the board's memory. *memory_bytes*: all memory of the GPU.
    """

    product: str
    tensorrt: str
    gpu: str
    compute_capability: str
    cuda: str
    jetpack: str | None
    l4t: str | None
    is_integrated: bool
    memory_bytes: int

    @property
    def key(self) -> str:
        """Name of the folder for this device's engines.

        >>> Device(product="trt", tensorrt="10.3.0", gpu="Orin (nvgpu)", compute_capability="8.7", cuda="12.6",
        ...        jetpack="6.2", l4t="36.4.3", is_integrated=True, memory_bytes=8 << 30).key
        'orin-nvgpu-sm87-trt10.3.0-cuda12.6-jp6.2'
        """
        parts = [
            self.gpu,
            f"sm{self.compute_capability.replace('.', '')}",
            f"{self.product}{self.tensorrt}",
            f"cuda{self.cuda}",
            *([f"jp{self.jetpack}"] if self.jetpack else []),
        ]
        return re.sub(r"[^a-z0-9.]+", "-", "-".join(parts).lower()).strip("-.")[:120]

    @property
    def identity(self) -> dict[str, str]:
        """What must be the same for an engine to run, in the words of a message, the widest difference first.

        The memory is left to `difference`, because no two readings of it agree. NVIDIA's Linux (l4t) counts only
        where no JetPack is known to go with it.
        """
        system = f"JetPack {self.jetpack}" if self.jetpack else f"L4T {self.l4t}" if self.l4t else "no JetPack"
        return {
            "product": self.product,
            "GPU": self.gpu,
            "compute capability": self.compute_capability,
            "kind of memory": "shared with the board" if self.is_integrated else "of its own",
            "TensorRT": self.tensorrt,
            "CUDA": self.cuda,
            "system": system,
        }

    def difference(self, other: Device) -> str | None:
        """Return what keeps an engine that was built on this device from running on *other*, in words; None if nothing.

        The words follow "cannot use the engine: ".

        >>> orin = Device(product="trt", tensorrt="10.3.0", gpu="Orin", compute_capability="8.7", cuda="12.6",
        ...               jetpack="6.2", l4t="36.4.3", is_integrated=True, memory_bytes=8 << 30)
        >>> orin.difference(Device(**{**vars(orin), "tensorrt": "10.16.2"}))
        'it was built with TensorRT 10.3.0, this device has 10.16.2'
        """
        for name, built in self.identity.items():
            here = other.identity[name]
            if built != here:
                return _said(name, built, here)
        larger = max(self.memory_bytes, other.memory_bytes)
        if abs(self.memory_bytes - other.memory_bytes) > _SAME_MEMORY * larger:
            gibs = (self.memory_bytes / _GIB, other.memory_bytes / _GIB)
            return f"it was built on a GPU with {gibs[0]:.1f} GiB, this device has {gibs[1]:.1f} GiB"
        return None

    def to_json(self) -> dict[str, object]:
        """Return plain values for `json.dumps`; `from_json` gives the same device back."""
        return asdict(self)

    @classmethod
    def from_json(
        cls,
        document: object,
        where: str,
        *,
        what: str = "the manifest",
        error_class: type[SkinsegError] = BundleUnusable,
    ) -> Device:
        """Read what `to_json` gave; *where*, *what*, *error_class*: as in `Fields`.

        Raises *error_class* if a field is missing, foreign or of another type.
        """
        fields = Fields(document, where, tuple(cls.__dataclass_fields__), what=what, error_class=error_class)
        return cls(
            product=fields.text("product"),
            tensorrt=fields.text("tensorrt"),
            gpu=fields.text("gpu"),
            compute_capability=fields.text("compute_capability"),
            cuda=fields.text("cuda"),
            jetpack=fields.text_or_none("jetpack"),
            l4t=fields.text_or_none("l4t"),
            is_integrated=fields.flag("is_integrated"),
            memory_bytes=fields.whole("memory_bytes"),
        )


def identify(product: Product, root: Path = Path("/")) -> Device:
    """Return this device with *product* on it; makes no context on the GPU.

    *root*: where a Jetson's files about itself are looked for.

    Raises ToolMissing if the product, a CUDA library, its driver or a GPU is missing, DeviceUnready if the GPU does not
    answer.
    """
    from skinseg_runtime.cuda_memory import gpu_facts
    from skinseg_runtime.cuda_memory.device import CudaFault
    from skinseg_runtime.engines.tensorrt_library import load
    from skinseg_runtime.jetpack import read_jetpack

    version = str(load(product).__version__)
    try:
        facts = gpu_facts()
    except CudaFault as fault:
        raise DeviceUnready(
            f"cannot tell which GPU this is: {fault}, expected its name; run skinseg-doctor to see what it lacks"
        ) from fault
    jetson = read_jetpack(root)
    return Device(
        product=product.engine,
        tensorrt=version,
        gpu=facts.name,
        compute_capability=facts.compute_capability,
        cuda=facts.driver,
        jetpack=jetson.jetpack if jetson else None,
        l4t=jetson.l4t if jetson else None,
        is_integrated=facts.is_integrated,
        memory_bytes=facts.memory_bytes,
    )


def _said(name: str, built: str, here: str) -> str:
    if name == "product":
        return f"it is an engine for {built}, expected one for {here}"
    if name == "kind of memory":
        return f"it was built on a GPU whose memory is {built}, this one's is {here}"
    if name in ("TensorRT", "CUDA"):
        return f"it was built with {name} {built}, this device has {here}"
    if name == "system":
        return f"it was built under {built}, this device has {here}"
    return f"it was built for the {name} {built}, this device has {here}"
