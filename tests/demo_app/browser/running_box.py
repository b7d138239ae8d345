"""The demo as a person starts it, in a process of its own: gunicorn, the engine, the decoders."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from scripts.commands_page import ROOT
from skinseg_edge.contract import ModelContract
from tests.runtime.tiny_bundle import binary_model, write_bundle

__all__ = ["RunningBox", "free_port", "running_box"]

_START = "import sys; sys.argv[0] = 'skinseg-demo'; from skinseg_demo.cli import main; main()"
_ROOTS = (".", "runtime", "demo_app")
_END_S = 60
_INPUT_HW = (192, 256)  # fine enough for millimetres
_LESIONS_ARE_DARKER_THAN = 72  # so that skin in the dark is none


@dataclass(frozen=True)
class RunningBox:
    """*origin*: as a phone on the box's network would say it. *document*: what the start printed as JSON."""

    origin: str
    document: dict[str, Any]

    @property
    def pairing_path(self) -> str:
        """Where the code leads that was printed at the start; it pairs one phone."""
        return "/p" + str(self.document["pairing"]).partition("/p")[2]


@contextmanager
def running_box(
    folder: Path, *options: str, environment: Mapping[str, str] = MappingProxyType({})
) -> Iterator[RunningBox]:
    """Start a box with a tiny network on loopback; *options*: of the command, such as "--http"."""
    contract = ModelContract(input_hw=_INPUT_HW)
    bundle = write_bundle(
        folder / "tiny.skinseg", contract=contract, model=binary_model(_INPUT_HW, middle=_LESIONS_ARE_DARKER_THAN)
    )
    port, http_port = free_port(), free_port()
    state = folder / "state"
    arguments = [str(bundle), "--state", str(state), "--port", str(port), "--http-port", str(http_port), "--json"]
    with (folder / "box.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", _START, *arguments, "--host", "127.0.0.1", *options],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=_environment() | dict(environment),
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.stdout.close()
        assert line, (folder / "box.log").read_text()
        is_practice = "--http" in options
        app_port = http_port if is_practice else port
        origin = f"{'http' if is_practice else 'https'}://localhost:{app_port}"
        yield RunningBox(origin, json.loads(line))
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(_END_S)


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in _ROOTS)}


def free_port() -> int:
    """Return a port of loopback that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
