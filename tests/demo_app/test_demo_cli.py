"""`skinseg-demo` before anything listens: its words where something is wrong."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from skinseg_demo.cli import main
from tests.fresh_interpreter import run_python
from tests.project.house import DEMO_TOOLS, ROOT


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--http", "--certificate", "a.pem"], "cannot serve a certificate in practice mode: it has no TLS"),
        (["--certificate", "a.pem"], "--certificate and --private-key belong together, got one of them; give both"),
        (["--private-key", "a.pem"], "--certificate and --private-key belong together, got one of them; give both"),
        (["--endpoint", "http://a.example"], "a plain http address would be readable on its way"),
        (["--endpoint", "ftp://a.example"], "expected https://..., fhir+https://..., folder:/path or mail:/path"),
    ],
)
def test_options_that_contradict_each_other_are_told_in_one_sentence(
    arguments: list[str], message: str, tmp_path: Path
) -> None:
    finished = CliRunner().invoke(main, ["lesion.skinseg", "--state", str(tmp_path / "state"), *arguments])

    assert finished.exit_code == 2
    assert message in finished.stderr
    assert finished.stderr.count("\n") == 1
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("option", ["--pair", "--admin"])
def test_a_code_needs_a_demo_that_runs(option: str, tmp_path: Path) -> None:
    finished = CliRunner().invoke(main, [option, "--state", str(tmp_path), "--json"])

    assert finished.exit_code == 2
    assert json.loads(finished.stdout)["error"]["message"] == (
        f"cannot make a code: no demo runs with the state in {tmp_path}; start skinseg-demo first"
    )


def test_a_bundle_that_is_not_there_is_told_before_anything_listens(tmp_path: Path) -> None:
    ports = ("--port", "18443", "--http-port", "18080", "--host", "127.0.0.1")

    finished = CliRunner().invoke(main, [str(tmp_path / "no.skinseg"), "--state", str(tmp_path / "state"), *ports])

    assert finished.exit_code == 2
    assert "no.skinseg" in finished.stderr


@pytest.mark.parametrize("missing", ["flask", "segno"])
def test_where_the_extra_is_not_installed_the_command_says_how_to_get_it(missing: str, tmp_path: Path) -> None:
    code = "from skinseg_demo.cli import main; sys.argv[0] = 'skinseg-demo'; main()"

    finished = run_python(code, "b.skinseg", "--state", tmp_path / "s", barred=[missing], cwd=tmp_path)

    assert missing in DEMO_TOOLS
    assert finished.returncode == 3
    assert finished.stderr == (
        f"skinseg-demo: cannot go on: the package {missing} is not installed; run pip install 'skinseg-edge[demo]'\n"
    )


def test_every_option_that_the_page_of_the_demo_gives_the_command_exists() -> None:
    page = (ROOT / "docs" / "demo.md").read_text(encoding="utf-8")
    known = {name for parameter in main.params for name in parameter.opts}

    used = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", page))

    assert len(used) >= 6
    assert used - known == set()
