"""gunicorn's threaded worker with two more traits: patience that ends, and one plain port beside the TLS one."""

import socket
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from skinseg_demo.serving.patient_sockets import PatientSocket

__all__ = ["DemoWorker"]


class DemoWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Serves TLS on every port but `plain_port`."""

    plain_port: int | None = None

    def enqueue_req(self, conn: TConn) -> None:
        """Hand a connection to a thread; on its first time it learns how long to wait, and whether TLS is spoken."""
        if type(conn.sock) is socket.socket:
            conn.sock = PatientSocket.taking_over(conn.sock)
            conn.sock.setblocking(False)
            if conn.server[1] == self.plain_port:
                conn.cfg = _PlainSettings(conn.cfg)
        super().enqueue_req(conn)


class _PlainSettings:
    """gunicorn's settings, but for TLS."""

    is_ssl = False

    def __init__(self, settings: Any) -> None:
        self._settings = settings

    def __getattr__(self, name: str) -> Any:
        return getattr(self._settings, name)
