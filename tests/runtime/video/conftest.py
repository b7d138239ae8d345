"""A camera behind an address: motion JPEG over HTTP, as cheap network cameras send it."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

import cv2
import numpy as np
import pytest

from tests.runtime.video.drawn_clips import frame


class _Camera(BaseHTTPRequestHandler):
    """Sends a frame each 20 ms until the other side has gone; below /breaks eight of them, then it hangs up."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        pause = threading.Event()
        try:
            for number in range(8) if self.path.startswith("/breaks") else count():
                encoded = cv2.imencode(".jpg", cv2.cvtColor(frame(number), cv2.COLOR_RGB2BGR))[1]
                data = np.asarray(encoded).tobytes()
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                self.wfile.write(head.encode() + data + b"\r\n")
                pause.wait(0.02)
        except OSError:
            return

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def network_camera() -> Iterator[str]:
    """Give the address of one: /stream.mjpg goes on and on, /breaks.mjpg does not."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Camera) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join(5)
