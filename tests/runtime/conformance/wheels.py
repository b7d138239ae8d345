"""NVIDIA's bindings as they are published: fetched by pip, held against the hashes below, unpacked beside each other.

Nothing is fetched unless SKINSEG_CONFORMANCE is set; what was fetched once is used ever after.
"""

import hashlib
import os
import platform
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

__all__ = ["CUDA", "TENSORRT", "Wheel", "cache_folder", "unpacked"]

VARIABLE = "SKINSEG_CONFORMANCE"


@dataclass(frozen=True)
class Wheel:
    """*sha256*: by the tag of the Python that a wheel for x86-64 Linux is for, "py3" for any."""

    name: str
    version: str
    sha256: Mapping[str, str]

    @property
    def tag(self) -> str:
        """The tag that this Python takes."""
        own = f"cp{sys.version_info.major}{sys.version_info.minor}"
        return own if own in self.sha256 else "py3"


TENSORRT = {
    "10.3": Wheel(
        "tensorrt-cu12-bindings",
        "10.3.0",
        {
            "cp310": "1d6e4cf08ef1f54f6fd44a33cf6b253050af2fc6e9a1d92e40e1436a1d858eb0",
            "cp311": "59ace22d7f2ca1e9dcde2cb0cb5916912cb3cd5a9d72dd7852be0160d9b3a0ee",
            "cp312": "f5c2582aeaa7f5628d2c4d4148a701ebe97be78f7ff3b46a617f0ee0cb5460f2",
        },
    ),
    "10.7": Wheel(
        "tensorrt-cu12-bindings",
        "10.7.0",
        {
            "cp310": "cd1c50a48829dad585af53c1820814f7bdf44202147571a305585f9393db9228",
            "cp311": "44705b73f14fca9fa66e5759fa80e7d245ee525fe6980cf72a7f35c98b4b0406",
            "cp312": "8f57d55e90206b9ef66bcc32a050972c8dc5cd0e6aa57d45970ff97a60e811f4",
        },
    ),
    "10.16": Wheel(
        "tensorrt-cu12-bindings",
        "10.16.1.11",
        {
            "cp310": "c1b6a156db4eab526360f5dba375e5c33e1275e3f36b0a7d375febb3db6202fc",
            "cp311": "150ef2b672487e29a8ea916353467c3e199994fb33589167e3641a928e243aa7",
            "cp312": "8e339335e7255b3fb3954eca61b4acbbdfcf7b28505bd711914519647ba310c8",
            "cp313": "f2a08cedfa48e300720e5bed070a45e390ea67dbcf475ffce725d10e0a2b3ba7",
        },
    ),
    "11.4": Wheel(
        "tensorrt-cu13-bindings",
        "11.4.0.106",
        {
            "cp310": "1d17853da33a186c4d4d39995c1186bb59f643689aabac9c3e33ae5f0ba402f5",
            "cp311": "d072ac2a095e2be749fefc847adfb25d5ebe70303401df62ede8fe67a59f27fc",
            "cp312": "5fc7a6c412881f7212030893bd5531b1a0ff415c72c7678dfe4ead7a7765b38d",
            "cp313": "bac9a362c9189b5f5dd0444213913846e4b46003237834958e890eff57d86ed5",
        },
    ),
}
_PATHFINDER = Wheel(
    "cuda-pathfinder",
    "1.9.0",
    {
        "py3": "622df7440f7702f36b7a02a1699aa0b084fe04034d9939188fee9b16d0c36366",
    },
)
CUDA = {
    "12.8": (
        Wheel(
            "cuda-bindings",
            "12.8.0",
            {
                "cp310": "7167b0c4d872a7c0935a2ee4025eb1669702815366c2f0fb4c938fbd3dac09c7",
                "cp311": "33182c8aadf1c4ecf5e2672b5f0023f3be06011c22c916663eae6f33b1af90ff",
                "cp312": "e0e6a889c87238e6cd55e9b25ce4fd1d90fe2d4169982860fed5f0bc3230795e",
                "cp313": "099f27e79e754346fa51517168787cda395fb437b31fbf20771c002f30adc0c9",
            },
        ),
    ),
    "13.5": (
        Wheel(
            "cuda-bindings",
            "13.5.0",
            {
                "cp311": "08b7e8d674c3266facb00453a7e34ea7d3ea965c2f594bb728f269f45f39fbe2",
                "cp312": "a46a8cc84112d769d0f57bf3ae3fedc115cf09348f14da85a1a8200968b6f262",
                "cp313": "d47b6f6d0398f97c82e2525eefb02e7252848e48c902824f6a6b6467a5902894",
            },
        ),
        _PATHFINDER,
    ),
}


def cache_folder() -> Path:
    """Return the folder for what was fetched, in the user's cache."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "skinseg-edge" / "conformance"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def unpacked(wheel: Wheel) -> Path:
    """Return the folder that `import` finds the wheel's packages in; skips the test where there is no such wheel."""
    if not (sys.platform == "linux" and platform.machine() == "x86_64"):
        pytest.skip(f"the hashes of {wheel.name} are those of x86-64 Linux")
    if wheel.tag not in wheel.sha256:
        pytest.skip(f"NVIDIA has no {wheel.name} {wheel.version} for Python {platform.python_version()}")
    target = cache_folder() / f"{wheel.name}-{wheel.version}-{wheel.sha256[wheel.tag][:16]}"
    if not target.is_dir():
        _unpack(_fetched(wheel), target)
    return target


def _fetched(wheel: Wheel) -> Path:
    folder = cache_folder() / "wheels"
    pattern = f"{wheel.name.replace('-', '_')}-{wheel.version}-{wheel.tag}-*.whl"
    if not any(folder.glob(pattern)):
        _fetch(wheel, folder)
    (found,) = folder.glob(pattern)
    digest = hashlib.sha256(found.read_bytes()).hexdigest()
    assert digest == wheel.sha256[wheel.tag], f"{found} has SHA-256 {digest}: delete it"
    return found


def _fetch(wheel: Wheel, folder: Path) -> None:
    if not os.environ.get(VARIABLE):
        pytest.skip(f"{wheel.name} {wheel.version} was not fetched; set {VARIABLE}=1 to let pip do it")
    with tempfile.TemporaryDirectory(dir=cache_folder()) as temporary:
        wanted = Path(temporary, "wanted.txt")
        hashes = " ".join(f"--hash=sha256:{digest}" for digest in wheel.sha256.values())
        wanted.write_text(f"{wheel.name}=={wheel.version} {hashes}\n", encoding="utf-8")
        command = ("download", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes", "-r", str(wanted))
        subprocess.run([sys.executable, "-m", "pip", *command, "-d", temporary], check=True, timeout=300)
        folder.mkdir(exist_ok=True)
        for file in Path(temporary).glob("*.whl"):
            file.replace(folder / file.name)


def _unpack(wheel: Path, target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(temporary)  # of a known hash
        try:
            Path(temporary).rename(target)
        except OSError:  # another process was faster
            assert target.is_dir()
        Path(temporary).mkdir(exist_ok=True)  # for the end of the block
