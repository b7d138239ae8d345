"""The trusted key and the folder of the device's own key."""

import os
from pathlib import Path

import pytest

from skinseg_edge.signing import generate_key
from skinseg_runtime.doctor import trust_checks
from skinseg_runtime.engine_files.device_key import seal
from tests.runtime.doctor.boards import host, told, write


@pytest.fixture(autouse=True)
def state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SKINSEG_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


def test_without_a_trusted_key_nothing_is_missing(tmp_path: Path) -> None:
    assert trust_checks.trusted_key(host(tmp_path)).status == "ok"


def test_a_public_key_is_well_and_a_private_one_is_not(tmp_path: Path) -> None:
    generate_key(tmp_path / "private.pem", tmp_path / "public.pem")

    def look(name: str) -> tuple[str, str]:
        return told(trust_checks.trusted_key(host(tmp_path, environment={"SKINSEG_TRUSTED_KEY": str(tmp_path / name)})))

    assert look("public.pem") == ("ok", str(tmp_path / "public.pem"))
    assert look("private.pem") == ("missing", f"{tmp_path / 'private.pem'} holds no public key in PEM form")
    assert look("none.pem")[0] == "missing"
    assert "cannot be read" in look("none.pem")[1]


def test_a_device_that_never_built_has_no_key_yet_and_gets_none(tmp_path: Path, state_folder: Path) -> None:
    assert told(trust_checks.state(host(tmp_path))) == ("ok", f"{state_folder}: no key yet, the first build makes it")
    assert not state_folder.exists()


def test_a_key_that_is_this_users_alone_is_well(tmp_path: Path, state_folder: Path) -> None:
    seal(b"data")
    assert told(trust_checks.state(host(tmp_path))) == ("ok", f"{state_folder}: the key is this user's alone")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_key_that_others_may_read_is_missing(tmp_path: Path, state_folder: Path) -> None:
    seal(b"data")
    (state_folder / "device.key").chmod(0o644)

    finding = trust_checks.state(host(tmp_path))

    assert finding.status == "missing"
    assert "its mode is 0644" in finding.found
    assert finding.remedy == f"rm {state_folder / 'device.key'}  # then build the engines again"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_folder_where_others_may_write_is_a_warning(tmp_path: Path, state_folder: Path) -> None:
    seal(b"data")
    state_folder.chmod(0o777)

    finding = trust_checks.state(host(tmp_path))

    assert (finding.status, finding.remedy) == ("warn", f"chmod 700 {state_folder}")


def test_a_trusted_key_with_other_letters_is_no_key(tmp_path: Path) -> None:
    path = write(tmp_path, "key.pem", "ä")
    finding = trust_checks.trusted_key(host(tmp_path, environment={"SKINSEG_TRUSTED_KEY": str(path)}))
    assert finding.status == "missing"


def test_an_empty_trusted_key_is_told_because_no_bundle_opens_with_it(tmp_path: Path) -> None:
    finding = trust_checks.trusted_key(host(tmp_path, environment={"SKINSEG_TRUSTED_KEY": ""}))

    assert (finding.status, finding.remedy) == ("missing", "unset SKINSEG_TRUSTED_KEY")


def test_a_folder_in_which_no_key_can_be_made_is_missing(tmp_path: Path, state_folder: Path) -> None:
    finding = trust_checks.state(host(tmp_path, may_use=lambda _: False))

    assert (finding.status, finding.remedy) == ("missing", f"sudo install -d -m 0700 -o $USER {state_folder}")
    assert f"{tmp_path} is closed to it" in finding.found
