"""SIGTERM while pictures are on their way: what came in is finished, and nothing new is taken."""

import http.client
import json
import re
import signal
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from skinseg_demo.store import Store
from skinseg_edge.datasets.synthetic_lesions import draw
from tests.demo_app.running_box import Box, started
from tests.runtime.tiny_bundle import write_bundle

_BOUNDARY = "picture-boundary"
_LAST = 20  # bytes held back, so that the box is in the middle of reading
_PATIENCE_S = 30.0
_GREETING_S = 0.5


@pytest.mark.slow
def test_pictures_on_their_way_are_finished_and_kept_when_the_box_is_told_to_end(tmp_path: Path) -> None:
    box = started(tmp_path / "state", write_bundle(tmp_path / "tiny.skinseg"))
    cookie, sign = _paired(box)
    _wait_until(lambda: box.get("/readyz").status == 200, "the box did not get ready")
    assert b"\nskinseg_ready 1\n" in box.get("/metrics").body
    uploads = [_begun(box, cookie, sign, _picture(seed)) for seed in (1, 2, 3)]

    box.process.send_signal(signal.SIGTERM)
    _wait_until(lambda: not _greets(box), "the box still takes phones")
    answers = [_finished(connection, rest) for connection, rest in uploads]
    code = box.process.wait(60)

    assert [status for status, _ in answers] == [201] * 3
    assert code == 0
    store = Store.open(tmp_path / "state" / "store")
    kept = {str(document["id"]) for _, document in answers}
    assert {store.pictures.get(picture_id).id for picture_id in kept} == kept
    store.close()
    assert (tmp_path / "state.log").read_text() == ""


def _picture(seed: int) -> bytes:
    return bytes(cv2.imencode(".jpg", cv2.cvtColor(draw(seed, (240, 320)).photo, cv2.COLOR_RGB2BGR))[1])


def _paired(box: Box) -> tuple[str, str]:
    """Return the cookie of a paired phone and the sign of its pages."""
    status, cookie = box.pair(box.document["pairing"].partition("#k=")[2])
    assert status == 204
    cookie = cookie.partition(";")[0]
    page = box.get("/", Cookie=cookie).body.decode()
    found = re.search(r'<meta name="csrf" content="(\w+)">', page)
    assert found is not None
    return cookie, found[1]


def _begun(box: Box, cookie: str, sign: str, picture: bytes) -> tuple[ssl.SSLSocket, bytes]:
    """Send a picture but for its last bytes, once a thread of the box has begun to read; return what is left."""
    body = _form(picture)
    headers = {
        "Host": f"localhost:{box.port}",
        "Origin": f"https://localhost:{box.port}",
        "Cookie": cookie,
        "X-CSRF-Token": sign,
        "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}",
        "Content-Length": str(len(body)),
        "Expect": "100-continue",
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    context = ssl.create_default_context(cafile=box.state / "tls" / "ca.pem")
    connection = context.wrap_socket(
        socket.create_connection(("localhost", box.port), timeout=_PATIENCE_S), server_hostname="localhost"
    )
    connection.sendall(f"POST /api/pictures HTTP/1.1\r\n{lines}\r\n".encode())
    assert connection.recv(200).startswith(b"HTTP/1.1 100")
    connection.sendall(body[:-_LAST])
    return connection, body[-_LAST:]


def _form(picture: bytes) -> bytes:
    fields = "".join(
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in (("role", "closeup"), ("card", "no"))
    )
    file = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="picture"; filename="a.jpg"\r\n\r\n'
    return fields.encode() + file.encode() + picture + f"\r\n--{_BOUNDARY}--\r\n".encode()


def _finished(connection: ssl.SSLSocket, rest: bytes) -> tuple[int, dict[str, object]]:
    """Send what is left and return the answer."""
    connection.sendall(rest)
    response = http.client.HTTPResponse(connection)
    response.begin()
    body = response.read()
    connection.close()
    return response.status, json.loads(body)


def _greets(box: Box) -> bool:
    """Say whether the box shakes hands with a new phone; one that ends leaves it waiting, or hangs up."""
    context = ssl.create_default_context(cafile=box.state / "tls" / "ca.pem")
    try:
        with socket.create_connection(("localhost", box.port), timeout=_GREETING_S) as plain:
            context.wrap_socket(plain, server_hostname="localhost").close()
    except OSError:
        return False
    return True


def _wait_until(holds: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not holds():
        if time.monotonic() > deadline:
            pytest.fail(otherwise)
        time.sleep(0.05)
