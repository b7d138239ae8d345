"""gunicorn's threaded worker with more patience for some phones, less for others, and a plain port beside the TLS one.

Browsers open connections in advance and say nothing on them for a while. gunicorn would let each keep a thread once TLS
stands; here it goes back to the poller, which costs nothing.
"""

import logging
import socket
from typing import Any

from gunicorn.workers import gthread

from skinseg_demo.serving.patient_sockets import PatientSocket

__all__ = ["DemoWorker"]

_gthread: Any = gthread  # pyright knows an older one, mypy none
_log = logging.getLogger(__name__)

_FIRST_BYTE_S = 0.05  # in which most phones go on after the handshake


class DemoWorker(_gthread.ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Serves TLS on every port but `plain_port`."""

    plain_port: int | None = None

    def enqueue_req(self, conn: Any) -> None:
        """Hand a connection to a thread; on its first time it learns how long to wait, and whether TLS is spoken."""
        if type(conn.sock) is socket.socket:
            conn.sock = PatientSocket.taking_over(conn.sock)
            conn.sock.setblocking(False)
            if conn.server[1] == self.plain_port:
                conn.cfg = _PlainSettings(conn.cfg)
        super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        """Answer what came on a connection, and close it here if that was all.

        gunicorn closes it in the thread that accepts, and waits there up to 2 s for a phone that is slow to let go.
        """
        goes_on = self._handle(conn)
        if not goes_on:
            conn.close(graceful=True)
            conn.close = _closed_before
        return goes_on

    def _handle(self, conn: Any) -> Any:
        """Answer what came on a connection; one that stays silent after the handshake is put aside."""
        if conn.initialized or not conn.cfg.is_ssl:
            return super().handle(conn)
        if not conn.data_ready and not conn.wait_for_data(_FIRST_BYTE_S):
            return _gthread._DEFER
        try:
            conn.sock.setblocking(True)
            conn.init()
        except OSError as error:  # a phone that does not trust the box yet, a scanner, or one that spoke plain http
            _log.debug("a handshake failed: %s", error)
            return False
        conn.data_ready = False  # what came was the handshake
        if not conn.sock.pending() and not conn.wait_for_data(_FIRST_BYTE_S):
            return _gthread._DEFER
        return super().handle(conn)


def _closed_before(graceful: bool = False) -> None:
    """Stand in for the `close` of a connection that is closed."""


class _PlainSettings:
    """gunicorn's settings, but for TLS."""

    is_ssl = False

    def __init__(self, settings: Any) -> None:
        self._settings = settings

    def __getattr__(self, name: str) -> Any:
        return getattr(self._settings, name)
