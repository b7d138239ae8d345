"""The command as a person starts it, in a process of its own, for tests."""

import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.commands_page import ROOT

__all__ = ["Answer", "Box", "free_ports", "started"]

_START = "import sys; sys.argv[0] = 'skinseg-demo'; from skinseg_demo.cli import main; main()"


_ROOTS = (".", "runtime", "demo_app")


def free_ports() -> tuple[int, int]:
    """Return two ports that nobody has."""
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    location: str | None
    body: bytes


@dataclass(frozen=True)
class Box:
    """A demo that runs in a process of its own."""

    process: "subprocess.Popen[str]"
    document: dict[str, Any]
    state: Path
    port: int
    http_port: int

    def get(self, path: str, *, trusting: Path | None = None, host: str = "localhost", **headers: str) -> Answer:
        """GET over TLS, trusting nobody but the CA of the box (or *trusting*)."""
        return _get(self.connection(host, trusting), path, headers)

    def pair(self, token: str) -> tuple[int, str]:
        """Hand over a token; return the status and the cookie, which is empty where there is none."""
        connection = self.connection()
        origin = {"Origin": f"https://localhost:{self.port}", "Connection": "close"}
        connection.request(
            "POST", "/pair", json.dumps({"token": token}), {"Content-Type": "application/json", **origin}
        )
        response = connection.getresponse()
        response.read()
        connection.close()
        return response.status, response.headers["Set-Cookie"] or ""

    def get_plain(self, path: str, **headers: str) -> Answer:
        """GET from the plain port."""
        return _get(http.client.HTTPConnection("localhost", self.http_port, timeout=30), path, headers)

    def connection(self, host: str = "localhost", trusting: Path | None = None) -> http.client.HTTPSConnection:
        """Return a connection that trusts nobody but the CA of the box (or *trusting*)."""
        context = ssl.create_default_context(cafile=trusting or self.state / "tls" / "ca.pem")
        return http.client.HTTPSConnection(host, self.port, context=context, timeout=30)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(60)


def _get(connection: http.client.HTTPConnection, path: str, headers: dict[str, str] | None = None) -> Answer:
    connection.request("GET", path, headers={"Connection": "close", **(headers or {})})
    response = connection.getresponse()
    answer = Answer(response.status, response.headers["Location"], response.read())
    connection.close()
    return answer


def started(state: Path, bundle: Path, *options: str) -> Box:
    """Start it with TLS by its own CA, or as *options* say, and wait until it has printed how it is reached."""
    port, http_port = free_ports()
    arguments = [str(bundle), "--state", str(state), "--port", str(port), "--http-port", str(http_port), "--json"]
    with (state.parent / f"{state.name}.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", _START, *arguments, "--host", "127.0.0.1", *options],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in _ROOTS)},
        )
    assert process.stdout is not None
    line = process.stdout.readline()
    process.stdout.close()
    assert line, (state.parent / f"{state.name}.log").read_text()
    return Box(process, json.loads(line), state, port, http_port)
