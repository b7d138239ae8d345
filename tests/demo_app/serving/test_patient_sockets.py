"""A phone that leaves the Wi-Fi amid an upload sends nothing more, and not even an end."""

import socket
import ssl
from collections.abc import Iterator

import pytest
import trustme

from skinseg_demo.serving import patient_sockets
from skinseg_demo.serving.patient_sockets import PATIENCE_S, PatientSocket, PatientTlsSocket


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[socket.socket, socket.socket]]:
    """The box's end of a connection, and the phone's."""
    monkeypatch.setattr(patient_sockets, "PATIENCE_S", 0.05)
    ours, theirs = socket.socketpair()
    yield ours, theirs
    theirs.close()


def test_reading_from_a_phone_that_has_gone_ends(ends: tuple[socket.socket, socket.socket]) -> None:
    ours = PatientSocket.taking_over(ends[0])
    ours.setblocking(True)

    with pytest.raises(TimeoutError):
        ours.recv(1)

    ours.close()


def test_a_patient_socket_can_look_without_waiting(ends: tuple[socket.socket, socket.socket]) -> None:
    ours = PatientSocket.taking_over(ends[0])
    ours.setblocking(False)

    with pytest.raises(BlockingIOError):
        ours.recv(1)

    ours.close()


def test_the_same_holds_with_tls_whatever_the_server_sets_in_between(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sslsocket_class = PatientTlsSocket
    trustme.CA().issue_cert("localhost").configure_cert(context)
    ours = context.wrap_socket(ends[0], server_side=True, do_handshake_on_connect=False)

    ours.setblocking(True)  # as gunicorn does before each request

    with pytest.raises(TimeoutError):
        ours.do_handshake()
    ours.close()


def test_a_slow_link_has_time_enough() -> None:
    assert PATIENCE_S >= 10
