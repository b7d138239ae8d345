"""What README.md shows is what happens: its commands exist, and its tested blocks run in order."""

import re
import shlex
from pathlib import Path

import pytest

from scripts.commands_page import commands, help_text, run_command
from scripts.draw_samples import draw_samples

_ROOT = Path(__file__).resolve().parent.parent.parent
_README = (_ROOT / "README.md").read_text(encoding="utf-8")
_BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```$", flags=re.MULTILINE | re.DOTALL)
_TESTED = re.compile(r"^<!-- tested[^\n]*-->\n" + _BLOCK.pattern.removeprefix("^"), flags=re.MULTILINE | re.DOTALL)


def _command_lines(console: str) -> list[list[str]]:
    """Split what is typed after each `$ ` of a console block into words; a backslash continues a line."""
    typed = re.findall(r"^\$ (.*)$", console.replace("\\\n", " "), flags=re.MULTILINE)
    return [shlex.split(line, comments=True) for line in typed]


def _all_command_lines() -> list[list[str]]:
    blocks = [block["text"] for block in _BLOCK.finditer(_README) if block["language"] == "console"]
    return [words for block in blocks for words in _command_lines(block)]


def test_the_readme_shows_commands() -> None:
    assert {words[0] for words in _all_command_lines()} >= {"make", "skinseg-export", "skinseg-run"}


@pytest.mark.parametrize("words", [words for words in _all_command_lines() if words[0] == "make"], ids=" ".join)
def test_every_make_target_of_the_readme_exists(words: list[str]) -> None:
    makefile = (_ROOT / "Makefile").read_text(encoding="utf-8")

    targets = [word for word in words[1:] if "=" not in word]
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, flags=re.MULTILINE)] == []


@pytest.mark.parametrize("words", [w for w in _all_command_lines() if w[0].startswith("skinseg-")], ids=" ".join)
def test_every_command_and_option_of_the_readme_exists(words: list[str]) -> None:
    assert words[0] in commands()

    options = {word.partition("=")[0] for word in words[1:] if word.startswith("-")}
    known = set(re.findall(r"(?<![\w-])-{1,2}[a-z][\w-]*", help_text(words[0])))
    assert options - known == set()


@pytest.mark.parametrize("target", re.findall(r"\]\((?!https?:|#)([^)#]+)", _README))
def test_every_link_of_the_readme_leads_somewhere(target: str) -> None:
    assert (_ROOT / target).exists()


@pytest.mark.slow
def test_the_tested_blocks_of_the_readme_run_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (photo,) = draw_samples(tmp_path, count=1)
    photo.rename(tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)

    ran = []
    for block in _TESTED.finditer(_README):
        if block["language"] == "python":
            exec(compile(block["text"], "README.md", "exec"), {})
            ran.append("python")
            continue
        for name, *arguments in _command_lines(block["text"]):
            finished = run_command(name, *arguments, cwd=tmp_path)
            assert finished.returncode == 0, f"{name} {arguments}: {finished.stderr}"
            ran.append(name)

    assert {"skinseg-export", "skinseg-run", "python"} <= set(ran)
