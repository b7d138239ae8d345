"""The model that ships: its card is true, its masks stay in place, and its bundle carries it unchanged."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from skinseg_edge import load_checkpoint, metrics
from skinseg_edge.datasets import synthetic_lesions
from skinseg_edge.datasets.readers import pairs
from skinseg_edge.image_io import decode, decode_mask
from skinseg_export import ExportOptions, export_bundle
from skinseg_export.evaluate_cli import main as evaluate
from skinseg_runtime import Segmenter

_CARD = Path(__file__).resolve().parents[2] / "skinseg_edge" / "weights" / "scsonet.md"
# One row of the card: | Dice, pixels of all pictures | 0.9012 |
_FIGURE = re.compile(r"^\| (?P<what>[^|]+?) +\| (?P<value>0\.\d{4}) +\|$", flags=re.MULTILINE)


@pytest.fixture(scope="session")
def shipped_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shipped") / "lesion.skinseg"
    report = export_bundle(load_checkpoint("scsonet"), path, ExportOptions(targets=("onnx",), precision="fp32"))
    assert not report.failures
    return path


@pytest.fixture(scope="session")
def segmenter(shipped_bundle: Path) -> Segmenter:
    return Segmenter.open(shipped_bundle)


@pytest.mark.slow
def test_the_card_says_what_the_bundle_scores_on_real_pictures(shipped_bundle: Path, real_data: Path) -> None:
    isic = real_data / "isic2018"
    arguments = [str(shipped_bundle), "--data", str(isic), "--split", str(isic / "validation.txt"), "--json"]
    outcome = CliRunner().invoke(evaluate, arguments)
    assert outcome.exit_code == 0
    document = json.loads(outcome.stdout)
    card = {match["what"]: float(match["value"]) for match in _FIGURE.finditer(_CARD.read_text(encoding="utf-8"))}
    measured = {
        "Dice, pixels of all pictures, 256 x 256": document["network_size"]["dice"],
        "IoU, pixels of all pictures, 256 x 256": document["network_size"]["iou"],
        "Dice, mean over pictures, photo size": document["per_image"]["dice"],
        "IoU, mean over pictures, photo size": document["per_image"]["iou"],
        "AUC, pixels of all pictures": document["auc"],
    }
    assert {what: card.get(what) for what in measured} == pytest.approx(measured, abs=3e-4)
    # The floor that the project set itself before anything was trained.
    assert document["network_size"]["dice"] >= 0.885


@pytest.mark.slow
def test_masks_lie_on_the_lesions_of_camera_size_photos(segmenter: Segmenter, real_data: Path) -> None:
    for pair in pairs(real_data / "full_size"):
        result = segmenter.segment(pair.picture)
        agreement = metrics.dice(result.mask, decode_mask(pair.mask))
        assert agreement > 0.7, pair.name


# What a camera stores for an upright photo when it writes the tag (EXIF 2.32, section 4.6.4).
_STORED: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    1: lambda photo: photo,
    2: lambda photo: photo[:, ::-1],
    3: lambda photo: photo[::-1, ::-1],
    4: lambda photo: photo[::-1],
    5: lambda photo: photo.transpose(1, 0, 2),
    6: lambda photo: np.rot90(photo, 1),
    7: lambda photo: photo.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda photo: np.rot90(photo, -1),
}


def _jpeg(stored: NDArray[np.uint8], orientation: int) -> bytes:
    _, coded = cv2.imencode(".jpg", cv2.cvtColor(stored, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 95])
    tiff = (
        b"MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01" + bytes([0, orientation, 0, 0]) + b"\0" * 4
    )
    payload = b"Exif\x00\x00" + tiff
    return coded.tobytes()[:2] + b"\xff\xe1" + (len(payload) + 2).to_bytes(2, "big") + payload + coded.tobytes()[2:]


@pytest.mark.parametrize("orientation", _STORED)
def test_a_photo_turned_by_any_exif_tag_gives_the_same_mask_in_the_same_place(
    segmenter: Segmenter, orientation: int
) -> None:
    lesion = synthetic_lesions.draw(5, hw=(600, 800))
    upright = segmenter.segment(_jpeg(lesion.photo, 1))
    data = _jpeg(np.ascontiguousarray(_STORED[orientation](lesion.photo)), orientation)
    difference = decode(data).pixels.astype(int) - lesion.photo
    assert np.abs(difference).mean() < 6  # the photo itself comes back upright
    result = segmenter.segment(data)
    assert result.photo_hw == (600, 800)
    assert metrics.iou(result.mask, upright.mask) > 0.99


def test_a_reduced_decoding_gives_the_mask_of_the_whole_one(segmenter: Segmenter) -> None:
    lesion = synthetic_lesions.draw(6, hw=(1200, 1600))
    data = _jpeg(lesion.photo, 1)
    assert decode(data, at_least_hw=segmenter.contract.input_hw).reduction == 4
    assert metrics.iou(segmenter.segment(data).mask, segmenter.segment(decode(data).pixels).mask) > 0.97


def test_drawn_lesions_are_found_on_every_skin(segmenter: Segmenter) -> None:
    agreement: dict[int, list[float]] = {}
    for seed in range(48):
        lesion = synthetic_lesions.draw(seed, hw=(240, 320))
        if lesion.mask.mean() > 0.02:
            mask = segmenter.segment(lesion.photo).mask
            agreement.setdefault(lesion.fitzpatrick, []).append(metrics.dice(mask, lesion.mask))
    assert set(agreement) == {1, 2, 3, 4, 5, 6}
    assert {skin: float(np.median(dices)) for skin, dices in agreement.items() if np.median(dices) < 0.8} == {}
