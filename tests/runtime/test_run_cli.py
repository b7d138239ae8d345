"""skinseg-run: what it writes, what it says, and that a bad day leaves nothing half-written."""

import errno
import hashlib
import json
import os
import signal
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from skinseg_edge.contract import ModelContract
from skinseg_edge.image_io import decode, decode_mask, write_png
from skinseg_edge.metrics import iou
from skinseg_runtime import Segmenter
from skinseg_runtime.cli import main
from skinseg_runtime.segmentation import Segmentation
from tests.runtime.calling import call, error_of, only_object
from tests.runtime.measurements.drawn_card import MARKER_MM, card_photo
from tests.runtime.tiny_bundle import (
    LESION,
    photo_and_mask,
    three_class_model,
    two_class_model,
    write_bundle,
    write_photo,
)


def rows_of(output: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (output / "results.jsonl").read_text(encoding="utf-8").splitlines()]


def names_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_photo_gives_a_mask_an_overlay_and_a_row(bundle: Path, photo: Path, tmp_path: Path) -> None:
    output = tmp_path / "out" / "today"
    result = call(main, bundle, photo, "-o", output, "--overlay")

    assert (result.exit_code, result.stderr) == (0, "")
    assert names_in(output) == ["mole.mask.png", "mole.overlay.png", "results.jsonl"]
    assert iou(decode_mask(output / "mole.mask.png"), photo_and_mask()[1]) > 0.97
    assert decode(output / "mole.overlay.png").pixels.shape == (240, 320, 3)
    (row,) = rows_of(output)
    assert row["schema"] == "skinseg.result/1"
    assert row["source"] == str(photo)
    assert row["sha256"] == hashlib.sha256(photo.read_bytes()).hexdigest()
    assert row["photo_hw"] == [240, 320]
    assert row["mask"] == str(output / "mole.mask.png")
    model = row["model"]
    assert isinstance(model, dict)
    assert (model["name"], model["engine"], model["precision"]) == ("tiny", "onnxruntime", "fp32")
    assert "mole.jpg" in result.stdout
    assert "320 x 240" in result.stdout
    assert f"1 of 1 photos segmented -> {output}" in result.stdout


def test_colours_and_shape_are_in_the_row(bundle: Path, photo: Path, tmp_path: Path) -> None:
    call(main, bundle, photo, "-o", tmp_path / "out")
    ((lesion,),) = (row["lesions"] for row in rows_of(tmp_path / "out") if isinstance(row["lesions"], list))
    brown = cv2.cvtColor(np.array([[LESION]], np.float32) / 255, cv2.COLOR_RGB2Lab)[0, 0]
    assert lesion["colour"]["mean"] == pytest.approx(brown, abs=2)  # a JPEG's border is not sharp
    assert lesion["asymmetry"] < 0.02
    assert lesion["scale"] is None


def test_a_scale_given_by_hand_gives_millimetres_with_their_range(bundle: Path, photo: Path, tmp_path: Path) -> None:
    result = call(main, bundle, photo, "-o", tmp_path / "out", "--mm-per-px", "0.05")
    ((lesion,),) = (row["lesions"] for row in rows_of(tmp_path / "out") if isinstance(row["lesions"], list))
    longest = lesion["max_diameter_mm"]
    assert longest == pytest.approx(lesion["max_diameter_px"] * 0.05, abs=0.01)
    assert lesion["ranges"]["max_diameter_mm"] == pytest.approx([0.9 * longest, 1.1 * longest], abs=0.01)
    assert lesion["scale"]["source"] == "mm per pixel, given by hand"
    assert f"{longest:.1f} mm ±{longest / 10:.1f}" in result.stdout


def test_two_points_of_a_ruler_give_millimetres_with_their_range(bundle: Path, photo: Path, tmp_path: Path) -> None:
    call(main, bundle, photo, "-o", tmp_path / "out", "--ruler", "20,10,260,190,15")  # 300 px
    ((lesion,),) = (row["lesions"] for row in rows_of(tmp_path / "out") if isinstance(row["lesions"], list))
    assert lesion["max_diameter_mm"] == pytest.approx(lesion["max_diameter_px"] * 0.05, abs=0.01)
    assert lesion["scale"]["source"] == "two points on a ruler"


def test_a_ruler_outside_the_photo_gives_pixels_and_its_row_says_why(bundle: Path, photo: Path, tmp_path: Path) -> None:
    result = call(main, bundle, photo, "-o", tmp_path / "out", "--ruler", "20,10,320,190,15")
    assert result.exit_code == 0
    assert "the ruler from (20, 10) to (320, 190): the upright photo has 320 x 240 px; set both" in result.stderr
    ((lesion,),) = (row["lesions"] for row in rows_of(tmp_path / "out") if isinstance(row["lesions"], list))
    assert lesion["max_diameter_mm"] is None


def test_one_ruler_is_not_laid_on_several_photos(bundle: Path, photo: Path, tmp_path: Path) -> None:
    other = write_photo(tmp_path / "other.jpg")
    result = call(main, bundle, photo, other, "-o", tmp_path / "out", "--ruler", "20,10,260,190,15")
    assert result.exit_code == 2
    assert "cannot read one ruler on 2 photos" in result.stderr


@pytest.mark.parametrize(("tilt", "warned"), [(5, False), (30, True)])
def test_a_card_on_the_photo_gives_millimetres_and_a_steep_one_a_warning(
    bundle: Path, tmp_path: Path, tilt: int, warned: bool
) -> None:
    shot = card_photo(tilt, diameter_mm=9)
    write_png(tmp_path / "card.png", shot.photo)
    result = call(main, bundle, tmp_path / "card.png", "-o", tmp_path / "out", "--card", str(MARKER_MM))
    (row,) = rows_of(tmp_path / "out")
    lesions = row["lesions"]
    assert isinstance(lesions, list)
    # The tiny network takes all that is dark: the marker is a region of its own.
    away = [abs(lesion["equivalent_diameter_mm"] - 9) for lesion in lesions]
    assert min(away) < 0.4  # its mask has 64 rows
    assert ("the card is tilted by" in result.stderr, "scale_problem" in row) == (warned, warned)
    assert result.exit_code == 0


def test_a_photo_without_a_card_is_measured_in_pixels_and_its_row_says_why(
    bundle: Path, photo: Path, tmp_path: Path
) -> None:
    result = call(main, bundle, photo, "-o", tmp_path / "out", "--card", "20")
    (row,) = rows_of(tmp_path / "out")
    assert result.exit_code == 0
    assert f"warning: {photo}: cannot read the scale from a card: no marker" in result.stderr
    assert isinstance(row["scale_problem"], str)
    assert isinstance(lesions := row["lesions"], list)
    assert [lesion["max_diameter_mm"] for lesion in lesions] == [None]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--mm-per-px", "0.1", "--card", "20"), "cannot choose a scale: got --mm-per-px 0.1 and --card 20.0"),
        (("--ruler", "1,1,9,9,5", "--card", "20"), "got --card 20.0 and --ruler 1,1,9,9,5, expected one of them"),
        (("--ruler", "1,1,9,9"), "cannot read the ruler '1,1,9,9': expected X1,Y1,X2,Y2,MM"),
        (("--ruler", "1,1,9,nan,5"), "cannot read the ruler '1,1,9,nan,5': expected"),
        (("--ruler", "1,1,1,1,5"), "cannot read the scale from a ruler: 5.0 mm lie over 0.0 px"),
        (("--card", "-2"), "cannot look for a card of -2 mm: expected more than 0"),
        (("--mm-per-px", "0"), "cannot use the scale: a scale of 0.0 mm/px"),
    ],
)
def test_a_scale_that_cannot_be_is_refused_before_any_work(
    bundle: Path, photo: Path, tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    result = call(main, bundle, photo, "-o", tmp_path / "out", *options)
    assert result.exit_code == 2
    assert words in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_row_judges_the_photo_and_the_table_has_one_word_for_it(bundle: Path, tmp_path: Path) -> None:
    good, dark = write_photo(tmp_path / "good.png"), tmp_path / "dark.png"
    write_png(dark, (photo_and_mask()[0] * 0.25).astype(np.uint8))  # the network takes all of it for a lesion

    result = call(main, bundle, good, dark, "-o", tmp_path / "out")

    assert result.exit_code == 0
    qualities = [row["quality"] for row in rows_of(tmp_path / "out")]
    assert all(isinstance(quality, dict) for quality in qualities)
    told = [(quality["verdict"], [each["name"] for each in quality["findings"]]) for quality in qualities]  # type: ignore[index]  # rows are plain JSON
    assert told == [("good", []), ("retake", ["cut by the border", "too dark"])]
    lines = result.stdout.splitlines()
    assert [("quality" in lines[0]), (" good " in lines[1]), (" retake " in lines[2])] == [True, True, True]


def test_a_narrow_page_shows_the_whole_name_of_a_photo(bundle: Path, tmp_path: Path) -> None:
    photo = write_photo(tmp_path / ("long-" * 40 + "name.jpg"))
    result = call(main, bundle, photo, "-o", tmp_path / "out")  # 160 columns in a file, fewer than the path has
    assert "…" not in result.stdout
    assert "name.jpg" in result.stdout


def test_json_is_one_object_with_the_polygons(bundle: Path, photo: Path, tmp_path: Path) -> None:
    document = only_object(call(main, bundle, photo, "-o", tmp_path / "out", "--json").stdout)

    assert (document["schema"], document["ok"]) == ("skinseg.run/1", True)
    pictures = document["pictures"]
    assert isinstance(pictures, list)
    assert pictures == rows_of(tmp_path / "out")
    polygon = np.array(pictures[0]["lesions"][0]["polygon"], np.int32)
    drawn = cv2.fillPoly(np.zeros((240, 320), np.uint8), [polygon], 1)
    assert np.array_equal(drawn == 1, decode_mask(tmp_path / "out" / "mole.mask.png"))


def test_masks_beside_photos_are_left_out_and_counted(bundle: Path, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    write_photo(photos / "a.jpg")
    write_photo(photos / "a_mask.png")

    assert "; 1 masks beside photos left out" in call(main, bundle, photos, "-o", tmp_path / "plain").stdout
    document = only_object(call(main, bundle, photos, "-o", tmp_path / "json", "--json").stdout)
    assert document["masks_left_out"] == [str(photos / "a_mask.png")]


def test_each_of_several_bad_photos_is_reported_with_its_reason(bundle: Path, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    write_photo(photos / "good.jpg")
    (photos / "empty.jpg").write_bytes(b"")
    (photos / "IMG\n1.heic").write_bytes(b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic")

    result = call(main, bundle, photos, "-o", tmp_path / "out")

    assert result.exit_code == 2
    lines = result.stderr.splitlines()
    assert ["IMG\\n1.heic: it is a HEIC picture" in lines[0], "empty.jpg: it is empty" in lines[1]] == [True, True]
    assert "cannot segment 2 of 3 photos; the first: " in lines[2]
    assert "IMG\\n1.heic" in result.stdout


def test_over_a_folder_a_bad_photo_is_reported_and_the_rest_done(bundle: Path, tmp_path: Path) -> None:
    photos, output = tmp_path / "photos", tmp_path / "out"
    write_photo(photos / "a.jpg")
    write_photo(photos / "visit-2" / "a.png")
    (photos / "bad.jpg").write_bytes(b"")

    plain = call(main, bundle, photos, "-o", output)

    assert plain.exit_code == 2
    assert names_in(output) == ["a.mask.png", "results.jsonl", "visit-2/a.mask.png"]
    assert plain.stderr.startswith("skinseg-run: cannot read ")
    assert "bad.jpg" in plain.stderr
    assert "2 of 3 photos segmented" in plain.stdout
    errors = [row.get("error") for row in rows_of(output)]
    assert [error is None for error in errors] == [True, False, True]

    document = only_object(call(main, bundle, photos, "-o", output, "--force", "--json").stdout)
    assert document["ok"] is False
    pictures = document["pictures"]
    assert isinstance(pictures, list)
    assert pictures[1]["error"]["kind"] == "PictureUnreadable"


@pytest.mark.parametrize("kind", ["empty", "text", "truncated", "stub"])
def test_a_single_bad_photo_is_an_error_that_names_it_and_leaves_nothing(
    bundle: Path, photo: Path, tmp_path: Path, kind: str
) -> None:
    bad = tmp_path / "bad.jpg"
    whole = photo.read_bytes()
    contents = {"empty": b"", "text": b"no picture at all", "truncated": whole[:-400], "stub": whole[:2]}
    bad.write_bytes(contents[kind])

    plain = call(main, bundle, bad, "-o", tmp_path / "out")
    as_json = call(main, bundle, bad, "-o", tmp_path / "out", "--json")

    assert (plain.exit_code, as_json.exit_code) == (2, 2)
    assert plain.stderr.startswith(f"skinseg-run: cannot read {bad}")
    assert plain.stderr.count("\n") == 1
    assert error_of(as_json)["kind"] == "PictureUnreadable"
    assert not (tmp_path / "out").exists()


def test_of_many_bad_photos_the_count_and_the_first_are_told(bundle: Path, photo: Path, tmp_path: Path) -> None:
    for name in ("x.jpg", "y.jpg"):
        (tmp_path / name).write_bytes(b"")
    result = call(main, bundle, photo, tmp_path / "x.jpg", tmp_path / "y.jpg", "-o", tmp_path / "out", "--json")
    message = error_of(result)["message"]
    assert isinstance(message, str)
    assert message.startswith(f"cannot segment 2 of 3 photos; the first: cannot read {tmp_path / 'x.jpg'}")


def test_a_missing_photo_is_told_before_any_work(bundle: Path, photo: Path, tmp_path: Path) -> None:
    result = call(main, bundle, photo, tmp_path / "moel.jpg", "-o", tmp_path / "out", "--json")
    assert (result.exit_code, error_of(result)["kind"]) == (2, "FileMissing")
    assert not (tmp_path / "out").exists()


def test_results_are_not_overwritten_without_force(bundle: Path, photo: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    output.mkdir()
    (output / "mole.mask.png").write_bytes(b"precious")
    (output / "other.txt").write_bytes(b"kept")

    refused = call(main, bundle, photo, "-o", output)

    assert refused.exit_code == 2
    assert "mole.mask.png: it exists already; add --force" in refused.stderr
    assert (output / "mole.mask.png").read_bytes() == b"precious"

    assert call(main, bundle, photo, "-o", output, "--force").exit_code == 0
    assert names_in(output) == ["mole.mask.png", "other.txt", "results.jsonl"]
    assert decode_mask(output / "mole.mask.png").any()


def test_a_place_that_cannot_be_written_is_told(bundle: Path, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    result = call(main, bundle, photo, "-o", tmp_path / "file" / "out", "--json")
    assert (result.exit_code, error_of(result)["kind"]) == (2, "OutputRefused")


def test_a_full_disk_ends_the_run_and_leaves_nothing(
    bundle: Path, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    result = call(main, bundle, photo, "-o", tmp_path / "deep" / "out")
    assert result.exit_code == 2
    mask = tmp_path / "deep" / "out" / "mole.mask.png"
    assert result.stderr == f"skinseg-run: cannot write {mask}: the disk is full; free some space and run again\n"
    assert not (tmp_path / "deep").exists()


@pytest.mark.parametrize("options", [("--jobs", "1"), ("--jobs", "1", "--json"), ("--jobs", "2")])
def test_ctrl_c_in_the_middle_ends_with_130_and_leaves_nothing_at_its_place(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    for number in range(6):
        write_photo(tmp_path / "photos" / f"{number}.jpg")
    segment, seen = Segmenter.segment, []

    def interrupted(self: Segmenter, source: bytes, *, look: str) -> Segmentation:
        seen.append(source)
        if len(seen) == 2:
            signal.raise_signal(signal.SIGINT)
        return segment(self, source, look=look)

    monkeypatch.setattr(Segmenter, "segment", interrupted)
    output = tmp_path / "out"
    result = call(main, bundle, tmp_path / "photos", "-o", output, *options)

    assert result.exit_code == 130
    *kept, last = filter(None, result.stderr.splitlines())  # click goes to a new line first
    if "--json" in options:
        assert error_of(result)["kind"] == "Interrupted"
        kept = [last]
    else:
        assert last == "skinseg-run: interrupted"
    assert len(kept) == 1
    assert "run the same command with --resume to go on" in kept[0]
    assert [path.name for path in output.iterdir()] == [".skinseg-unfinished"]
    assert len(seen) <= 4  # what had begun is ended, nothing more is begun


def test_ctrl_c_before_anything_is_done_leaves_nothing(
    bundle: Path, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> Segmentation:
        raise KeyboardInterrupt

    monkeypatch.setattr(Segmenter, "segment", interrupted)
    result = call(main, bundle, photo, "-o", tmp_path / "deep" / "out")
    assert (result.exit_code, result.stderr.strip()) == (130, "skinseg-run: interrupted")
    assert not (tmp_path / "deep").exists()


def test_a_manifest_with_a_changed_byte_is_not_trusted(bundle: Path, photo: Path, tmp_path: Path) -> None:
    manifest = bundle / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"threshold": 0.5', b'"threshold": 0.9'))
    result = call(main, bundle, photo, "-o", tmp_path / "out", "--json")
    assert (result.exit_code, error_of(result)["kind"]) == (1, "IntegrityFailed")
    assert not (tmp_path / "out").exists()


def test_a_model_that_was_swapped_is_not_run(bundle: Path, photo: Path, tmp_path: Path) -> None:
    (bundle / "model.onnx").write_bytes(three_class_model())
    result = call(main, bundle, photo, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "model.onnx" in result.stderr


def test_a_bundle_that_is_none_is_told(photo: Path, tmp_path: Path) -> None:
    missing = call(main, tmp_path / "nothing.skinseg", photo, "--json")
    file = call(main, photo, photo, "--json")
    assert (missing.exit_code, error_of(missing)["kind"]) == (2, "FileMissing")
    assert (file.exit_code, error_of(file)["kind"]) == (2, "BundleUnusable")


def test_a_missing_engine_ends_with_3_and_an_unknown_one_with_2(bundle: Path, photo: Path) -> None:
    assert call(main, bundle, photo, "--engine", "coreml").exit_code == 3
    unknown = call(main, bundle, photo, "--engine", "onnxrutime")
    assert unknown.exit_code == 2
    assert "did you mean 'onnxruntime'?" in unknown.stderr


def test_an_unsigned_bundle_is_refused_when_a_key_is_trusted(bundle: Path, photo: Path, tmp_path: Path) -> None:
    pytest.importorskip("cryptography", reason="signatures need the extra `signing`")
    from skinseg_edge.signing import generate_key, sign_bundle

    generate_key(tmp_path / "private.pem", tmp_path / "public.pem")
    arguments = (bundle, photo, "-o", tmp_path / "out", "--trusted-key", tmp_path / "public.pem")
    assert call(main, *arguments).exit_code == 1
    sign_bundle(bundle, tmp_path / "private.pem")
    assert call(main, *arguments).exit_code == 0


def test_several_classes_get_a_class_map_with_their_areas(tmp_path: Path) -> None:
    classes = ("background", "red", "blue")
    contract = ModelContract(input_hw=(64, 96), classes=classes, lesion_classes=("blue",))
    folder = write_bundle(tmp_path / "three.skinseg", contract=contract, model=three_class_model(), golden=None)
    pixels = np.full((128, 192, 3), 30, np.uint8)
    pixels[20:60, 20:80, 0] = 220
    pixels[70:120, 100:180, 2] = 220
    write_png(tmp_path / "mole.png", pixels)
    output = tmp_path / "out"

    assert call(main, folder, tmp_path / "mole.png", "-o", output).exit_code == 0

    assert names_in(output) == ["mole.classes.png", "mole.mask.png", "results.jsonl"]
    with Image.open(output / "mole.classes.png") as picture:
        assert picture.mode == "P"
        class_map = np.asarray(picture)
    assert (class_map[25:55, 25:75] == 1).all()
    assert np.array_equal(class_map == 2, decode_mask(output / "mole.mask.png"))
    (row,) = rows_of(output)
    assert row["class_map"] == str(output / "mole.classes.png")
    assert row["class_areas_px"] == {name: int((class_map == number).sum()) for number, name in enumerate(classes)}
    assert isinstance(lesions := row["lesions"], list)
    assert [lesion["area_px"] for lesion in lesions] == [int((class_map == 2).sum())]


def test_an_overlay_of_several_classes_comes_with_a_panel_and_both_are_left_out_next_time(tmp_path: Path) -> None:
    contract = ModelContract(input_hw=(64, 96), classes=("background", "red", "blue"))
    folder = write_bundle(tmp_path / "three.skinseg", contract=contract, model=three_class_model(), golden=None)
    photos = tmp_path / "photos"
    write_photo(photos / "mole.png")

    first = call(main, folder, photos, "-o", photos, "--overlay")
    refused = call(main, folder, photos, "-o", photos, "--overlay")
    second = call(main, folder, photos, "-o", photos, "--overlay", "--force")

    assert (first.exit_code, refused.exit_code, second.exit_code) == (0, 2, 0)
    assert names_in(photos) == [
        *(f"mole.{kind}.png" for kind in ("classes", "mask", "overlay", "panel")),
        "mole.png",
        "results.jsonl",
    ]
    (row,) = rows_of(photos)
    assert row["panel"] == str(photos / "mole.panel.png")
    assert decode(photos / "mole.panel.png").pixels.shape[0] > 240  # the legend lies below


def test_background_and_lesion_need_no_class_map_beside_their_mask(tmp_path: Path) -> None:
    contract = ModelContract(input_hw=(64, 96), classes=("background", "lesion"))
    folder = write_bundle(tmp_path / "two.skinseg", contract=contract, model=two_class_model(), golden=None)
    photo = write_photo(tmp_path / "mole.png")
    assert call(main, folder, photo, "-o", tmp_path / "out", "--overlay").exit_code == 0
    assert names_in(tmp_path / "out") == ["mole.mask.png", "mole.overlay.png", "results.jsonl"]
    assert iou(decode_mask(tmp_path / "out" / "mole.mask.png"), photo_and_mask()[1]) > 0.97
