"""skinseg-demo in a process of its own, with TLS, as phones meet it: for benchmarks."""

import http.client
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

from skinseg_demo.security.pairing import Pairing
from skinseg_demo.store import Store

__all__ = ["PATIENCE_S", "ServedDemo"]

PATIENCE_S = 120.0
_ROOT = Path(__file__).resolve().parent.parent


class ServedDemo:
    """One that serves *bundle* from a state below *folder*; *port*: of its TLS."""

    def __init__(self, bundle: Path, folder: Path) -> None:
        self.state = folder / "state"
        self.port, http_port = _free_ports()
        options = ("--port", str(self.port), "--http-port", str(http_port), "--host", "127.0.0.1", "--json")
        paths = os.pathsep.join(str(_ROOT / part) for part in (".", "runtime", "demo_app"))
        self.log = folder / "box.log"
        with self.log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "skinseg_demo", str(bundle), "--state", str(self.state), *options],
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, "PYTHONPATH": paths},
            )
        if self._process.stdout is None or not self._process.stdout.readline():
            raise RuntimeError(f"the demo did not start: {self.log.read_text()}")
        self._process.stdout.close()

    def connection(self) -> http.client.HTTPSConnection:
        """Return a new connection, which trusts the box's CA alone."""
        context = ssl.create_default_context(cafile=self.state / "tls" / "ca.pem")
        return http.client.HTTPSConnection("localhost", self.port, context=context, timeout=PATIENCE_S)

    def wait_until_ready(self) -> None:
        """Wait until the network is loaded."""
        until = time.monotonic() + PATIENCE_S
        connection = self.connection()
        while time.monotonic() < until:
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            answer.read()
            if answer.status == 200:
                connection.close()
                return
            time.sleep(0.1)
        raise RuntimeError(f"the demo was not ready within {PATIENCE_S:g} s: {self.log.read_text()}")

    def secrets(self, phones: int) -> list[str]:
        """Pair phones as a second terminal may, and return what their cookies hold."""
        store = Store.open(self.state / "store")
        try:
            pairing = Pairing(store.phones)
            return [
                pairing.redeem(pairing.offer().token, address=f"phone {number}", label="Android")[1]
                for number in range(phones)
            ]
        finally:
            store.close()

    def end(self) -> None:
        """End it as systemd would, and wait for what is on its way."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(PATIENCE_S)


def _free_ports() -> tuple[int, int]:
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]
