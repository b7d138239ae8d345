"""Machines for the doctor to look at: folders with the files that a board shows, and what its programs would say."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from skinseg_edge.errors import ToolMissing
from skinseg_runtime.cuda_memory.device import GpuFacts
from skinseg_runtime.doctor import Finding, Host, Library

FAKE_ORIN = GpuFacts(
    name="fake Orin",
    compute_capability="8.7",
    is_integrated=True,
    can_map_host=True,
    memory_bytes=8 << 30,
    cuda="12.6",
    driver="12.6",
)
JETPACK_TENSORRT = Library("10.3.0", "/usr/lib/python3.10/dist-packages/tensorrt/__init__.py")
LIBRARIES = {
    "onnxruntime": Library("1.22.0"),
    "cv2": Library("4.9.0"),
    "cryptography": Library("43.0.0"),
}


def write(root: Path, name: str, text: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def write_orin(
    root: Path, *, revision: str = "4.3", memory_gib: float = 7.4, swap: str = "/swapfile file 8388604"
) -> None:
    """Write what an Orin Nano with JetPack 6.2 shows."""
    total = round(memory_gib * (1 << 20))
    write(root, "etc/nv_tegra_release", f"# R36 (release), REVISION: {revision}, GCID: 1, BOARD: generic\n")
    write(root, "etc/os-release", 'NAME="Ubuntu"\nPRETTY_NAME="Ubuntu 22.04.5 LTS"\n')
    write(root, "proc/device-tree/compatible", "nvidia,p3768-0000+p3767-0005\0nvidia,p3767-0005\0nvidia,tegra234\0")
    write(root, "proc/device-tree/model", "NVIDIA Jetson Orin Nano Developer Kit\0")
    write(root, "proc/meminfo", f"MemTotal: {total} kB\nMemFree: 100 kB\nMemAvailable: {total // 2} kB\n")
    write(root, "proc/swaps", f"Filename Type Size Used Priority\n{swap} 0 -2\n/dev/zram0 partition 649000 0 5\n")
    write(root, "sys/class/devfreq/17000000.gpu/cur_freq", "306000000\n")
    write(root, "sys/class/devfreq/17000000.gpu/max_freq", "1020000000\n")
    write(root, "usr/sbin/nvpmodel", "")
    write(root, "dev/nvhost-ctrl-gpu", "")
    write(root, "dev/nvmap", "")
    write(root, "usr/lib/python3.10/dist-packages/tensorrt/__init__.py", "")


def host(root: Path, libraries: Mapping[str, Library] | None = None, **changes: Any) -> Host:
    """Return a machine whose files lie in *root*: a processor with all packages, no GPU; *changes*: fields of Host."""
    known = {**LIBRARIES, **(libraries or {})}

    def no_gpu() -> GpuFacts:
        raise ToolMissing("cannot use CUDA: no driver; install one")

    fields: dict[str, Any] = {
        "root": root,
        "system": "Linux",
        "processor": "x86_64",
        "python": (3, 10),
        "prefix": Path("/opt/skinseg"),
        "is_venv": True,
        "environment": {},
        "output": lambda _: None,
        "library": lambda module: known.get(module, Library(None)),
        "package_version": lambda _: None,
        "gpu_facts": no_gpu,
        "free_bytes": lambda _: 20 << 30,
        "may_use": lambda _: True,
    }
    return Host(**{**fields, **changes})


def orin(root: Path, libraries: Mapping[str, Library] | None = None, **changes: Any) -> Host:
    """Return a Jetson with JetPack's TensorRT where everything is as it should be; write its files before."""
    fields: dict[str, Any] = {"processor": "aarch64", "gpu_facts": lambda: FAKE_ORIN, "output": fake_nvpmodel}
    return host(root, {"tensorrt": JETPACK_TENSORRT, **(libraries or {})}, **{**fields, **changes})


def fake_nvpmodel(command: Sequence[str]) -> str | None:
    return "NV Power Mode: 15W\n0\n" if list(command) == ["/usr/sbin/nvpmodel", "-q"] else None


def told(finding: Finding) -> tuple[str, str]:
    return finding.status, finding.found
