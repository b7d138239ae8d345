"""SEG and SR of a photograph: the mask bit for bit, its figures, the right patient, and no word of what it may be."""

import io
import warnings
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_edge.errors import ContractInvalid, PictureUnreadable
from skinseg_runtime.dicom import Network, objects_of_photo, seg_from, source_from, sr_from
from skinseg_runtime.measurements import Lesion, measure, scale_from_mm_per_px
from tests.edge.drawn_pictures import smooth_photo

pytest.importorskip("highdicom", reason="needs highdicom and pydicom (extra dicom)")

# Below the line that skips this file where they are missing.
import highdicom
import pydicom
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from tests.edge.drawn_dicom import CAPTURE, DERMOSCOPIC, PHOTOGRAPH, dataset_of, file_of

NETWORK = Network(name="scsonet", bundle_sha256="ab" * 32, engine="onnxruntime", precision="fp32")
SIZES = [(48, 66), (37, 51)]


def mask_of(hw: tuple[int, int], spots: int = 2) -> NDArray[np.bool_]:
    """Draw one large ellipse, off the middle, and small spots in the upper left corner."""
    drawn = np.zeros(hw, np.uint8)
    cv2.ellipse(drawn, (hw[1] * 2 // 3, hw[0] * 2 // 3), (hw[1] // 5, hw[0] // 6), 30, 0, 360, 1, -1)
    for spot in range(spots - 1):
        drawn[1 + 3 * (spot // 7), 1 + 3 * (spot % 7)] = 1
    return np.asarray(drawn == 1, np.bool_)


def source_of(hw: tuple[int, int], kind: str = PHOTOGRAPH, **elements: Any) -> Dataset:
    return source_from(file_of(dataset_of(smooth_photo(*hw), kind, **elements)), "mole.dcm")


def reopened(dataset: Dataset) -> bytes:
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def opened_seg(dataset: Dataset) -> highdicom.seg.Segmentation:
    return highdicom.seg.segread(io.BytesIO(reopened(dataset)))


def groups_of(dataset: Dataset) -> list[Any]:
    report = highdicom.sr.srread(io.BytesIO(reopened(dataset)))
    assert isinstance(report.content, highdicom.sr.MeasurementReport)
    return list(report.content.get_planar_roi_measurement_groups())


def figures_of(group: Any) -> dict[str, tuple[float, str]]:
    return {str(one.name.meaning): (float(one.value), str(one.unit.value)) for one in group.get_measurements()}


def items_in(dataset: Dataset) -> Iterator[Dataset]:
    for item in dataset.get("ContentSequence", []):
        yield item
        yield from items_in(item)


# The outline


@pytest.mark.parametrize(
    ("hw", "kind", "spots"),
    [
        *((hw, PHOTOGRAPH, spots) for hw in SIZES for spots in (0, 1, 2, 15)),
        (SIZES[0], DERMOSCOPIC, 2),
        (SIZES[1], CAPTURE, 2),
    ],
)
def test_the_segments_of_a_reopened_seg_are_the_mask_bit_for_bit(hw: tuple[int, int], kind: str, spots: int) -> None:
    mask = mask_of(hw, spots) if spots else np.zeros(hw, np.bool_)
    lesions = measure(mask)

    seg = opened_seg(seg_from(mask, lesions, source_of(hw, kind), NETWORK))

    frames = seg.pixel_array.reshape(-1, *hw) > 0  # one segment gives (H, W), more give (segments, H, W)
    assert np.array_equal(frames.any(axis=0), mask)
    assert frames.sum() == mask.sum()  # no pixel in two segments
    for frame, lesion in zip(frames, lesions, strict=False):
        x0, y0, x1, y1 = lesion.box
        assert np.array_equal(frame[y0:y1, x0:x1], lesion.region)
    by_highdicom = seg.get_pixels_by_source_instance(
        [seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0].ReferencedSOPInstanceUID], combine_segments=True
    )
    assert np.array_equal(by_highdicom[0] > 0, mask)


def test_more_lesions_than_segments_share_the_last_one() -> None:
    mask = mask_of((48, 66), 30)
    lesions = measure(mask)
    source = source_of((48, 66))

    seg = opened_seg(seg_from(mask, lesions, source, NETWORK))

    assert len(lesions) == 30
    assert seg.number_of_segments == 16
    assert seg.get_segment_description(16).segment_label == "Lesions 16 to 30"
    assert np.array_equal(seg.pixel_array.any(axis=0), mask)
    assert figures_of(groups_of(sr_from(lesions, seg, source, NETWORK))[-1]) == {"Area": (15.0, "{pixels}")}


def test_a_segment_names_the_network_its_bundle_and_codes_of_the_standard() -> None:
    mask = mask_of((48, 66))
    described = opened_seg(seg_from(mask, measure(mask), source_of((48, 66)), NETWORK)).get_segment_description(1)
    algorithm = described.algorithm_identification

    assert algorithm is not None
    assert described.algorithm_type.value == "AUTOMATIC"
    assert (algorithm.name, algorithm.version, algorithm.source) == ("scsonet", "ab" * 8, "skinseg-edge")
    assert algorithm.parameters == {**NETWORK.parameters, "bundle_sha256": "ab" * 32, "engine": "onnxruntime"}
    assert algorithm.family == codes.cid7162.ArtificialIntelligence
    assert described.segmented_property_category == codes.cid7150.MorphologicallyAbnormalStructure
    assert described.segmented_property_type == codes.cid7159.Lesion
    assert list(described.anatomic_regions) == [codes.SCT.Skin]


def test_the_body_site_is_the_photographs_own_where_it_tells_one() -> None:
    site = Dataset()
    site.CodeValue, site.CodingSchemeDesignator, site.CodeMeaning = "40983000", "SCT", "Upper arm"
    mask = mask_of((48, 66))
    source = source_of((48, 66), AnatomicRegionSequence=[site])

    seg = opened_seg(seg_from(mask, measure(mask), source, NETWORK))

    assert [region.meaning for region in seg.get_segment_description(1).anatomic_regions] == ["Upper arm"]
    (found,) = groups_of(sr_from(measure(mask), seg, source, NETWORK))[0].finding_sites
    assert found.value.value == "40983000"


def test_a_mask_of_another_picture_is_refused() -> None:
    mask = mask_of((37, 51))

    with pytest.raises(ContractInvalid, match=r"the mask is \(37, 51\), the photograph \(48, 66\)"):
        seg_from(mask, measure(mask), source_of((48, 66)), NETWORK)


# The measurements


@pytest.mark.parametrize("mm_per_px", [None, 0.05])
def test_a_report_has_the_figures_of_each_lesion_in_ucum_units(mm_per_px: float | None) -> None:
    mask = mask_of((48, 66))
    lesions = measure(mask, None, None if mm_per_px is None else scale_from_mm_per_px(mm_per_px))
    source = source_of((48, 66))
    seg = seg_from(mask, lesions, source, NETWORK)

    groups = groups_of(sr_from(lesions, seg, source, NETWORK))

    assert len(groups) == len(lesions) == 2
    for group, lesion in zip(groups, lesions, strict=True):
        factor, length, area = (1.0, "{pixels}", "{pixels}") if mm_per_px is None else (mm_per_px, "mm", "mm2")
        expected = {
            "Area": (round(lesion.area_px * factor**2, 2), area),
            "Long axis": (round(lesion.max_diameter_px * factor, 2), length),
            "Short axis": (round(lesion.min_diameter_px * factor, 2), length),
            "Perimeter": (round(lesion.perimeter_px * factor, 2), length),
        }
        assert figures_of(group) == expected


def test_each_group_points_at_its_segment_and_at_the_photograph() -> None:
    mask = mask_of((48, 66))
    lesions = measure(mask)
    source = source_of((48, 66))
    seg = seg_from(mask, lesions, source, NETWORK)

    groups = groups_of(sr_from(lesions, seg, source, NETWORK))

    for number, group in enumerate(groups, start=1):
        frame = group.referenced_segmentation_frame
        assert frame[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == seg.SOPInstanceUID
        assert frame[0].ReferencedSOPSequence[0].ReferencedFrameNumber == number
        assert frame[1].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID
        assert group.tracking_uid == seg.SegmentSequence[number - 1].TrackingUID
        assert group.finding_type == codes.cid7159.Lesion


@pytest.mark.parametrize(
    ("spots", "mm_per_px", "words"),
    [
        (1, None, "A measuring aid, not a diagnosis. Sizes are in pixels of the photograph: its scale is not known."),
        (
            1,
            0.05,
            "A measuring aid, not a diagnosis. Scale: mm per pixel, given by hand, 0.05 mm per pixel; a leng",
        ),
        (0, None, "A measuring aid, not a diagnosis. The network outlined no lesion, which does not say that there is"),
    ],
)
def test_a_report_says_what_it_is_not_and_assesses_nothing(spots: int, mm_per_px: float | None, words: str) -> None:
    mask = mask_of((48, 66), spots) if spots else np.zeros((48, 66), np.bool_)
    lesions = measure(mask, None, None if mm_per_px is None else scale_from_mm_per_px(mm_per_px))
    source = source_of((48, 66))
    seg = seg_from(mask, lesions, source, NETWORK)
    report = pydicom.dcmread(io.BytesIO(reopened(sr_from(lesions, seg, source, NETWORK))))

    told = [str(item.TextValue) for item in items_in(report) if item.ConceptNameCodeSequence[0].CodeValue == "121106"]

    assert [text[: len(words)] for text in told] == [words]
    assert report.VerificationFlag == "UNVERIFIED"
    named = {str(item.ConceptNameCodeSequence[0].CodeMeaning).lower() for item in items_in(report)}
    assert not {name for name in named if any(word in name for word in ("diagnos", "assess", "malign", "conclusion"))}


def test_a_photograph_without_a_lesion_is_reported_as_an_area_of_zero() -> None:
    mask = np.zeros((48, 66), np.bool_)
    source = source_of((48, 66))

    (group,) = groups_of(sr_from((), seg_from(mask, (), source, NETWORK), source, NETWORK))

    assert group.tracking_identifier == "No lesion outlined"
    assert figures_of(group) == {"Area": (0.0, "{pixels}")}


# Whose they are


def objects_of(
    data: bytes, mask: NDArray[np.bool_], lesions: tuple[Lesion, ...], network: Network = NETWORK
) -> list[bytes]:
    return list(objects_of_photo(data, "mole.dcm", mask, lesions, network).values())


def test_patient_and_study_are_the_photographs_in_any_alphabet_and_the_series_are_new() -> None:
    photo = dataset_of(
        smooth_photo(48, 66),
        SpecificCharacterSet="ISO_IR 144",
        PatientName="Люкceмбypг",
        StudyInstanceUID="1.2.40",
        PatientBirthDate="19600229",
        AccessionNumber="A-77",
    )
    mask = mask_of((48, 66))

    for data in objects_of(file_of(photo), mask, measure(mask)):
        made = pydicom.dcmread(io.BytesIO(data))
        assert (made.PatientID, made.PatientSex, made.PatientBirthDate) == ("7", "F", "19600229")
        assert str(made.PatientName) == "Люкceмбypг"
        assert (made.StudyInstanceUID, made.StudyDate, made.AccessionNumber) == ("1.2.40", "20260105", "A-77")
        assert (made.ContentDate, made.ContentTime) == ("20260105", "101530")
        assert made.SeriesInstanceUID != photo.SeriesInstanceUID
        assert made.InstanceNumber == 2
        assert made.Modality in ("SEG", "SR")


def test_the_same_photo_network_and_outline_give_the_same_bytes_and_anything_else_another_instance() -> None:
    mask = mask_of((48, 66))
    data = file_of(dataset_of(smooth_photo(48, 66)))
    first = objects_of(data, mask, measure(mask))
    other_photo = file_of(dataset_of(smooth_photo(48, 66), SOPInstanceUID="1.2.3.9"))
    other_network = Network(name="scsonet", bundle_sha256="cd" * 32, engine="onnxruntime", precision="fp32")

    assert objects_of(data, mask, measure(mask)) == first
    others = [
        objects_of(other_photo, mask, measure(mask)),
        objects_of(data, mask, measure(mask), other_network),
        objects_of(data, mask_of((48, 66), 3), measure(mask_of((48, 66), 3))),
    ]
    uids = [str(pydicom.dcmread(io.BytesIO(made)).SOPInstanceUID) for objects in (first, *others) for made in objects]
    assert len(set(uids)) == len(uids) == 8
    assert all(UID(uid).is_valid for uid in uids)
    # A scale changes the report alone.
    with_scale = objects_of(data, mask, measure(mask, None, scale_from_mm_per_px(0.05)))
    assert (with_scale[0] == first[0], with_scale[1] == first[1]) == (True, False)


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SOPInstanceUID", "SeriesInstanceUID"])
def test_a_photograph_that_belongs_to_nothing_gets_no_objects(keyword: str) -> None:
    photo = dataset_of(smooth_photo(48, 66))
    delattr(photo, keyword)
    photo.file_meta.MediaStorageSOPInstanceUID = UID("1.2.3")
    out = io.BytesIO()
    photo.file_meta.MediaStorageSOPClassUID = photo.SOPClassUID
    photo.save_as(out, enforce_file_format=True)

    words = f"cannot make DICOM objects of mole.dcm: its {keyword} is '', expected a valid one"
    with pytest.raises(PictureUnreadable, match=words):
        source_from(out.getvalue(), "mole.dcm")


def test_what_breaks_the_standards_rules_is_left_empty() -> None:
    data = file_of(dataset_of(smooth_photo(48, 66)))
    # Written over the value as it stands in the file: pydicom would not write these.
    for right, wrong in ((b"20260105", b"5.1.2026"), (b"CS\x02\x00F ", b"CS\x02\x00X "), (b"101500", b"99:99 ")):
        assert right in data
        data = data.replace(right, wrong)

    source = source_from(data, "mole.dcm")
    mask = mask_of((48, 66))

    assert (source.StudyDate, source.StudyTime, source.PatientSex, source.ContentDate) == ("", "", "", "")
    seg = opened_seg(seg_from(mask, measure(mask), source, NETWORK))
    assert len(str(seg.ContentDate)) == 8  # the day of making, where the photograph tells none


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        (["ISO 2022 IR 13", "ISO 2022 IR 87"], "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"),
        ("GB18030", "Wang^XiaoDong=王^小东"),
    ],
)
def test_a_name_of_several_alphabets_comes_out_whole(charset: str | list[str], name: str) -> None:
    source = source_of((8, 10), SpecificCharacterSet=charset, PatientName=name)
    mask = np.zeros((8, 10), np.bool_)

    seg = seg_from(mask, (), source, NETWORK)

    assert str(opened_seg(seg).PatientName) == name


@pytest.mark.filterwarnings("ignore:The value length:UserWarning")  # of pydicom, which writes it all the same
def test_the_beginning_of_a_long_number_or_one_of_several_is_taken_for_no_patients() -> None:
    long = source_of((8, 10), PatientID="7" * 65, AccessionNumber="A" * 17, StudyDescription="d" * 65)
    several = source_of((8, 10), PatientID=["7", "8"], PatientName=["A^B", "C^D"], StudyID=["1", "2"])

    assert (long.PatientID, long.AccessionNumber, "StudyDescription" in long) == ("", "", False)
    assert (several.PatientID, str(several.PatientName), several.StudyID) == ("", "", "")


def test_no_value_of_a_photograph_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    data = file_of(dataset_of(smooth_photo(8, 10)))
    assert b"IS\x02\x002 " in data
    caplog.set_level(0)

    assert objects_of(data.replace(b"IS\x02\x002 ", b"IS\x02\x00Q "), np.zeros((8, 10), np.bool_), ())

    assert not [words for words in caplog.messages if "'Q'" in words or "Drawn" in words]
    assert "pydicom" not in {record.name for record in caplog.records}  # it says what value it warns of


@pytest.mark.parametrize("wrong", [b"IS\x02\x00A ", b"IS\x02\x001\\", b"IS\x02\x00-2"])
def test_a_number_that_is_none_counts_as_one(wrong: bytes) -> None:
    data = file_of(dataset_of(smooth_photo(8, 10)))
    assert b"IS\x02\x002 " in data
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as `objects_of_photo` does
        source = source_from(data.replace(b"IS\x02\x002 ", wrong), "mole.dcm")

    assert (source.InstanceNumber, source.SeriesNumber) == (1, 3)


@pytest.mark.filterwarnings("ignore:The value length:UserWarning")  # of pydicom, which writes it all the same
@pytest.mark.parametrize(("code", "expected"), [("40983000", "U" * 64), ("4" * 17, "Skin")])
def test_a_body_site_with_a_long_meaning_keeps_its_code_and_one_with_a_long_code_is_left_out(
    code: str, expected: str
) -> None:
    site = Dataset()
    site.CodeValue, site.CodingSchemeDesignator, site.CodeMeaning = code, "SCT", "U" * 80
    mask = mask_of((48, 66))
    data = file_of(dataset_of(smooth_photo(48, 66), AnatomicRegionSequence=[site]))

    seg, _ = objects_of(data, mask, measure(mask))

    (region,) = highdicom.seg.segread(io.BytesIO(seg)).get_segment_description(1).anatomic_regions
    assert region.meaning == expected


def test_what_makes_no_valid_object_is_an_error_of_the_photo_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise ValueError("Code meaning can have maximally 64 characters.")

    monkeypatch.setattr(highdicom.seg, "Segmentation", refused)

    with pytest.raises(PictureUnreadable, match=r"cannot make DICOM objects of mole.dcm: .* \(ValueError\)"):
        objects_of(file_of(dataset_of(smooth_photo(8, 10))), np.zeros((8, 10), np.bool_), ())


def test_what_a_deflated_file_unfolds_to_behind_its_pixels_is_not_unfolded() -> None:
    import tracemalloc

    photo = dataset_of(smooth_photo(8, 10))
    photo.add_new(0xFFFCFFFC, "OB", bytes(60_000_000))  # padding, which deflates to 60 kB
    data = file_of(photo, syntax=DeflatedExplicitVRLittleEndian)
    del photo
    assert len(data) < 100_000

    tracemalloc.start()
    try:
        source = source_from(data, "mole.dcm")
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert (source.PatientID, source.Rows, source.Columns) == ("7", 8, 10)
    assert most < 40_000_000  # 16 MiB for what comes before the pixels, and a copy


def test_three_hundred_damaged_heads_give_objects_of_the_same_mask_or_our_own_error() -> None:
    mask = np.zeros((8, 10), np.bool_)
    mask[2:5, 3:7] = True
    whole = file_of(dataset_of(smooth_photo(8, 10)))
    errors, survivors = [], []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        data = bytearray(whole)
        for place in rng.integers(132, len(data) - 300, int(rng.integers(1, 6))):
            data[place] = int(rng.integers(256))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # as `objects_of_photo` does
                source = source_from(bytes(data), "mole.dcm")
        except PictureUnreadable as error:
            errors.append(str(error))
        else:
            survivors += [bytes(data)] if (source.Rows, source.Columns) == (8, 10) else []

    assert len(errors) > 30
    assert all(words.startswith("cannot ") and words.isprintable() for words in errors)
    assert len(survivors) > 30
    for survivor in survivors[:10]:
        seg, _ = objects_of(survivor, mask, measure(mask))
        assert np.array_equal(highdicom.seg.segread(io.BytesIO(seg)).pixel_array > 0, mask)
