"""The way to the GPU: driver, CUDA, TensorRT, TensorRT-RTX; and the ways in which it is known to break."""

import re
from pathlib import Path

from skinseg_runtime.doctor.finding import Finding, missing, ok, warn
from skinseg_runtime.doctor.host import Host, Library
from skinseg_runtime.engines.products import TENSORRT, TENSORRT_RTX, Product
from skinseg_runtime.engines.tensorrt_library import version_numbers

__all__ = [
    "ADD_TO_GROUPS",
    "CUDA_ON_JETSON",
    "INSTALL_TENSORRT",
    "NO_PIP_TENSORRT",
    "SEE_SYSTEM_PACKAGES",
    "UPDATE_JETPACK",
    "WITH_GPU",
    "cuda",
    "driver",
    "tensorrt",
    "tensorrt_rtx",
]

ADD_TO_GROUPS = "sudo usermod -aG video,render $USER  # then log in again"
CUDA_ON_JETSON = "PATH=/usr/local/cuda/bin:$PATH pip install 'skinseg-edge[jetson]'"
CUDA_ELSEWHERE = "pip install cuda-bindings"
INSTALL_TENSORRT = "sudo apt update && sudo apt install tensorrt python3-libnvinfer"
NO_PIP_TENSORRT = (
    "pip uninstall -y tensorrt tensorrt-cu12 tensorrt-cu12-bindings tensorrt-cu12-libs "
    "tensorrt-cu13 tensorrt-cu13-bindings tensorrt-cu13-libs"
)
SEE_SYSTEM_PACKAGES = "sed -i 's/^include-system-site-packages = false/include-system-site-packages = true/' {config}"
INSTALL_RTX = "pip install 'skinseg-edge[trt-rtx]'"
WITH_GPU = "docker run --runtime nvidia ..."
UPDATE_JETPACK = "sudo apt update && sudo apt install nvidia-jetpack"

_ORIN = "tegra234"
_OF_THOR_ALONE = "38."  # JetPack 7.0 and 7.1
# TensorRT for servers with ARM processors (what pip brings) has no kernels for Orin in 10.13.3 (NVIDIA-ISAAC-ROS/
# isaac-ros-cli, issue 22) and has them in 10.16; on JetPack 6 it needs a newer CUDA than the board has, too.
_FIRST_SERVER_BUILD_FOR_ORIN = (10, 16)
# Turing, Ampere, Ada and Blackwell of its support matrix; servers' Hopper and Blackwell (9.0, 10.x) are in none.
_FAMILIES_OF_RTX = ("7.5", "8.", "12.")
# The wheel in NVIDIA's archive for Jetson, which is right there, is called plain tensorrt and brings none of these.
_OF_PIP = ("tensorrt-cu12", "tensorrt-cu13", "tensorrt-cu12-bindings", "tensorrt-cu13-bindings", "tensorrt-bindings")


def driver(host: Host) -> Finding:
    """Tell whether this user reaches the GPU through NVIDIA's driver."""
    if host.kind not in ("jetson", "nvidia"):
        return ok("driver", "no NVIDIA GPU")
    if not host.gpu_nodes and host.system != "Windows":
        return _no_driver(host)
    closed = [path.name for path in host.gpu_nodes if not host.may_use(path)]
    if closed:
        return missing("driver", f"this user may not open /dev/{closed[0]}", ADD_TO_GROUPS)
    version = re.search(r"Kernel Module[^\d\n]*([\d.]+)", host.text("proc/driver/nvidia/version"))
    return ok("driver", f"NVIDIA {version[1]}" if version else "there, and open to this user")


def cuda(host: Host) -> Finding:
    """Ask CUDA for the GPU, through pycuda or cuda.bindings."""
    facts = host.gpu
    if isinstance(facts, str):
        return _no_cuda(host, facts)
    memory = f"{facts.memory_bytes / (1 << 30):.1f} GiB" + (" shared with the processor" if facts.is_integrated else "")
    versions = f"CUDA {facts.cuda}, the driver knows up to {facts.driver}"
    return ok("cuda", f"{facts.name}, compute capability {facts.compute_capability}, {memory}, {versions}")


def tensorrt(host: Host) -> Finding:
    """Find TensorRT, and tell a build that cannot work on this board."""
    library = host.find(TENSORRT.module)
    if library.version is None:
        return _no_tensorrt(host, library)
    if host.kind == "jetson" and (pitfall := _server_build(host, library)):
        return pitfall
    if (fault := _too_old(TENSORRT, library.version)) is not None:
        return missing("tensorrt", fault, UPDATE_JETPACK if host.kind == "jetson" else "pip install -U tensorrt-cu13")
    return ok("tensorrt", f"TensorRT {library.version}")


def tensorrt_rtx(host: Host) -> Finding:
    """Find TensorRT-RTX, which is for cards of workstations."""
    library = host.find(TENSORRT_RTX.module)
    if library.fault is not None:
        return warn("tensorrt-rtx", f"it cannot be imported: {library.fault}", INSTALL_RTX)
    if library.version is None:
        return _no_rtx(host)
    if (fault := _too_old(TENSORRT_RTX, library.version)) is not None:
        return warn("tensorrt-rtx", fault, f"{INSTALL_RTX} -U")
    if not isinstance(host.gpu, str) and not host.gpu.compute_capability.startswith(_FAMILIES_OF_RTX):
        found = (
            f"TensorRT-RTX {library.version} is not said to support compute capability {host.gpu.compute_capability}"
        )
        return warn("tensorrt-rtx", found, "pip install tensorrt-cu13")
    return ok("tensorrt-rtx", f"TensorRT-RTX {library.version}")


def _no_driver(host: Host) -> Finding:
    if host.kind == "jetson":
        return missing("driver", "no GPU in /dev; in a container it must be handed in", WITH_GPU)
    return missing("driver", "an NVIDIA card and no driver for it", "sudo ubuntu-drivers install")


def _no_cuda(host: Host, words: str) -> Finding:
    if host.kind not in ("jetson", "nvidia"):
        return ok("cuda", words)
    if host.kind == "jetson":
        return missing("cuda", words, CUDA_ON_JETSON)
    return warn("cuda", words, CUDA_ELSEWHERE)


def _no_tensorrt(host: Host, library: Library) -> Finding:
    if host.kind != "jetson":
        found = "not installed" if library.fault is None else f"it cannot be imported: {library.fault}"
        return ok("tensorrt", f"{found}; TensorRT-RTX and ONNX Runtime do without it")
    if library.fault is not None:
        return missing("tensorrt", f"it cannot be imported: {library.fault}", INSTALL_TENSORRT)
    if host.is_venv and _of_jetpack(host):
        found = "JetPack's is installed, but this virtual environment does not see the system's packages"
        return missing("tensorrt", found, SEE_SYSTEM_PACKAGES.format(config=host.prefix / "pyvenv.cfg"))
    return missing("tensorrt", "not installed", INSTALL_TENSORRT)


def _of_jetpack(host: Host) -> bool:
    return any((host.root / "usr/lib").glob("python3*/dist-packages/tensorrt"))


def _server_build(host: Host, library: Library) -> Finding | None:
    """Tell pip's TensorRT on an Orin that needs JetPack's."""
    board = host.jetpack
    of_pip = any(host.package_version(name) for name in _OF_PIP) and "dist-packages" not in Path(library.file).parts
    if board is None or board.soc not in (_ORIN, None) or not of_pip:
        return None
    if (board.l4t or "").startswith(_OF_THOR_ALONE):  # a container hides the chip
        return None
    is_jetpack_6 = (board.l4t or "").startswith("36.")
    if not is_jetpack_6 and version_numbers(library.version or "") >= _FIRST_SERVER_BUILD_FOR_ORIN:
        return None
    found = (
        f"TensorRT {library.version} of pip, built for servers: on Orin it says 'Target GPU SM 87 is not supported by "
        "this TensorRT release'; JetPack's own is needed"
    )
    return missing("tensorrt", found, NO_PIP_TENSORRT)


def _no_rtx(host: Host) -> Finding:
    if host.kind == "nvidia" and host.processor.lower() in ("x86_64", "amd64"):
        return warn("tensorrt-rtx", "not installed, so the card may lie idle", INSTALL_RTX)
    return ok("tensorrt-rtx", "not installed, and not for this machine")


def _too_old(product: Product, version: str) -> str | None:
    if version_numbers(version) >= product.oldest:
        return None
    oldest = ".".join(map(str, product.oldest))
    return f"{product.title} {version}, expected {oldest} or newer"
