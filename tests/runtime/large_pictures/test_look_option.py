"""skinseg-run --look: what its rows tell, and that a run with another look is another run."""

import json
from pathlib import Path

import pytest

from skinseg_edge.image_io import decode_mask, write_png
from skinseg_edge.metrics import iou
from skinseg_runtime.cli import main
from tests.runtime.calling import call
from tests.runtime.large_pictures.body_shots import body_shot


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    write_png(tmp_path / "back.png", body_shot()[0])
    return tmp_path / "back.png"


def look_of(output: Path) -> dict[str, object]:
    (line,) = (output / "results.jsonl").read_text(encoding="utf-8").splitlines()
    look = json.loads(line)["look"]
    assert isinstance(look, dict)
    return look


def test_a_row_tells_the_look_that_was_taken_and_where(bundle: Path, shot: Path, tmp_path: Path) -> None:
    assert call(main, bundle, shot, "-o", tmp_path / "once").exit_code == 0
    assert call(main, bundle, shot, "-o", tmp_path / "closer", "--look", "closer").exit_code == 0

    assert look_of(tmp_path / "once") == {"asked": "once", "used": "once", "boxes": [], "reason": None}
    closer = look_of(tmp_path / "closer")
    assert (closer["asked"], closer["used"], closer["reason"]) == ("closer", "closer", None)
    drawn = body_shot()[1]
    once_iou, closer_iou = (iou(decode_mask(tmp_path / look / "back.mask.png"), drawn) for look in ("once", "closer"))
    assert closer_iou > once_iou + 0.1


def test_a_row_tells_why_a_second_look_was_not_taken(bundle: Path, photo: Path, tmp_path: Path) -> None:
    assert call(main, bundle, photo, "-o", tmp_path / "out", "--look", "closer").exit_code == 0
    look = look_of(tmp_path / "out")
    assert (look["asked"], look["used"]) == ("closer", "once")
    assert "a closer look is taken below 3%" in str(look["reason"])


def test_an_unknown_look_is_answered_with_the_known_ones(bundle: Path, shot: Path, tmp_path: Path) -> None:
    result = call(main, bundle, shot, "-o", tmp_path / "out", "--look", "closest")
    assert result.exit_code == 2
    assert "known are closer, once, tiles; did you mean 'closer'?" in result.stderr


def test_a_video_is_not_looked_at_twice(bundle: Path, tmp_path: Path) -> None:
    result = call(main, bundle, "camera:0", "-o", tmp_path / "out", "--look", "tiles")
    assert result.exit_code == 2
    assert "--look" in result.stderr
