"""Which device an engine is for: it runs on the kind of device and the versions it was built with, nowhere else."""

import re
from dataclasses import asdict, dataclass

from skinseg_edge.strict_json import Fields

__all__ = ["Device"]


@dataclass(frozen=True, kw_only=True)
class Device:
    """A GPU with the software that builds and runs engines on it.

    *product*: "trt" or "trt-rtx"; *tensorrt*: its version, such as "10.3.0". *gpu*: as its maker calls it.
    *compute_capability*: such as "8.7". *cuda*: version of the CUDA runtime, such as "12.6". *jetpack*: such as "6.2",
    *l4t*: such as "36.4.3"; both None elsewhere than on a Jetson. *is_integrated*: the GPU shares the board's memory.
    *memory_bytes*: all memory of the GPU.
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

    def to_json(self) -> dict[str, object]:
        """Return plain values for `json.dumps`; `from_json` gives the same device back."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: object, where: str) -> "Device":
        """Read what `to_json` gave; *where* is how messages name it.

        Raises BundleUnusable if a field is missing, foreign or of another type.
        """
        fields = Fields(document, where, tuple(cls.__dataclass_fields__))
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
