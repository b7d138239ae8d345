"""docs/fhir.md holds: its blocks run in order, from a package to the figures of a case."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from skinseg_demo.endpoint_text import check_endpoint
from skinseg_demo.fhir.__main__ import main
from skinseg_demo.fhir.measures import MEASURES
from skinseg_demo.sending.packages import write_package
from tests.demo_app.fhir.conftest import Followed

_ROOT = Path(__file__).resolve().parents[3]
_PAGE = (_ROOT / "docs" / "fhir.md").read_text(encoding="utf-8")
_TESTED = re.compile(r"^<!-- tested -->\n```(?P<language>\w+)\n(?P<text>.*?)^```$", re.M | re.S)


def test_the_blocks_of_the_page_print_what_it_says(
    followed: Followed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_package(followed.store, followed.case_id, tmp_path / "case-2026-0001.zip")
    console, python = _TESTED.finditer(_PAGE)
    (line,) = re.findall(r"^\$ (.*)$", console["text"], re.M)
    words = shlex.split(line)
    assert words[:3] == ["python", "-m", "skinseg_demo.fhir"]

    result = CliRunner().invoke(main, words[3:])
    assert result.exit_code == 0, result.stderr
    exec(compile(python["text"], "fhir.md", "exec"), {})

    told = re.search(r"^```text\n(.*?)^```$", _PAGE, re.M | re.S)
    assert told is not None
    assert capsys.readouterr().out.splitlines()[:6] == told[1].splitlines()  # of the first visit


def test_every_address_of_the_page_is_a_setting_that_the_command_takes() -> None:
    (address,) = re.findall(r"--endpoint (fhir\+\S+)", _PAGE)

    check_endpoint(address)
    assert all(measure.words in _PAGE for measure in MEASURES)
