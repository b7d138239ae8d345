"""The examples in docs/ci/ use this project's commands as they are, keep the bundle, and fail when an export fails."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from scripts.commands_page import ROOT, commands, help_text

GITHUB, GITLAB = ROOT / "docs" / "ci" / "github-actions.yml", ROOT / "docs" / "ci" / "gitlab-ci.yml"
EXAMPLES = (GITHUB, GITLAB)
_COMMAND = re.compile(r"(?<![\w./-])(skinseg-[a-z]+)((?:\\\n|[^|>\n])*)")
help_of = cache(help_text)


def _read(path: Path) -> Any:
    yaml = pytest.importorskip("yaml", reason="comes with pre-commit of the dev extra")
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _scripts(path: Path) -> list[str]:
    """Return what the example's shell runs, a string each step."""
    document = _read(path)
    if path == GITHUB:
        return [step["run"] for step in document["jobs"]["bundle"]["steps"] if "run" in step]
    job = document["bundle"]
    return [*job["before_script"], *job["script"]]


def _commands(path: Path) -> dict[str, set[str]]:
    """Return the options that the example gives to each command of this project."""
    found: dict[str, set[str]] = {}
    for script in _scripts(path):
        for name, rest in _COMMAND.findall(script.replace("skinseg-edge", "")):
            found.setdefault(name, set()).update(re.findall(r"(?<!\S)-{1,2}[a-z][\w-]*", rest))
    return found


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_command_and_option_of_an_example_exists(path: Path) -> None:
    used = _commands(path)

    assert {"skinseg-export", "skinseg-verify"} <= used.keys() <= commands().keys()
    assert {"--target", "--json", "-o", "--compute-capability"} <= used["skinseg-export"]
    for name, options in used.items():
        known = set(re.findall(r"(?<![\w-])-{1,2}[a-z][\w-]*", help_of(name)))
        assert options - known == set()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_installs_the_extras_that_export_without_a_gpu(path: Path) -> None:
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (extras,) = re.findall(r"pip install 'skinseg-edge\[([^\]]*)\]'", "\n".join(_scripts(path)))

    assert extras.split(",") == ["export", "trt-rtx"]
    assert all(f"\n{extra} = [" in pyproject for extra in extras.split(","))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_lets_no_failure_pass(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert "continue-on-error" not in text
    assert "allow_failure" not in text
    for script in _scripts(path):
        assert not re.search(r"\|\|\s*(true|:)|; *true|set \+e", script)
        # Of a pipe the shell reports the last command alone, unless it is told otherwise.
        if "skinseg-" in script and re.search(r"(?<!\|)\|(?!\|)", script):
            assert "set -o pipefail" in script


def test_both_keep_the_bundle_and_the_json_even_of_a_failed_export() -> None:
    (keep,) = [step for step in _read(GITHUB)["jobs"]["bundle"]["steps"] if "upload-artifact" in step.get("uses", "")]
    kept = _read(GITLAB)["bundle"]["artifacts"]

    assert (keep["if"], keep["with"]["path"].split()) == ("always()", kept["paths"])
    assert (kept["when"], kept["paths"]) == ("always", ["lesion.skinseg", "export.json", "verify.json"])


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_writes_what_it_keeps(path: Path) -> None:
    scripts = "\n".join(_scripts(path))

    assert "-o lesion.skinseg" in scripts
    assert re.search(r"(> |tee )export\.json", scripts)
    assert "> verify.json" in scripts


def test_the_page_names_both_examples() -> None:
    page = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")

    assert all(f"ci/{path.name}" in page for path in EXAMPLES)
