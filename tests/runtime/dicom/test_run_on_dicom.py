"""skinseg-run on a study: SEG and SR beside each mask, taken over by a later run, and nothing where nothing belongs."""

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skinseg_edge.image_io import decode_mask
from skinseg_runtime.batch import open_segmenter, segment_many, work_for
from skinseg_runtime.cli import main
from tests.fresh_interpreter import run_python
from tests.runtime.calling import call, error_of
from tests.runtime.tiny_bundle import photo_and_mask, write_bundle, write_photo

pytest.importorskip("highdicom", reason="needs highdicom and pydicom (extra dicom)")

# Below the line that skips this file where they are missing.
import highdicom
import pydicom

from tests.edge.drawn_dicom import CT, DERMOSCOPIC, dataset_of, encapsulated, file_of, jpeg_of

MADE = {"dicom_seg": "seg.dcm", "dicom_sr": "sr.dcm", "mask": "mask.png"}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("bundle") / "lesion.skinseg")


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Two DICOM photographs, one without an ending to its name, and a plain one."""
    folder = tmp_path / "study"
    folder.mkdir()
    photo, _ = photo_and_mask((120, 161))
    first = dataset_of(photo, DERMOSCOPIC, PixelSpacing=[0.05, 0.05], SOPInstanceUID="1.2.3.1")
    (folder / "IM000001").write_bytes(file_of(first))
    other = dataset_of(photo_and_mask((90, 122))[0], SOPInstanceUID="1.2.3.2")
    jpeg = jpeg_of(photo_and_mask((90, 122))[0], subsampling="4:2:2")
    (folder / "mole.dcm").write_bytes(encapsulated(other, jpeg, "1.2.840.10008.1.2.4.50", "YBR_FULL_422"))
    write_photo(folder / "plain.jpg")
    return folder


def rows_of(output: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (output / "results.jsonl").read_text(encoding="utf-8").splitlines()]


def only_group(row: dict[str, object]) -> Any:
    content = highdicom.sr.srread(str(row["dicom_sr"])).content
    assert isinstance(content, highdicom.sr.MeasurementReport)
    (group,) = content.get_planar_roi_measurement_groups()
    return group


def test_each_dicom_photo_gets_a_seg_and_an_sr_and_a_plain_one_gets_none(
    bundle: Path, study: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"

    result = call(main, bundle, study, "--dicom", "-o", output)

    assert (result.exit_code, result.stderr) == (0, "")
    first, second, plain = rows_of(output)
    assert {kind: plain.get(kind) for kind in MADE} == {
        "dicom_seg": None,
        "dicom_sr": None,
        "mask": str(output / "plain.mask.png"),
    }
    for stem, row in (("IM000001", first), ("mole", second)):
        assert {kind: row[kind] for kind in MADE} == {kind: str(output / f"{stem}.{end}") for kind, end in MADE.items()}
        mask = decode_mask(str(row["mask"]))
        assert mask.any()
        assert np.array_equal(highdicom.seg.segread(str(row["dicom_seg"])).pixel_array > 0, mask)
        group = only_group(row)
        lesions = row["lesions"]
        assert isinstance(lesions, list)
        areas = [float(one.value) for one in group.get_measurements() if one.name.meaning == "Area"]
        assert areas == [lesions[0]["area_px"]]


def test_the_spacing_of_a_dermoscope_gives_millimetres_in_the_row_and_in_the_report(
    bundle: Path, study: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"

    result = call(main, bundle, study, "--dicom", "--dicom-scale", "-o", output)

    assert result.exit_code == 0
    first, second, plain = rows_of(output)
    lesions = first["lesions"]
    assert isinstance(lesions, list)
    assert lesions[0]["area_mm2"] == pytest.approx(lesions[0]["area_px"] * 0.05**2, abs=0.01)
    group = only_group(first)
    assert {one.unit.value for one in group.get_measurements()} == {"mm", "mm2"}
    assert "calibrated by 'nothing'" in str(second["scale_problem"])
    assert "it is no DICOM file" in str(plain["scale_problem"])
    assert "plain.jpg: cannot read the scale" in result.stderr


def test_a_second_run_gives_the_same_files_and_leaves_those_of_the_first_out(
    bundle: Path, study: Path, tmp_path: Path
) -> None:
    made = []
    for output in (study / "results", tmp_path / "again"):
        result = call(main, bundle, study, "--dicom", "-o", output)
        assert (result.exit_code, result.stderr) == (0, "")
        made.append({path.name: path.read_bytes() for path in sorted(output.glob("*.dcm"))})

    assert made[0] == made[1]
    assert len(made[0]) == 4


def test_a_run_that_was_cut_off_is_gone_on_with_and_its_dicom_files_are_taken_over(
    bundle: Path, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out"

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("skinseg_runtime.results.Results.publish", interrupted)
        assert call(main, bundle, study, "--dicom", "-o", output).exit_code == 130
    assert not list(output.glob("*.dcm"))

    result = call(main, bundle, study, "--dicom", "--resume", "-o", output)

    assert result.exit_code == 0
    assert "3 of 3 photos segmented, 3 of them before the run was cut off" in result.stdout
    assert len(list(output.glob("*.dcm"))) == 4


def test_an_archive_of_dicom_photographs_gives_the_same_masks_as_a_study(
    bundle: Path, study: Path, tmp_path: Path
) -> None:
    assert call(main, bundle, study, "-o", tmp_path / "out").exit_code == 0
    work = work_for(bundle)

    with open_segmenter(work) as segmenter:
        made = list(segment_many(segmenter, [(one.name, one.read_bytes()) for one in sorted(study.iterdir())], work))

    masks = [(tmp_path / "out" / f"{stem}.mask.png").read_bytes() for stem in ("IM000001", "mole", "plain")]
    assert [one.mask_png for one in made] == masks


def test_other_objects_of_a_study_are_told_by_name_and_the_photos_are_done(
    bundle: Path, study: Path, tmp_path: Path
) -> None:
    (study / "slice.dcm").write_bytes(file_of(dataset_of(photo_and_mask((40, 60))[0], CT)))

    result = call(main, bundle, study, "--dicom", "-o", tmp_path / "out")

    assert result.exit_code == 2
    assert "slice.dcm: it is a DICOM file that holds a CT image, expected VL Photographic" in result.stderr
    assert sum("dicom_seg" in row for row in rows_of(tmp_path / "out")) == 2


def test_plain_photos_alone_are_told_that_nothing_was_made_for_them(bundle: Path, study: Path, tmp_path: Path) -> None:
    result = call(main, bundle, study / "plain.jpg", "--dicom", "-o", tmp_path / "out")

    assert result.exit_code == 0
    assert "warning: no photo is a DICOM file that could be read, so no SEG or SR was made" in result.stderr


def test_a_photo_that_belongs_to_no_study_is_reported_and_the_others_are_done(
    bundle: Path, study: Path, tmp_path: Path
) -> None:
    whole = pydicom.dcmread(study / "mole.dcm")
    del whole.StudyInstanceUID
    whole.save_as(study / "mole.dcm")

    result = call(main, bundle, study, "--dicom", "-o", tmp_path / "out")

    assert result.exit_code == 2
    assert "mole.dcm: its StudyInstanceUID is '', expected a valid one" in result.stderr
    assert (tmp_path / "out" / "IM000001.seg.dcm").is_file()


def test_two_scales_at_once_are_refused(bundle: Path, study: Path, tmp_path: Path) -> None:
    result = call(main, bundle, study, "--dicom-scale", "--card", "20", "-o", tmp_path / "out", "--json")

    assert result.exit_code == 2
    assert "got --card 20.0 and --dicom-scale, expected one of them" in str(error_of(result)["message"])


_RUN = """
from skinseg_runtime.cli import main
main(sys.argv[1:])
"""


def test_without_the_extra_photos_are_still_outlined_and_dicom_says_what_to_install(
    bundle: Path, study: Path, tmp_path: Path
) -> None:
    def run(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        return run_python(_RUN, bundle, study, *arguments, barred=["pydicom", "highdicom"], cwd=tmp_path)

    plain = run("-o", tmp_path / "out")
    asked = run("-o", tmp_path / "no", "--dicom")

    assert plain.returncode == 0, plain.stderr
    assert len(list((tmp_path / "out").glob("*.mask.png"))) == 3
    assert asked.returncode == 3
    assert "the package highdicom is not installed; run pip install 'skinseg-edge[dicom]'" in asked.stderr
