"""docs/batch.md holds: its commands and its Python run in order, and what it names is there."""

import re
import shlex
from pathlib import Path

import pytest

from skinseg_runtime.batch.cli import main
from skinseg_runtime.batch.driver import run_batch
from skinseg_runtime.batch.opening import open_segmenter, work_for
from skinseg_runtime.batch.sources import source_from_text
from skinseg_runtime.batch.sources.addresses import STORES
from skinseg_runtime.batch.sources.picture_list import NAME_COLUMNS, PATH_COLUMNS
from tests.runtime.batch.archives import Here
from tests.runtime.batch.sources.archives import touch
from tests.runtime.calling import call
from tests.runtime.tiny_bundle import write_bundle, write_photo

pytest.importorskip("pandas", reason="needs the extra scale")

_DOCS = Path(__file__).resolve().parents[4] / "docs"
_PAGE = (_DOCS / "batch.md").read_text(encoding="utf-8")
_TESTED = re.compile(r"^<!-- tested(?:: \w+)? -->\n```(?P<language>\w+)\n(?P<text>.*?)^```$", re.M | re.S)


def test_every_block_of_the_page_is_tested() -> None:
    assert len(_TESTED.findall(_PAGE)) == len(re.findall(r"^```\w+$", _PAGE, re.M)) == 3


def test_the_page_runs_from_a_folder_of_photos_to_its_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_bundle(tmp_path / "lesion.skinseg")
    write_photo(tmp_path / "photos" / "mole.jpg")
    touch(tmp_path, "photos/broken.jpg")
    console, *blocks = _TESTED.finditer(_PAGE)
    (line,) = re.findall(r"^\$ skinseg-batch (.*)$", console["text"], re.M)

    done = call(main, *shlex.split(line), "--jobs", "1")
    work = work_for("lesion.skinseg", masks="rle")
    with open_segmenter(work) as segmenter:
        run_batch(source_from_text("photos"), Path("out_rle"), work, Here(segmenter))
    for block in blocks:
        exec(compile(block["text"], "batch.md", "exec"), {})

    assert done.exit_code == 2  # for the broken one
    printed = capsys.readouterr().out
    (area,) = re.findall(r"mole\.jpg +1 +(\d+)", printed)
    assert f"mole.jpg {area} px" in printed
    assert "broken" not in printed
    assert "PictureUnreadable" in printed
    assert (tmp_path / "out" / "masks" / "mole.jpg.mask.png").is_file()


def test_the_page_names_columns_and_stores_that_exist() -> None:
    names = re.findall(r"`(\w+)`", re.search(r"^\| `list\.csv`.*$", _PAGE, re.M)[0])  # type: ignore[index]  # it is there
    assert set(names) <= {*PATH_COLUMNS, *NAME_COLUMNS}
    assert set(NAME_COLUMNS) <= set(names)
    assert set(re.findall(r"`(\w+)://", _PAGE)) <= set(STORES)


@pytest.mark.parametrize("target", re.findall(r"\]\((?!https?:|#)([^)#]+)", _PAGE))
def test_every_link_of_the_page_leads_somewhere(target: str) -> None:
    assert (_DOCS / target).is_file()
