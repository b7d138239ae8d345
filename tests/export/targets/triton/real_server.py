"""NVIDIA's own tritonserver, out of the package nvidia-pytriton, with a stand-in for its ONNX Runtime backend.

The package brings the server and its Python backend and nothing else, so `onnxruntime`, which the configuration names,
is here a backend written in Python that opens the version folder's file in ONNX Runtime. The server's part is the real
one: it reads the configuration and the labels, checks them, warms up, takes requests and puts them together.
"""

import os
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from skinseg_export.targets.triton import ModelRepository

VARIABLE = "SKINSEG_TRITON"
_WAIT_S = 120
_BACKEND = """
import json, os, sys
sys.path.insert(0, {packages!r})
import numpy, onnxruntime, triton_python_backend_utils as triton

class TritonPythonModel:
    def initialize(self, args):
        file = json.loads(args["model_config"])["default_model_filename"]
        path = os.path.join(args["model_repository"], args["model_version"], file)
        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def execute(self, requests):
        images = [triton.get_input_tensor_by_name(request, "image").as_numpy() for request in requests]
        with open({log!r}, "a") as log:
            print(sum(map(len, images)), file=log)
        (answer,) = self.session.run(["probability"], {{"image": numpy.concatenate(images)}})
        parts = numpy.split(answer, numpy.cumsum([len(image) for image in images])[:-1])
        return [triton.InferenceResponse([triton.Tensor("probability", part)]) for part in parts]
"""


@dataclass(frozen=True)
class RealServer:
    """*address*: http://127.0.0.1:PORT. *batches*: file with the size of every batch that was run, a line each."""

    address: str
    batches: Path

    def sizes(self) -> list[int]:
        """Return the sizes of the batches so far."""
        return [int(line) for line in self.batches.read_text().split()]


@contextmanager
def real_server(repository: ModelRepository, scratch: Path) -> Iterator[RealServer]:
    """Serve *repository*; skips where the variable names no server, raises RuntimeError with its log if it stops."""
    packages = _packages()
    backends = _backends(packages, scratch)
    for path, data in repository.files.items():
        target = scratch / "models" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    server = RealServer(f"http://127.0.0.1:{_free_port()}", scratch / "batches")
    log = scratch / "log"
    with log.open("wb") as told:
        command = _command(packages, backends, scratch, server)
        process = subprocess.Popen(command, env=_environment(packages), stdout=told, stderr=told)
    try:
        _wait(process, f"{server.address}/v2/models/{repository.name}/ready", log)
        yield server
    finally:
        process.terminate()
        process.wait()


def _packages() -> Path:
    home = os.environ.get(VARIABLE)
    if home is None:
        pytest.skip(f"needs a Triton: {VARIABLE} names the site-packages of an environment with nvidia-pytriton")
    return Path(home)


def _backends(packages: Path, scratch: Path) -> Path:
    given = packages / "pytriton" / "tritonserver"
    folder = scratch / "backends"
    shutil.copytree(given / "backends" / "python", folder / "python")
    version = re.search(r"python(3\.\d+)", str(packages))
    assert version is not None, packages
    stub = Path(
        shutil.copy(given / "python_backend_stubs" / version[1] / "triton_python_backend_stub", folder / "python")
    )
    stub.chmod(0o755)
    (folder / "onnxruntime").mkdir()
    text = _BACKEND.format(packages=str(packages), log=str(scratch / "batches"))
    (folder / "onnxruntime" / "model.py").write_text(text)
    return folder


def _command(packages: Path, backends: Path, scratch: Path, server: RealServer) -> list[str]:
    return [
        str(packages / "pytriton" / "tritonserver" / "bin" / "tritonserver"),
        f"--model-repository={scratch / 'models'}",
        f"--backend-directory={backends}",
        "--disable-auto-complete-config",
        "--http-address=127.0.0.1",
        f"--http-port={server.address.rpartition(':')[2]}",
        "--allow-grpc=false",
        "--allow-metrics=false",
    ]


def _environment(packages: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(packages), "LD_LIBRARY_PATH": str(packages / "nvidia_pytriton.libs")}


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _wait(process: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    end = time.monotonic() + _WAIT_S
    while process.poll() is None and time.monotonic() < end:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    raise RuntimeError(log.read_text())
