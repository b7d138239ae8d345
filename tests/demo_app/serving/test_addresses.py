"""Where a phone finds the box."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from flask import Flask

from skinseg_demo import DemoConfig
from skinseg_demo.serving import address_watch, addresses, pairing_code
from skinseg_demo.serving.address_watch import AddressWatch
from skinseg_demo.serving.addresses import addresses_of_this_box, main_address
from skinseg_demo.serving.local_ca import ca_file, ensure_certificates


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that the box has; a test may change them."""
    found = ["192.168.7.2"]
    monkeypatch.setattr(addresses, "_of_routes", lambda: list(found))
    monkeypatch.setattr(addresses, "_of_interfaces", list)
    monkeypatch.setattr(addresses, "_of_own_name", list)
    return found


def test_loopback_and_link_local_addresses_are_left_out_and_ipv4_comes_first(at: list[str]) -> None:
    at[:] = ["fd00::2", "127.0.1.1", "::1", "169.254.3.4", "fe80::1%eth0", "10.0.0.5", "0.0.0.0", "10.0.0.5"]

    assert addresses_of_this_box() == ("10.0.0.5", "fd00::2")


def test_a_box_without_a_network_is_reached_at_loopback(at: list[str]) -> None:
    at.clear()

    assert main_address() == "127.0.0.1"


def test_this_machine_answers_about_itself() -> None:
    assert all(addresses._is_reachable(address) for address in addresses_of_this_box())


def test_the_code_holds_the_number_of_the_box_and_the_token_behind_a_hash(at: list[str], config: DemoConfig) -> None:
    assert pairing_code.pairing_address(config, "T") == "https://192.168.7.2:8443/p#k=T"
    assert pairing_code.trust_address(config) == "http://192.168.7.2:8080/trust"


def test_in_practice_mode_the_code_is_for_the_plain_port(at: list[str], config: DemoConfig) -> None:
    assert pairing_code.pairing_address(replace(config, tls="none"), "T") == "http://192.168.7.2:8080/p#k=T"


def test_an_own_certificate_is_reached_by_its_name(at: list[str], tmp_path: Path) -> None:
    own = DemoConfig(
        state=tmp_path, tls="own", certificate=tmp_path / "c", private_key=tmp_path / "k", names=("box.clinic.example",)
    )

    assert pairing_code.box_address(own) == "https://box.clinic.example:8443"


def test_an_address_of_ipv6_stands_in_brackets(at: list[str], config: DemoConfig) -> None:
    at[:] = ["fd00::2"]

    assert pairing_code.box_address(config) == "https://[fd00::2]:8443"


def test_a_box_that_moves_answers_at_its_new_address_and_has_a_certificate_for_it(
    at: list[str], app: Flask, config: DemoConfig
) -> None:
    files = ensure_certificates(config, address_watch.certified_names(config))
    before, ca = files.chain.read_bytes(), ca_file(config).read_bytes()
    watch = AddressWatch(config, (app,))
    client = app.test_client()

    assert not watch.look()
    at[:] = ["10.9.8.7"]
    assert client.get("/healthz", base_url="https://10.9.8.7:8443").status_code == 400
    assert watch.look()

    assert client.get("/healthz", base_url="https://10.9.8.7:8443").status_code == 200
    assert client.get("/healthz", base_url="https://192.168.7.2:8443").status_code == 400
    assert files.chain.read_bytes() != before
    assert ca_file(config).read_bytes() == ca


def test_a_certificate_that_a_wrong_clock_made_is_replaced_when_the_time_is_right(
    at: list[str], app: Flask, config: DemoConfig
) -> None:
    asleep = datetime.now(timezone.utc) - timedelta(days=1000)
    files = ensure_certificates(config, address_watch.certified_names(config), now=asleep)
    before = files.chain.read_bytes()

    assert not AddressWatch(config, (app,)).look()

    assert files.chain.read_bytes() != before


def test_the_watch_ends_when_told_to(app: Flask, config: DemoConfig) -> None:
    watch = AddressWatch(config, (app,))
    watch.start()

    watch.stop()

    assert not watch._thread.is_alive()
