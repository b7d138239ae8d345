"""Which Jetson this is and which JetPack is on it, read from the files that NVIDIA's Linux keeps about itself."""

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["JETPACKS", "MODULES", "JetPack", "Module", "read_jetpack"]

# NVIDIA names its Linux (L4T) and what it ships with it (JetPack) apart; developer.nvidia.com/embedded/jetpack-archive
# pairs them; 36.5.2 is from a board (rbonghi/jetson_stats, issue 910), 39.2.1 from OE4T/meta-tegra, pull request 2339.
# 39.2.2 only follows from those before it and from the name 7.2.2 in the notes of TensorRT 11.4.1.
JETPACKS = {
    "35.1.0": "5.0.2",
    "35.2.1": "5.1",
    "35.3.1": "5.1.1",
    "35.4.1": "5.1.2",
    "35.5.0": "5.1.3",
    "35.6.0": "5.1.4",
    "35.6.1": "5.1.5",
    "35.6.2": "5.1.5",
    "35.6.4": "5.1.6",
    "36.3.0": "6.0",
    "36.4.0": "6.1",
    "36.4.3": "6.2",
    "36.4.4": "6.2.1",
    "36.4.7": "6.2.1",
    "36.5.0": "6.2.2",
    "36.5.2": "6.2.3",
    "38.2.0": "7.0",
    "38.2.1": "7.0",
    "38.2.2": "7.0",
    "38.4.0": "7.1",
    "39.2.0": "7.2",
    "39.2.1": "7.2.1",
    "39.2.2": "7.2.2",
}

# Of a Jetson's GPU and its memory. Docker hides the device tree, so a container may show nothing else.
_NODES = ("dev/nvhost-ctrl-gpu", "dev/nvmap")

_RELEASE = re.compile(r"^# R(\d+) \(release\), REVISION: (\d+(?:\.\d+)*)", re.MULTILINE)
_PACKAGE = re.compile(r"^Package: nvidia-l4t-core\n(?:.+\n)*?Version: (\d+\.\d+\.\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Module:
    """What a Jetson's module is sold as, and the deep learning accelerators that it has."""

    name: str
    dla_cores: int


# By NVIDIA's part number, whose last four digits tell the memory; from the modules' data sheets.
MODULES = {
    "p3701-0000": Module("Jetson AGX Orin", 2),
    "p3701-0004": Module("Jetson AGX Orin 32GB", 2),
    "p3701-0005": Module("Jetson AGX Orin 64GB", 2),
    "p3701-0008": Module("Jetson AGX Orin Industrial", 2),
    "p3767-0000": Module("Jetson Orin NX 16GB", 2),
    "p3767-0001": Module("Jetson Orin NX 8GB", 1),
    "p3767-0003": Module("Jetson Orin Nano 8GB", 0),
    "p3767-0004": Module("Jetson Orin Nano 4GB", 0),
    "p3767-0005": Module("Jetson Orin Nano 8GB", 0),
}


@dataclass(frozen=True, kw_only=True)
class JetPack:
    """A Jetson. What is None could not be read, or is not known to this version.

    *l4t*: version of NVIDIA's Linux, such as "36.4.3"; None in a container that was not given /etc/nv_tegra_release.
    *jetpack*: such as "6.2"; None for a release newer than JETPACKS. *soc*: the chip, such as "tegra234" (Orin; Thor is
    "tegra264", Xavier "tegra194"). *board*: as the board calls itself. *part*: the module's number, a key of MODULES if
    it is a known one.
    """

    l4t: str | None
    jetpack: str | None
    soc: str | None
    board: str | None
    part: str | None = None

    @property
    def module(self) -> Module | None:
        """What is known of the module."""
        return MODULES.get(self.part or "")

    @property
    def title(self) -> str:
        """How a message names it.

        >>> JetPack(l4t="36.4.3", jetpack="6.2", soc="tegra234", board="NVIDIA Jetson Orin NX").title
        'NVIDIA Jetson Orin NX, JetPack 6.2 (L4T 36.4.3)'
        >>> JetPack(l4t="41.0.0", jetpack=None, soc="tegra234", board=None).title
        'a Jetson, L4T 41.0.0 (a release that this version does not know)'
        """
        name = self.board or (self.module.name if self.module else "a Jetson")
        if self.l4t is None:
            return f"{name}, L4T unknown"
        if self.jetpack is None:
            return f"{name}, L4T {self.l4t} (a release that this version does not know)"
        return f"{name}, JetPack {self.jetpack} (L4T {self.l4t})"


def read_jetpack(root: Path = Path("/")) -> JetPack | None:
    """Return which Jetson this is, None on any other machine.

    *root*: where `/etc`, `/proc` and `/var` are looked for.
    """
    tree = root / "proc/device-tree"
    compatible = _text(tree / "compatible")
    l4t = _l4t(root)
    soc = re.search(r"nvidia,(tegra\d+)", compatible)
    if l4t is None and soc is None and not any((root / node).exists() for node in _NODES):
        return None
    part = re.search(r"nvidia,(?:p\d{4}-\d{4}\+)?(p3701-\d{4}|p3767-\d{4}|p3834-\d{4})", compatible)
    return JetPack(
        l4t=l4t,
        jetpack=JETPACKS.get(l4t or ""),
        soc=soc[1] if soc else None,
        board=_text(tree / "model").strip("\0\n ") or None,
        part=part[1] if part else None,
    )


def _l4t(root: Path) -> str | None:
    """Return three numbers such as "36.4.3"."""
    if release := _RELEASE.search(_text(root / "etc/nv_tegra_release")):
        parts = [release[1], *release[2].split(".")]
        return ".".join([*parts, "0", "0"][:3])
    package = _PACKAGE.search(_text(root / "var/lib/dpkg/status"))
    return package[1] if package else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
