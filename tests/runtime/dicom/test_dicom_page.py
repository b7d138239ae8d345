"""docs/dicom.md holds: its blocks run in order, from a JPEG to SEG and SR and back."""

import re
import shlex
from pathlib import Path

import pytest

from skinseg_runtime.cli import main
from tests.runtime.calling import call
from tests.runtime.tiny_bundle import write_bundle, write_photo

pytest.importorskip("highdicom", reason="needs highdicom and pydicom (extra dicom)")

_PAGE = Path(__file__).resolve().parents[3] / "docs" / "dicom.md"
_TESTED = re.compile(r"^<!-- tested(?:: \S+)? -->\n```(?P<language>\w+)\n(?P<text>.*?)^```$", re.M | re.S)


def test_the_blocks_of_the_page_run_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = _PAGE.read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    write_photo(tmp_path / "photo.jpg")
    write_bundle(tmp_path / "lesion.skinseg")

    blocks = list(_TESTED.finditer(text))
    for block in blocks:
        if block["language"] == "python":
            exec(compile(block["text"], "dicom.md", "exec"), {})
        for line in re.findall(r"^\$ skinseg-run (.*)$", block["text"], re.M):
            assert call(main, *shlex.split(line)).exit_code == 0

    assert [block["language"] for block in blocks] == ["python", "console", "python"]
    assert len(blocks) == len(re.findall(r"^```\w+$", text, re.M))
    assert re.findall(r"^Lesion 1 (\S+ ?\w*) [\d.]+ \{pixels\}$", capsys.readouterr().out, re.M) == [
        "Area",
        "Long axis",
        "Short axis",
        "Perimeter",
    ]
