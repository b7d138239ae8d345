"""Synthetic faces are repeatable and varied, and their label maps say what was drawn where."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_edge.datasets.face_folder import labelme_document, main, write_face_folder
from skinseg_edge.datasets.label_maps import MELASMA_CLASSES, read_label_map
from skinseg_edge.datasets.readers import pairs
from skinseg_edge.datasets.synthetic_faces import SyntheticFace, draw_face
from skinseg_edge.image_io import decode

_SMALL = (96, 96)
_BACKGROUND, _FOREHEAD, _MELASMA, _CHIN, _LEFT, _RIGHT = range(6)


@pytest.fixture(scope="module")
def faces() -> list[SyntheticFace]:
    return [draw_face(seed, _SMALL) for seed in range(30)]


def _middle(where: NDArray[np.bool_]) -> tuple[float, float]:
    """Row and column of the centre of a region, px."""
    rows, columns = np.nonzero(where)
    return float(rows.mean()), float(columns.mean())


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not() -> None:
    first, again, other = draw_face(5, _SMALL), draw_face(5, _SMALL), draw_face(6, _SMALL)
    assert first.photo.tobytes() == again.photo.tobytes()
    assert first.labels.tobytes() == again.labels.tobytes()
    assert first.photo.tobytes() != other.photo.tobytes()


@pytest.mark.parametrize("hw", [(48, 48), (64, 97), (200, 128)])
def test_photo_and_labels_have_the_size_that_was_asked_for(hw: tuple[int, int]) -> None:
    face = draw_face(1, hw)
    assert face.photo.shape == (*hw, 3)
    assert face.photo.dtype == np.uint8
    assert face.labels.shape == hw
    assert face.labels.dtype == np.uint8


def test_every_face_shows_every_class(faces: list[SyntheticFace]) -> None:
    assert [np.unique(face.labels).tolist() for face in faces] == [list(range(6))] * len(faces)


def test_thirty_faces_show_all_skin_types_and_patterns(faces: list[SyntheticFace]) -> None:
    assert {face.fitzpatrick for face in faces} == {1, 2, 3, 4, 5, 6}
    assert {face.melasma.pattern for face in faces} == {"centrofacial", "malar", "mandibular"}


def test_each_class_covers_a_plausible_share_of_the_picture(faces: list[SyntheticFace]) -> None:
    shares = np.array([np.bincount(face.labels.ravel(), minlength=6) for face in faces]) / np.prod(_SMALL)
    assert ((shares[:, _BACKGROUND] > 0.45) & (shares[:, _BACKGROUND] < 0.85)).all()
    assert ((shares[:, _MELASMA] > 0.005) & (shares[:, _MELASMA] < 0.12)).all()
    for region in (_FOREHEAD, _CHIN, _LEFT, _RIGHT):
        assert ((shares[:, region] > 0.005) & (shares[:, region] < 0.25)).all(), MELASMA_CLASSES[region]


def test_melasma_covers_the_chosen_share_of_the_face(faces: list[SyntheticFace]) -> None:
    for face in faces:
        share = (face.labels == _MELASMA).sum() / (face.labels != _BACKGROUND).sum()
        # Specks that nobody would outline have been taken out of it.
        assert 0.6 * face.melasma.share < share < 1.05 * face.melasma.share


def test_forehead_lies_above_chin_and_the_persons_left_at_the_viewers_right(faces: list[SyntheticFace]) -> None:
    for face in faces:
        middles = {region: _middle(face.labels == region) for region in (_FOREHEAD, _CHIN, _LEFT, _RIGHT)}
        assert middles[_FOREHEAD][0] < middles[_LEFT][0] < middles[_CHIN][0]
        assert middles[_RIGHT][1] < middles[_CHIN][1] < middles[_LEFT][1]


def test_melasma_lies_inside_the_face(faces: list[SyntheticFace]) -> None:
    for face in faces:
        outline = face.labels != _BACKGROUND
        whole = cv2.morphologyEx(outline.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8)) > 0
        hull = cv2.convexHull(np.argwhere(outline & (face.labels != _MELASMA))[:, ::-1].astype(np.int32))
        filled = cv2.fillPoly(np.zeros(_SMALL, np.uint8), [hull], 1) > 0
        melasma = face.labels == _MELASMA
        assert whole[melasma].all()
        assert filled[melasma].mean() > 0.9  # patches on the edge of the face may reach past the skin around them


@pytest.mark.parametrize("fitzpatrick", range(1, 7))
def test_melasma_is_browner_than_the_skin_around_it(fitzpatrick: int) -> None:
    for seed in range(3):
        face = draw_face(seed, (128, 128), fitzpatrick)
        melasma = face.labels == _MELASMA
        near = cv2.dilate(melasma.astype(np.uint8), np.ones((13, 13), np.uint8)) > 0
        around = near & ~melasma & (face.labels != _BACKGROUND)
        inside = cv2.erode(melasma.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        darker = face.photo[around].mean(axis=0) - face.photo[inside].mean(axis=0)
        assert (darker > 2).all(), darker


def test_darker_types_give_darker_skin() -> None:
    def brightness(fitzpatrick: int) -> float:
        drawn = [draw_face(seed, (64, 64), fitzpatrick) for seed in range(4)]
        return float(np.mean([face.photo[face.labels >= _CHIN].mean() for face in drawn]))

    levels = [brightness(fitzpatrick) for fitzpatrick in range(1, 7)]
    assert levels == sorted(levels, reverse=True)


def test_a_face_is_the_same_at_another_size() -> None:
    small, large = draw_face(3, (96, 96)), draw_face(3, (192, 192))
    shrunk = large.labels[::2, ::2]
    assert (small.labels == shrunk).mean() > 0.93


@pytest.mark.parametrize(
    ("seed", "hw", "fitzpatrick", "words"),
    [
        (-1, (64, 64), None, "the seed is -1, expected 0 or larger"),
        (0, (64, 40), None, "64 x 40 px: each side must be at least 48 px"),
        (0, (64, 64), 7, "fitzpatrick is 7, expected 1 to 6"),
    ],
)
def test_what_cannot_be_drawn_is_refused(seed: int, hw: tuple[int, int], fitzpatrick: int | None, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        draw_face(seed, hw, fitzpatrick)


def test_outlines_in_labelme_give_back_the_map_that_was_drawn(tmp_path: Path, faces: list[SyntheticFace]) -> None:
    for face in faces[:8]:
        (tmp_path / "face.json").write_text(json.dumps(labelme_document(face, "face.jpg")))
        assert (read_label_map(tmp_path / "face.json", MELASMA_CLASSES) == face.labels).all()


@pytest.mark.parametrize("labelme", [False, True])
def test_a_folder_of_faces_is_read_as_photos_with_class_maps(tmp_path: Path, labelme: bool) -> None:
    write_face_folder(tmp_path, 6, 64, seed=20, labelme=labelme)
    read = pairs(tmp_path, tmp_path / "train.txt") + pairs(tmp_path, tmp_path / "validation.txt")
    assert sorted(pair.name for pair in read) == [f"face-000{number}" for number in range(1, 7)]
    assert (tmp_path / "classes.txt").read_text().split() == list(MELASMA_CLASSES)
    third = next(pair for pair in read if pair.name == "face-0003")
    drawn = draw_face(22, (64, 64))
    assert (read_label_map(third.mask, MELASMA_CLASSES) == drawn.labels).all()
    # The photo is a JPEG, so only nearly the one that was drawn.
    assert np.abs(decode(third.picture).pixels.astype(int) - drawn.photo).mean() < 6


def test_the_command_writes_a_new_folder_and_replaces_none_unasked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "faces"
    options = [str(folder), "--count", "5", "--side", "48", "--json"]
    assert main.main(options, standalone_mode=False) == 0
    assert json.loads(capsys.readouterr().out)["faces"] == 5
    assert (folder / "validation.txt").read_text() == "face-0005\n"
    assert main.main(options, standalone_mode=False) == 2
    assert "it exists already" in json.loads(capsys.readouterr().out)["error"]["message"]
    assert main.main([*options, "--force"], standalone_mode=False) == 0
