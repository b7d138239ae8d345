"""The machine that is looked at: its files, its programs, its Python. A test puts another in its place.

Nothing is changed, nothing is sent, no GPU is woken but by `gpu_facts`. Libraries are imported in processes of their
own: one that crashes on import is a finding, not the end of the doctor.
"""

import importlib.metadata
import json
import os
import platform
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeAlias

from skinseg_edge.errors import SkinsegError
from skinseg_runtime.cuda_memory.device import CudaFault, GpuFacts
from skinseg_runtime.cuda_memory.gpu_nodes import has_nvidia_gpu
from skinseg_runtime.jetpack import JetPack, read_jetpack
from skinseg_runtime.program_output import program_output

__all__ = ["Host", "Kind", "Library", "library_here", "output_here"]

Kind: TypeAlias = Literal["jetson", "nvidia", "apple", "cpu"]

# Imports argv[2] with the search path argv[1]; prints what it is, or why it cannot be.
_PROBE = """\
import importlib, json, sys
sys.path[:] = json.loads(sys.argv[1])
try:
    module = importlib.import_module(sys.argv[2])
    found = {"version": str(getattr(module, "__version__", "unknown")), "file": getattr(module, "__file__", None) or ""}
    found["providers"] = list(getattr(module, "get_available_providers", list)())
    found["build"] = str(getattr(module, "getBuildInformation", str)())
except ModuleNotFoundError as error:
    found = {} if error.name == sys.argv[2] else {"fault": str(error)}
except BaseException as error:
    found = {"fault": f"{type(error).__name__}: {error}"}
print("\\nskinseg-doctor:" + json.dumps(found))
"""
_MARK = "skinseg-doctor:"  # before the answer: a library may print when it ends, too
_PATIENCE_S = 120.0  # a first import from a memory card takes its time


@dataclass(frozen=True)
class Library:
    """A package of Python as it was found; *version* is None where it is missing or cannot be imported.

    *file*: where it lies. *fault*: why it cannot be imported, None where it can or is not there. *providers*: what else
    ONNX Runtime was built to compute with. *build*: what OpenCV says of how it was built.
    """

    version: str | None
    file: str = ""
    fault: str | None = None
    providers: tuple[str, ...] = ()
    build: str = ""


def output_here(command: Sequence[str]) -> str | None:
    """Run a program and return what it wrote to stdout; None if it is not there, fails, or takes two minutes."""
    # In a folder of this project: `python -c` puts it first, and what lies in the user's shall not be imported.
    return program_output(command, patience_s=_PATIENCE_S, folder=Path(__file__).parent)


def library_here(module: str) -> Library:
    """Import *module* in a fresh process and return what it is."""
    places = json.dumps([str(Path(entry).absolute()) for entry in sys.path if entry])
    answer = output_here([sys.executable, "-c", _PROBE, places, module])
    if answer is None:
        return Library(None, fault="its process crashed or hung while it was imported")
    told = [line.removeprefix(_MARK) for line in answer.splitlines() if line.startswith(_MARK)]
    if not told:
        return Library(None, fault="it ended its process while it was imported")
    found: dict[str, Any] = json.loads(told[-1])
    return Library(**{"version": None, **found, "providers": tuple(found.get("providers", ()))})


def _gpu_facts_here() -> GpuFacts:
    from skinseg_runtime.cuda_memory import gpu_facts

    return gpu_facts()


def _package_version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


@dataclass(frozen=True, kw_only=True)
class Host:
    """Where every check looks; the defaults are this machine.

    *root*: where `/proc`, `/sys`, `/dev`, `/etc`, `/usr` are looked for. *system*, *processor*: as of `platform`.
    *python*: major and minor version. *prefix*: folder of this Python; *is_venv*: it is a virtual environment.
    *environment*: variables. *output*: runs a program. *library*: imports a package apart. *package_version*: version
    of an installed distribution, without importing it. *gpu_facts*: raises ToolMissing or CudaFault where there are
    none. *free_bytes*: free space around a path. *may_use*: whether this user may read and write a path.
    """

    root: Path = Path("/")
    system: str = field(default_factory=platform.system)
    processor: str = field(default_factory=platform.machine)
    python: tuple[int, int] = (sys.version_info[0], sys.version_info[1])
    prefix: Path = Path(sys.prefix)
    is_venv: bool = sys.prefix != sys.base_prefix
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    output: Callable[[Sequence[str]], str | None] = output_here
    library: Callable[[str], Library] = library_here
    package_version: Callable[[str], str | None] = _package_version
    gpu_facts: Callable[[], GpuFacts] = _gpu_facts_here
    free_bytes: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free
    may_use: Callable[[Path], bool] = lambda path: os.access(path, os.R_OK | os.W_OK)

    @cached_property
    def jetpack(self) -> JetPack | None:
        """Which Jetson this is, None elsewhere."""
        return read_jetpack(self.root)

    @cached_property
    def kind(self) -> Kind:
        """What is to be expected of this machine."""
        if self.jetpack is not None:
            return "jetson"
        if has_nvidia_gpu(self.root) or self.has_nvidia_card:
            return "nvidia"
        return "apple" if self.system == "Darwin" else "cpu"

    @cached_property
    def gpu_nodes(self) -> tuple[Path, ...]:
        """The files that a process opens to use an NVIDIA GPU."""
        names = ("nvidiactl", "nvidia0", "nvhost-ctrl-gpu", "nvmap", "dxg")
        return tuple(path for name in names if (path := self.root / "dev" / name).exists())

    @cached_property
    def has_nvidia_card(self) -> bool:
        """Whether a display adapter of NVIDIA is plugged in, with or without a driver."""
        cards = (self.root / "sys/bus/pci/devices").glob("*/vendor")
        return any(self.text(card) == "0x10de" and self.text(card.parent / "class")[:4] == "0x03" for card in cards)

    @cached_property
    def gpu(self) -> GpuFacts | str:
        """What CUDA tells of the GPU, or in words why it tells nothing."""
        if self.kind not in ("jetson", "nvidia"):
            return "no NVIDIA GPU"
        try:
            return self.gpu_facts()
        except (SkinsegError, CudaFault) as error:
            return str(error)

    def find(self, module: str) -> Library:
        """Return what `library` gives, asked once for each module."""
        if module not in self._found:
            self._found[module] = self.library(module)
        return self._found[module]

    @cached_property
    def _found(self) -> dict[str, Library]:
        return {}

    def text(self, path: Path | str) -> str:
        """Return the text of a file below *root*, stripped; nothing where it cannot be read."""
        try:
            return (self.root / path).read_text(encoding="utf-8", errors="replace").strip("\0\n\t ")
        except OSError:
            return ""

    def numbers_kib(self, path: str) -> dict[str, int]:
        """Read lines such as `MemTotal:   16000 kB`."""
        rows = (line.replace(":", " ").split() for line in self.text(path).splitlines())
        return {row[0]: int(row[1]) for row in rows if len(row) > 1 and row[1].isdigit()}
