"""The command as a person starts it: ports, TLS, the plain port beside it, and its end."""

import json
import os
import signal
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from click.testing import CliRunner

from skinseg_demo.cli import main
from tests.demo_app.running_box import Box, free_ports, started
from tests.runtime.tiny_bundle import write_bundle


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of a tiny network."""
    return write_bundle(tmp_path_factory.mktemp("model") / "tiny.skinseg")


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory, bundle: Path) -> Iterator[Box]:
    """A box with TLS by its own CA."""
    running = started(tmp_path_factory.mktemp("box") / "state", bundle)
    yield running
    running.end()


def test_a_client_that_trusts_the_ca_alone_reads_the_box_by_name_and_number(box: Box) -> None:
    answers = [box.get("/healthz", host=host) for host in ("localhost", "127.0.0.1")]

    assert [answer.status for answer in answers] == [200, 200]


def test_a_client_that_does_not_trust_the_ca_reads_nothing(box: Box, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger.pem"
    trustme.CA().cert_pem.write_to_path(str(stranger))

    with pytest.raises(ssl.SSLCertVerificationError):
        box.get("/healthz", trusting=stranger)


def test_the_start_prints_what_a_phone_needs(box: Box) -> None:
    assert box.document["pairing"].startswith(f"https://127.0.0.1:{box.port}/p#k=")
    assert box.document["trust"] == f"http://127.0.0.1:{box.http_port}/trust"
    assert len(box.document["ca_sha256"].split(":")) == 32


def test_the_printed_code_pairs_a_phone_over_tls_and_only_once(box: Box) -> None:
    token = box.document["pairing"].partition("#k=")[2]

    first, second = box.pair(token), box.pair(token)

    assert (first[0], first[1].partition("=")[0]) == (204, "__Host-skinseg")
    assert second == (403, "")


def test_the_plain_port_shows_how_to_trust_the_box_and_leads_the_rest_to_https(box: Box) -> None:
    trust, other = box.get_plain("/trust"), box.get_plain("/p")

    assert trust.status == 200
    assert (other.status, other.location) == (302, f"https://localhost:{box.port}/p")


@pytest.mark.parametrize("header", ["X-Forwarded-Proto", "X-Forwarded-Ssl", "X-Forwarded-Protocol"])
def test_no_header_turns_the_plain_port_into_https(box: Box, header: str) -> None:
    answer = box.get_plain("/healthz", **{header: "on" if header.endswith("Ssl") else "https"})

    assert answer.status == 302


def test_phones_that_connect_and_say_nothing_keep_no_thread(box: Box) -> None:
    context = ssl.create_default_context(cafile=box.state / "tls" / "ca.pem")
    silent = [
        context.wrap_socket(socket.create_connection(("localhost", box.port), timeout=30), server_hostname="localhost")
        for _ in range(12)  # more than there are threads
    ]

    answer = box.get("/healthz")

    assert answer.status == 200
    # Had they kept the threads, the box would have closed some of them before it could answer.
    assert [_is_open(connection) for connection in silent] == [True] * 12
    for connection in silent:
        connection.close()


def _is_open(connection: ssl.SSLSocket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) != b""
    except ssl.SSLWantReadError:
        return True


def test_a_second_terminal_gets_a_code_of_the_running_demo(box: Box) -> None:
    finished = CliRunner().invoke(main, ["--pair", "--state", str(box.state), "--json"])

    assert finished.exit_code == 0, finished.stderr
    document = json.loads(finished.stdout)
    assert document["address"] == f"https://127.0.0.1:{box.port}"
    assert document["pairing"] != box.document["pairing"]


def test_two_demos_cannot_share_a_state_folder(box: Box, bundle: Path) -> None:
    port, http_port = free_ports()
    ports = ("--port", str(port), "--http-port", str(http_port))

    finished = CliRunner().invoke(main, [str(bundle), "--state", str(box.state), *ports])

    assert finished.exit_code == 3
    assert finished.stderr.startswith("skinseg-demo: cannot start: another demo runs with the state in")


def test_a_port_that_another_program_has_is_told_in_one_sentence(box: Box, bundle: Path, tmp_path: Path) -> None:
    ports = ("--port", str(box.port), "--http-port", str(free_ports()[0]), "--host", "127.0.0.1")

    finished = CliRunner().invoke(main, [str(bundle), "--state", str(tmp_path), *ports])

    assert finished.exit_code == 3
    assert f"cannot listen on 127.0.0.1 port {box.port}: address already in use; choose another" in finished.stderr


def test_a_worker_that_was_killed_is_replaced_and_phones_stay_paired(box: Box) -> None:
    children = Path(f"/proc/{box.process.pid}/task/{box.process.pid}/children")
    if not children.exists():
        pytest.skip("needs Linux: only /proc tells the processes that another started")
    (before,) = children.read_text().split()
    code = CliRunner().invoke(main, ["--pair", "--state", str(box.state), "--json"]).stdout
    cookie = box.pair(json.loads(code)["pairing"].partition("#k=")[2])[1].partition(";")[0]

    os.kill(int(before), signal.SIGKILL)
    answer = box.get("/", Cookie=cookie)  # waits in the backlog until somebody serves

    assert b'name="csrf" content=""' not in answer.body  # a paired phone's pages hold its sign
    assert children.read_text().split() != [before]


def test_sigterm_in_practice_mode_ends_cleanly_and_leaves_no_store(bundle: Path, tmp_path: Path) -> None:
    old = tmp_path / "state" / "practice" / "of-yesterday.txt"
    old.parent.mkdir(parents=True)
    old.write_text("left by a power cut")
    running = started(tmp_path / "state", bundle, "--http")
    answer = running.get_plain("/")

    code = running.end()

    assert answer.status == 200
    assert b"Practice mode" in answer.body
    assert code == 0
    assert not old.parent.exists()
    assert running.document["trust"] is None
    log = (tmp_path / "state.log").read_text()
    assert log == (
        "skinseg-demo: warning: practice mode: this connection can be read by others on the Wi-Fi; no patient data\n"
    )


def test_an_own_certificate_is_served_and_ctrl_c_ends_it(bundle: Path, tmp_path: Path) -> None:
    authority = trustme.CA()
    own = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    for index, part in enumerate(own.cert_chain_pems):
        part.write_to_path(str(tmp_path / "chain.pem"), append=index > 0)
    own.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    files = ("--certificate", str(tmp_path / "chain.pem"), "--private-key", str(tmp_path / "key.pem"))

    running = started(tmp_path / "state", bundle, *files, "--name", "localhost")
    answer = running.get("/healthz", trusting=tmp_path / "ca.pem")
    code = running.end(signal.SIGINT)

    assert answer.status == 200
    assert running.document["address"] == f"https://localhost:{running.port}"
    assert not (tmp_path / "state" / "tls").exists()
    assert code == 0
