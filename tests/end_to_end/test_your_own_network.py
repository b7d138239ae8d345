"""docs/your_own_network.md holds: its blocks run in order, from an empty folder to a mask."""

import importlib
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from scripts.commands_page import commands, run_command
from skinseg_edge.command_line import Command
from skinseg_edge.image_io import decode_mask
from skinseg_edge.networks import registry
from skinseg_runtime import Segmenter

_ROOT = Path(__file__).resolve().parent.parent.parent
_PAGE = (_ROOT / "docs" / "your_own_network.md").read_text(encoding="utf-8")
_TESTED = re.compile(r"^<!-- tested(?:: (?P<file>\S+))? -->\n```(?P<language>\w+)\n(?P<text>.*?)^```$", re.M | re.S)


def _command_lines(console: str) -> list[list[str]]:
    """Split what is typed after each `$ ` into words; a backslash continues a line."""
    return [shlex.split(line) for line in re.findall(r"^\$ (.*)$", console.replace("\\\n", " "), re.M)]


def _command(name: str) -> Command:
    # In this process: seven fresh ones would spend their time on importing torch.
    module, attribute = commands()[name].split(":")
    command = getattr(importlib.import_module(module), attribute)
    assert isinstance(command, Command)
    return command


def test_every_block_of_the_page_is_tested() -> None:
    assert len(_TESTED.findall(_PAGE)) == len(re.findall(r"^```\w+$", _PAGE, re.M))


@pytest.mark.slow
def test_a_network_of_one_s_own_goes_from_a_file_to_a_mask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_factories", dict(registry._factories))

    ran = []
    for block in _TESTED.finditer(_PAGE):
        if block["file"]:
            Path(block["file"]).write_text(block["text"], encoding="utf-8")
        elif block["language"] == "python":
            exec(compile(block["text"], "your_own_network.md", "exec"), {})
        for name, *arguments in _command_lines(block["text"]) if block["language"] == "console" else ():
            result = CliRunner().invoke(_command(name), arguments)
            assert result.exit_code == 0, f"{name} {arguments}: {result.stderr}"
            ran.append(name)

    assert set(ran) == {"skinseg-export", "skinseg-train", "skinseg-eval", "skinseg-run"}
    assert decode_mask(Path("results/0.mask.png")).shape == (128, 128)
    with Segmenter.open("pocket.skinseg") as segmenter:  # no `pocket.py` is imported here
        assert segmenter.contract.classes == ("lesion",)


def test_a_checkpoint_without_its_import_is_refused_with_the_names_that_are_known(tmp_path: Path) -> None:
    (tmp_path / "pocket.py").write_text(_TESTED.search(_PAGE)["text"], encoding="utf-8")  # type: ignore[index]  # found

    finished = run_command(
        "skinseg-export", "pocket", "--untrained", "--target", "onnx", "-o", "a.skinseg", cwd=tmp_path
    )

    assert finished.returncode == 2
    assert "the network 'pocket': known are attention-unet, cmssm, " in finished.stderr
