"""skinseg-doctor: a line a check, and exit code 3 when this kind of machine lacks something."""

from pathlib import Path

import pytest

import skinseg_runtime.doctor
from skinseg_runtime.doctor import CHECKS, Host, Library
from skinseg_runtime.doctor_cli import main
from tests.runtime.calling import call, error_of, only_object
from tests.runtime.doctor.boards import orin, write_orin


@pytest.fixture(autouse=True)
def state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKINSEG_STATE_DIR", str(tmp_path / "state"))


def _look_at(monkeypatch: pytest.MonkeyPatch, machine: Host) -> None:
    monkeypatch.setattr(skinseg_runtime.doctor, "Host", lambda: machine)


def test_each_check_is_a_line_and_a_board_without_faults_ends_with_0(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_orin(tmp_path)
    _look_at(monkeypatch, orin(tmp_path))

    result = call(main)

    lines = result.stdout.splitlines()
    assert (result.exit_code, result.stderr) == (0, "")
    assert [line[:14].strip() for line in lines[: len(CHECKS)]] == list(CHECKS)
    assert lines[-3:] == [
        "This machine runs: onnxruntime, trt",
        "This machine builds: trt",
        "This machine exports: nothing",
    ]


def test_what_is_missing_ends_with_3_and_the_command_that_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_orin(tmp_path)
    _look_at(monkeypatch, orin(tmp_path, {"tensorrt": Library(None)}))

    plain, hints, as_json = call(main), call(main, "--fix-hints"), call(main, "--json")

    assert (plain.exit_code, hints.exit_code, as_json.exit_code) == (3, 3, 3)
    assert "-> sed -i " in plain.stdout
    assert "1 of 26 checks miss something, first tensorrt: JetPack's is installed" in plain.stderr
    assert hints.stdout.startswith("sed -i ")
    assert len(hints.stdout.splitlines()) == 1
    document = only_object(as_json.stdout)
    assert (document["schema"], document["ok"]) == ("skinseg.doctor/1", False)
    assert document["fix_hints"] == [hints.stdout.strip()]
    assert error_of(as_json)["kind"] == "ToolMissing"


def test_with_nothing_to_mend_the_hints_are_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_orin(tmp_path)
    _look_at(monkeypatch, orin(tmp_path))
    result = call(main, "--fix-hints")
    assert (result.exit_code, result.stdout) == (0, "")


def test_this_very_machine_can_be_looked_at(bundle: Path) -> None:
    result = call(main, bundle, "--json")

    assert result.exit_code in (0, 3), result.stderr
    findings = only_object(result.stdout)["findings"]
    assert isinstance(findings, list)
    assert [finding["name"] for finding in findings][: len(CHECKS)] == list(CHECKS)
