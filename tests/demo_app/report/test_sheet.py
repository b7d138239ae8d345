"""The page of a report: what stands on it, that it stays one page, and in which letters it is written."""

import shutil
import subprocess
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import cv2
import numpy as np
import pytest
from reportlab.pdfbase import pdfmetrics

from skinseg_demo.report import paper_words as paper_words_module
from skinseg_demo.report.case import (
    OutlineBy,
    ReportCase,
    ReportLesion,
    ReportMeasure,
    ReportModel,
    ReportPicture,
    ReportScale,
)
from skinseg_demo.report.outlined import outlined_jpeg, paper_jpeg
from skinseg_demo.report.paper_words import PaperWords, paper_words
from skinseg_demo.report.sheet import report_pdf
from skinseg_demo.strings import strings_of
from skinseg_edge.datasets.synthetic_lesions import draw
from tests.demo_app.report.pdf_text import pages_of, pictures_of, text_of

_AT = datetime(2026, 11, 21, 14, 5, tzinfo=timezone.utc)
_ENGLISH = PaperWords("en")
_DEVANAGARI = "\u0932\u0902\u092c\u093e\u0908"


def _jpeg(hw: tuple[int, int]) -> bytes:
    is_encoded, data = cv2.imencode(".jpg", draw(5, hw).photo[:, :, ::-1])
    assert is_encoded
    return data.tobytes()


@pytest.fixture(scope="module")
def case() -> ReportCase:
    """A second visit with both pictures, one lesion and a card."""
    measures = (
        ReportMeasure("max_diameter", 12.04, "mm", (11.7, 12.3)),
        ReportMeasure("area", 76.2, "mm²", (72.1, 80.2)),
        ReportMeasure("asymmetry", 0.12, ""),
    )
    closeup = _jpeg((150, 200))
    return ReportCase(
        number="2026-0007",
        visit=2,
        visits=2,
        made_at=_AT,
        body_site="right chest",
        skin_type="III",
        history=("It has grown",),
        checklist=(),
        overview=ReportPicture(_jpeg((200, 150)), _AT, "ab" * 32),
        closeup=ReportPicture(closeup, _AT, "cd" * 32),
        outlined=outlined_jpeg(closeup, [[(0.3, 0.3), (0.7, 0.3), (0.5, 0.7)]])[0],
        is_enlarged=False,
        outline_by="network",
        lesions=(ReportLesion(measures, is_cut=True),),
        scale=ReportScale("card 3, 4 markers, print measured by ruler", 0.012, 7.0),
        scale_problem=None,
        quality=("The picture is blurred.",),
        model=ReportModel("scsonet", "1.0.0", "ef" * 32, "onnxruntime-cpu", "fp16"),
        contact="District Hospital, +00 0000",
    )


def test_one_page_tells_figures_with_ranges_scale_limits_and_who_drew_it(case: ReportCase) -> None:
    pdf = report_pdf(case, _ENGLISH)
    text = text_of(pdf)

    assert pages_of(pdf) == 1
    for words in (
        "Case 2026-0007",
        "Visit 2 of 2, photographed 2026-11-21 14:05 UTC",
        "12.0 mm (11.7 to 12.3)",
        "76.2 mm² (72.1 to 80.2)",
        "Asymmetry of shape (0 to 1) 0.12",
        "It touches the border of the photo",
        "Scale: card 3, 4 markers, print measured by ruler. A length is known to ± 1.2 % by it.",
        "The card was tilted by 7 degrees",
        "right chest",
        "It has grown",
        "nothing ticked",
        "The picture is blurred.",
        "The outline is a network's estimate.",
        "scsonet 1.0.0 Engine onnxruntime-cpu, fp16 Bundle SHA-256 efefefefefefefef",
        "District Hospital, +00 0000",
        "no name stands on this page",
    ):
        assert words in text, words


def test_the_fixed_wording_stands_on_it_and_no_judgement_of_the_lesion(case: ReportCase) -> None:
    text = text_of(report_pdf(case, _ENGLISH))

    assert strings_of("en")["app.wording"] in text
    assert not [word for word in ("benign", "malignant", "risk", "melanoma") if word in text.lower()]


def test_overview_close_up_and_outline_are_on_it_and_no_font(case: ReportCase) -> None:
    pdf = report_pdf(case, _ENGLISH)

    assert pictures_of(pdf) == [(150, 200), (200, 150), (200, 150)]
    assert b"/FontFile" not in pdf
    assert b"http" not in pdf.replace(b"http://www.reportlab.com", b"")


@pytest.mark.parametrize(
    ("by", "told"),
    [
        ("hand", "No figures: the outline was drawn by hand"),
        ("unusable", "No figures: the outline was marked unusable"),
    ],
)
def test_figures_of_another_outline_than_the_networks_are_left_out(case: ReportCase, by: OutlineBy, told: str) -> None:
    text = text_of(report_pdf(replace(case, outline_by=by), _ENGLISH))

    assert told in text
    assert "12.0 mm" not in text


def test_what_is_missing_is_told(case: ReportCase) -> None:
    bare = replace(
        case, overview=None, closeup=None, outlined=None, lesions=(), scale=None, model=None, contact=None, quality=()
    )

    text = text_of(report_pdf(bare, _ENGLISH))

    for words in (
        "There is no picture in this visit.",
        "The network outlined no lesion on this picture.",
        "The result names no model.",
        "None was set on this box.",
        "No fault found.",
    ):
        assert words in text, words


def test_without_a_card_sizes_are_in_pixels_and_it_is_told_why(case: ReportCase) -> None:
    in_px = ReportLesion((ReportMeasure("max_diameter", 412.4, "px"),))

    text = text_of(report_pdf(replace(case, scale=None, lesions=(in_px,)), _ENGLISH))
    told = text_of(report_pdf(replace(case, scale=None, scale_problem="cannot read the scale"), _ENGLISH))

    assert "Longest diameter 412 px" in text
    assert "Scale: none. There was no card in the picture" in text
    assert "cannot read the scale" in told


def test_much_that_was_written_and_many_lesions_still_make_one_page(case: ReportCase) -> None:
    much = replace(
        case,
        history=("It has changed a great deal",) * 40,
        quality=("A sentence on the quality of the picture.",) * 60,
        lesions=case.lesions * 9,
        body_site="x" * 80,
    )

    pdf = report_pdf(much, _ENGLISH)

    assert pages_of(pdf) == 1
    assert "And 6 more" in text_of(pdf)
    assert "District Hospital" in text_of(pdf)


def test_what_a_person_wrote_stays_text(case: ReportCase) -> None:
    written = '<b>back</b> & <img src="x"/> \\ (left)'

    text = text_of(report_pdf(replace(case, body_site=written), _ENGLISH))

    assert written.replace(" ", "") in text.replace(" ", "")  # a PDF holds each of <, > and & apart


def test_letters_that_helvetica_does_not_have_become_question_marks(case: ReportCase) -> None:
    text = text_of(report_pdf(replace(case, body_site=f"épaule {_DEVANAGARI}"), _ENGLISH))

    assert "épaule ?????" in text


def test_a_language_that_cannot_be_written_falls_back_to_english_and_says_so(
    case: ReportCase, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    of_file = {"en": strings_of("en"), "xx": {"report.title": _DEVANAGARI}}
    monkeypatch.setattr(paper_words_module, "strings_of", of_file.__getitem__)

    words = paper_words("xx", folders=(tmp_path,))
    text = text_of(report_pdf(case, words))

    assert (words.language, words.is_fallback) == ("en", True)
    assert "This page is in English: the box cannot write the chosen language on paper. For Hindi it needs" in text


def test_a_language_of_latin_letters_is_written_in_its_own_words(
    case: ReportCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_file = {"en": strings_of("en"), "yy": {"report.measures": "Größe, ñandú, « œil »"}}
    monkeypatch.setattr(paper_words_module, "strings_of", of_file.__getitem__)

    text = text_of(report_pdf(case, paper_words("yy")))

    assert "Größe, ñandú, « œil »" in text
    assert "This page is in English" not in text


def test_a_picture_for_paper_is_no_larger_than_paper_shows() -> None:
    jpeg = paper_jpeg(_jpeg((600, 1500)))

    decoded = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    assert decoded.shape[:2] == (400, 1000)


def test_poppler_finds_one_page_of_a4_without_a_complaint(case: ReportCase, tmp_path: Path) -> None:
    tool = shutil.which("pdftoppm")
    if tool is None:
        pytest.skip("needs poppler's pdftoppm to open a PDF as a viewer does: it is not on the PATH")
    (tmp_path / "report.pdf").write_bytes(report_pdf(case, _ENGLISH))

    done = subprocess.run(
        [tool, "-r", "50", "-png", "report.pdf", "page"], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert done.stderr == ""
    [page] = tmp_path.glob("page*.png")
    pixels = cv2.imread(str(page))
    assert pixels is not None
    assert pixels.shape[:2] == pytest.approx((297 / 25.4 * 50, 210 / 25.4 * 50), abs=1)
    assert (pixels < 128).mean() > 0.005  # there is something on it


def test_a_small_lesion_is_enlarged_and_that_is_told(case: ReportCase) -> None:
    # 0.08 of the side, near a corner: 2.2 times that of 1500 and of 600 px is shown
    jpeg, is_enlarged = outlined_jpeg(_jpeg((600, 1500)), [[(0.01, 0.9), (0.09, 0.9), (0.05, 0.98)]])

    text = text_of(report_pdf(replace(case, outlined=jpeg, is_enlarged=is_enlarged), _ENGLISH))

    decoded = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    assert decoded.shape[:2] == pytest.approx((0.176 * 600, 0.176 * 1500), abs=1)
    assert "Enlarged around the lesion." in text


def test_the_contour_is_drawn_where_the_outline_is() -> None:
    closeup = _jpeg((300, 400))

    jpeg, is_enlarged = outlined_jpeg(closeup, [[(0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75)]])

    before, after = (cv2.imdecode(np.frombuffer(one, np.uint8), cv2.IMREAD_COLOR) for one in (closeup, jpeg))
    assert before is not None
    assert after is not None
    changed = np.asarray(cv2.absdiff(before, after)).max(axis=2) > 60
    rows, columns = np.nonzero(changed)
    assert not is_enlarged
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == pytest.approx((75, 225, 100, 300), abs=3)
    assert not changed[90:210, 115:285].any()


def test_hindi_is_written_where_its_font_is_installed_and_letters_can_be_joined(
    case: ReportCase, tmp_path: Path
) -> None:
    words = paper_words("hi")
    if words.is_fallback:
        assert "This page is in English" in text_of(report_pdf(case, words))
        pytest.skip(
            "needs the font Noto Sans Devanagari and the package uharfbuzz to write Hindi: one is not installed"
        )

    pdf = report_pdf(case, words)

    assert pages_of(pdf) == 1
    assert b"NotoSansDevanagari" in pdf
    assert "scsonet 1.0.0" in text_of(pdf)  # what the font lacks is in Helvetica


def test_hindi_without_a_font_is_english(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pdfmetrics, "getRegisteredFontNames", list)

    words = paper_words("hi", folders=(tmp_path,))

    assert (words.language, words.is_fallback) == ("en", True)
