"""Sockets that wait for a phone, but not for ever: one that left the Wi-Fi amid an upload must not keep a thread."""

import socket
import ssl

__all__ = ["PATIENCE_S", "PatientSocket", "PatientTlsSocket"]

PATIENCE_S = 20.0  # for the next byte; a slow link sends some within it


class PatientSocket(socket.socket):
    """A plain socket whose blocking mode ends after PATIENCE_S with TimeoutError."""

    def setblocking(self, flag: bool, /) -> None:
        """Wait for up to PATIENCE_S, or not at all."""
        self.settimeout(PATIENCE_S if flag else 0.0)

    @classmethod
    def taking_over(cls, plain: socket.socket) -> "PatientSocket":
        """Return a patient socket for the connection of *plain*, which is used up."""
        family, kind, protocol = plain.family, plain.type, plain.proto
        return cls(family, kind, protocol, fileno=plain.detach())


class PatientTlsSocket(ssl.SSLSocket):
    """The same with TLS; named to an SSLContext as its `sslsocket_class`."""

    def setblocking(self, flag: bool, /) -> None:
        """Wait for up to PATIENCE_S, or not at all."""
        self.settimeout(PATIENCE_S if flag else 0.0)
