"""A kept calibration is reused only for the pictures, the preprocessing and the graph that it was made with."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import FileMissing, InputError, OutputRefused, SchemaUnknown
from skinseg_edge.preprocessing import to_network_input
from skinseg_export.quantization.calibration_pictures import CalibrationPictures
from skinseg_export.quantization.fingerprint import (
    PREPROCESSING_RULE,
    CalibrationStale,
    Fingerprint,
    fingerprint_of,
    load_cache,
    save_cache,
)

CONTRACT = ModelContract(input_hw=(32, 32))
GRAPH = b"an fp32 graph"
RANGES = {"minmax": {"value": 3.5, "other": 0.0}, "entropy": {"value": 2.25, "other": 0.0}}


def _pictures(folder: Path, *contents: bytes) -> CalibrationPictures:
    folder.mkdir(exist_ok=True)
    paths = tuple(folder / f"{number}.png" for number in range(len(contents)))
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    return CalibrationPictures(paths, "a test")


@pytest.fixture
def fingerprint(tmp_path: Path) -> Fingerprint:
    return fingerprint_of(_pictures(tmp_path / "pictures", b"one", b"two"), CONTRACT, GRAPH)


def test_names_and_order_of_the_pictures_do_not_count_but_every_byte_does(
    tmp_path: Path, fingerprint: Fingerprint
) -> None:
    assert fingerprint_of(_pictures(tmp_path / "again", b"two", b"one"), CONTRACT, GRAPH) == fingerprint
    for others in ((b"one",), (b"one", b"twO"), (b"one", b"two", b"two")):
        other = fingerprint_of(_pictures(tmp_path / "others", *others), CONTRACT, GRAPH)
        assert other.pictures != fingerprint.pictures
        assert (other.preprocessing, other.onnx) == (fingerprint.preprocessing, fingerprint.onnx)


@pytest.mark.parametrize(
    "contract",
    [
        replace(CONTRACT, input_hw=(32, 64)),
        replace(CONTRACT, resize="letterbox"),
        replace(CONTRACT, pad_value=0),
        replace(CONTRACT, mean=(0.4, 0.5, 0.5)),
        replace(CONTRACT, std=(0.5, 0.5, 0.2)),
    ],
)
def test_whatever_decides_the_pixels_is_in_the_fingerprint(
    tmp_path: Path, fingerprint: Fingerprint, contract: ModelContract
) -> None:
    other = fingerprint_of(_pictures(tmp_path / "pictures", b"one", b"two"), contract, GRAPH)
    assert other.preprocessing != fingerprint.preprocessing
    assert other.digest != fingerprint.digest


def test_what_only_reads_the_output_is_not_in_the_fingerprint(tmp_path: Path, fingerprint: Fingerprint) -> None:
    contract = replace(CONTRACT, threshold=0.4, mean=(0.5, 0.5, 0.5), classes=("nevus",))
    assert fingerprint_of(_pictures(tmp_path / "pictures", b"one", b"two"), contract, GRAPH) == fingerprint


def test_a_picture_that_went_away_is_named(tmp_path: Path) -> None:
    pictures = _pictures(tmp_path / "pictures", b"one")
    pictures.paths[0].unlink()
    with pytest.raises(FileMissing, match=r"cannot read .*0.png: there is no such file"):
        fingerprint_of(pictures, CONTRACT, GRAPH)


def test_a_cache_gives_back_what_was_saved(tmp_path: Path, fingerprint: Fingerprint) -> None:
    save_cache(tmp_path / "cache.json", fingerprint, RANGES)
    assert load_cache(tmp_path / "cache.json", fingerprint) == RANGES
    save_cache(tmp_path / "cache.json", fingerprint, {"minmax": {"value": 1.0}})
    assert load_cache(tmp_path / "cache.json", fingerprint) == {"minmax": {"value": 1.0}}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (("pictures",), "it was made from other pictures; delete it and calibrate again"),
        (("preprocessing",), "it was made with another preprocessing; delete"),
        (("onnx",), "it was made for another graph; delete"),
        (("pictures", "onnx"), "it was made from other pictures and for another graph; delete"),
    ],
)
def test_a_cache_of_something_else_is_refused_saying_what_differs(
    tmp_path: Path, fingerprint: Fingerprint, fields: tuple[str, ...], words: str
) -> None:
    save_cache(tmp_path / "cache.json", replace(fingerprint, **dict.fromkeys(fields, "0" * 64)), RANGES)
    with pytest.raises(CalibrationStale, match=rf"cannot reuse the calibration in .*cache.json: {words}"):
        load_cache(tmp_path / "cache.json", fingerprint)


def test_a_cache_of_another_preprocessing_is_refused(tmp_path: Path) -> None:
    pictures = _pictures(tmp_path / "pictures", b"one", b"two")
    save_cache(tmp_path / "cache.json", fingerprint_of(pictures, CONTRACT, GRAPH), RANGES)
    letterbox = fingerprint_of(pictures, replace(CONTRACT, resize="letterbox"), GRAPH)
    with pytest.raises(CalibrationStale, match="made with another preprocessing"):
        load_cache(tmp_path / "cache.json", letterbox)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"fingerprint": {}}, "expected schema, ranges and a fingerprint of onnx, pictures, preprocessing"),
        ({"extra": 1}, "expected schema, ranges and a fingerprint"),
        ({"ranges": {}}, "ranges are {}, expected an object with at least one entry"),
        ({"ranges": {"minmax": [1]}}, r"'minmax' is \[1\], expected an object"),
        ({"ranges": {"minmax": {"value": -1}}}, "minmax reaches -1 for 'value', expected a finite number from 0 on"),
        ({"ranges": {"minmax": {"value": True}}}, "minmax reaches True for 'value'"),
        ({"ranges": {"minmax": {"value": "3"}}}, "minmax reaches '3' for 'value'"),
    ],
)
def test_a_damaged_cache_is_refused(
    tmp_path: Path, fingerprint: Fingerprint, change: dict[str, object], words: str
) -> None:
    save_cache(tmp_path / "cache.json", fingerprint, RANGES)
    document = json.loads((tmp_path / "cache.json").read_text()) | change
    (tmp_path / "cache.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match=words):
        load_cache(tmp_path / "cache.json", fingerprint)


def test_a_digest_that_is_none_is_refused(tmp_path: Path, fingerprint: Fingerprint) -> None:
    save_cache(tmp_path / "cache.json", fingerprint, RANGES)
    text = (tmp_path / "cache.json").read_text().replace(fingerprint.onnx, "ABC")
    (tmp_path / "cache.json").write_text(text)
    with pytest.raises(InputError, match="onnx is 'ABC', expected 64 hexadecimal digits"):
        load_cache(tmp_path / "cache.json", fingerprint)


def test_bytes_that_are_no_json_and_another_schema_are_refused(tmp_path: Path, fingerprint: Fingerprint) -> None:
    path = tmp_path / "cache.json"
    path.write_bytes(b'{"ranges": NaN}')
    with pytest.raises(
        InputError, match=r"cache.json: it is no strict JSON \(NaN is no JSON number\), delete it and calibrate again"
    ):
        load_cache(path, fingerprint)
    path.write_text('{"schema": "skinseg.calibration/9"}')
    with pytest.raises(SchemaUnknown, match=r"its schema is 'skinseg\.calibration/9', this version reads"):
        load_cache(path, fingerprint)
    with pytest.raises(FileMissing, match=r"lost.json: there is no such file"):
        load_cache(tmp_path / "lost.json", fingerprint)


@pytest.mark.parametrize("reach", [float("nan"), float("inf"), -1.0])
def test_a_reach_that_is_no_number_is_never_kept(tmp_path: Path, fingerprint: Fingerprint, reach: float) -> None:
    with pytest.raises(InputError, match=r"cannot keep the calibration in .*cache.json: minmax reaches"):
        save_cache(tmp_path / "cache.json", fingerprint, {"minmax": {"value": reach}})
    assert not (tmp_path / "cache.json").exists()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, fingerprint: Fingerprint) -> None:
    with pytest.raises(OutputRefused, match="it is a folder"):
        save_cache(tmp_path, fingerprint, RANGES)


def test_the_digest_is_of_all_three(fingerprint: Fingerprint) -> None:
    others = [replace(fingerprint, **{name: "1" * 64}).digest for name in asdict(fingerprint)]
    assert len({fingerprint.digest, *others}) == 4


def test_the_preprocessing_rule_is_the_one_that_this_number_stands_for() -> None:
    # Rule 1 on a ramp of 64 columns: area average (two columns into one), letterbox of 8 grey rows above and below.
    # Whoever changes these pixels on purpose raises PREPROCESSING_RULE, and no old calibration is reused.
    assert PREPROCESSING_RULE == 1
    ramp = np.broadcast_to(np.arange(0, 256, 4, dtype=np.uint8)[None, :, None], (32, 64, 3)).copy()
    pixels = to_network_input(ramp, replace(CONTRACT, resize="letterbox", pad_value=128)).pixels
    assert (pixels[:8] == 128).all()
    assert (pixels[24:] == 128).all()
    np.testing.assert_array_equal(pixels[8, :, 0], np.arange(2, 256, 8))
