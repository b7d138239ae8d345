"""Pictures through the whole stack over HTTP: what comes back, what is kept, what is refused and how."""

import hashlib
import io
import re
import struct
import threading
import zlib
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from numpy.typing import NDArray
from PIL import Image, ImageOps

from skinseg_demo import DemoConfig, create_app
from skinseg_demo.engine_worker import EngineWorker
from skinseg_demo.services import EXTENSION, Services
from skinseg_demo.store.picture_files import PictureFiles
from skinseg_edge.image_io import decode, decode_mask
from skinseg_edge.metrics import iou
from tests.demo_app.browsers import ORIGIN, browser_of, csrf_of, paired
from tests.demo_app.engines import wait_until_settled
from tests.demo_app.pictures.uploads import SECRETS, disc_photo, encoded, exif_with_secrets, send_frame, upload

_HW = (360, 480)
_STORED_FROM_UPRIGHT = {  # the inverse of what each EXIF orientation tells a viewer to do
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def _turned_jpeg(photo: NDArray[np.uint8], orientation: int) -> bytes:
    turn = _STORED_FROM_UPRIGHT[orientation]
    image = Image.fromarray(photo)
    stored = image if turn is None else image.transpose(turn)
    data = encoded(np.asarray(stored), exif=exif_with_secrets(orientation))
    with Image.open(io.BytesIO(data)) as opened:  # another reader agrees which way is up
        assert np.abs(np.asarray(ImageOps.exif_transpose(opened), int) - photo).mean() < 2
    return data


def _file(phone: FlaskClient, picture_id: str, name: str) -> bytes:
    with phone.get(f"/api/pictures/{picture_id}/{name}", base_url=ORIGIN) as answer:
        assert answer.status_code == 200
        return bytes(answer.data)


def _filled(outlines: list[list[list[float]]], hw: tuple[int, int]) -> NDArray[np.bool_]:
    mask = np.zeros(hw, np.uint8)
    for outline in outlines:
        points = np.rint(np.array(outline) * hw[::-1] - 0.5).astype(np.int32)
        cv2.fillPoly(mask, [points], 1)
    return np.asarray(mask == 1, np.bool_)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_disc_comes_back_where_it_was_whichever_way_the_phone_was_held(phone: FlaskClient, orientation: int) -> None:
    photo, mask = disc_photo(_HW)

    result = upload(phone, _turned_jpeg(photo, orientation)).get_json()

    assert result["photo_hw"] == list(_HW)
    assert iou(decode_mask(_file(phone, result["id"], "mask.png")), mask) > 0.98
    assert iou(_filled(result["outlines"], _HW), mask) > 0.98
    for name in ("working.jpg", "original"):
        shown = decode(_file(phone, result["id"], name)).pixels
        assert iou(np.asarray(shown.mean(axis=2) < 128, np.bool_), mask) > 0.98


def test_the_answer_holds_all_that_the_screen_shows(phone: FlaskClient) -> None:
    answer = upload(phone, encoded(disc_photo(_HW)[0]))

    result = answer.get_json()
    assert answer.status_code == 201
    assert result["schema"] == "skinseg.demo.result/1"
    assert result["wording"] == (
        "A measuring aid, not a diagnosis. Refer a changing, bleeding or worrying lesion whatever this screen shows."
    )
    assert len(result["outlines"]) == len(result["lesions"]) == 1
    assert result["lesions"][0]["area_mm2"] is None
    assert (result["scale"], result["scale_why"]) == (None, None)
    assert result["quality"]["verdict"] in {"good", "usable", "retake"}
    assert (result["model"]["name"], result["model"]["engine"]) == ("tiny", "onnxruntime")
    assert set(result["ms"]) == {"receive", "decode", "queue", "engine", "post", "whole"}
    parts = sum(ms for step, ms in result["ms"].items() if step != "whole")
    assert result["ms"]["whole"] == pytest.approx(parts, abs=1)


def test_the_band_lies_on_both_sides_of_the_outline(phone: FlaskClient) -> None:
    blurred = np.asarray(cv2.GaussianBlur(disc_photo(_HW)[0], (0, 0), 12), np.uint8)

    result = upload(phone, encoded(blurred)).get_json()

    inner, middle, outer = (
        int(_filled(outlines, _HW).sum())
        for outlines in (result["band"]["inner"], result["outlines"], result["band"]["outer"])
    )
    assert inner < middle < outer


def test_a_photo_without_a_lesion_says_so(phone: FlaskClient) -> None:
    result = upload(phone, encoded(np.full((240, 320, 3), (205, 165, 146), np.uint8))).get_json()

    assert (result["outlines"], result["lesions"]) == ([], [])
    assert result["quality"]["verdict"] == "retake"
    assert "no lesion was found" in result["quality"]["findings"][0]["sentence"]


def test_the_result_can_be_asked_for_again(phone: FlaskClient) -> None:
    result = upload(phone, encoded(disc_photo(_HW)[0])).get_json()

    assert phone.get(f"/api/pictures/{result['id']}/result", base_url=ORIGIN).get_json() == result


@pytest.mark.parametrize(
    ("picture_format", "options", "kind"),
    [
        ("JPEG", {"exif": exif_with_secrets(6), "comment": b"SerialNo-4711"}, "image/jpeg"),
        ("PNG", {"exif": exif_with_secrets(6)}, "image/png"),
        ("WEBP", {"exif": exif_with_secrets(6), "xmp": b"52,31.1234N http://ns.adobe.com"}, "image/webp"),
        ("TIFF", {"exif": exif_with_secrets(6)}, "image/png"),
        ("BMP", {}, "image/png"),
    ],
)
def test_no_stored_file_tells_the_place_or_a_serial_number(
    phone: FlaskClient, box: Services, picture_format: str, options: dict[str, object], kind: str
) -> None:
    data = encoded(disc_photo(_HW)[0], picture_format, **options)

    answer = upload(phone, data)

    picture = box.store.pictures.get(answer.get_json()["id"])
    with phone.get(f"/api/pictures/{picture.id}/original", base_url=ORIGIN) as kept:
        assert kept.content_type == kind
        assert picture.sha256 == hashlib.sha256(kept.data).hexdigest()
    assert picture.received_sha256 == hashlib.sha256(data).hexdigest()
    for path in box.store.folder.rglob("*"):
        if path.is_file():
            stored = path.read_bytes()
            assert [secret for secret in SECRETS if secret in stored] == [], path.name


def test_files_are_served_so_that_no_browser_takes_them_for_anything_else(phone: FlaskClient) -> None:
    picture_id = upload(phone, encoded(disc_photo(_HW)[0])).get_json()["id"]

    with phone.get(f"/api/pictures/{picture_id}/original", base_url=ORIGIN) as answer:
        headers = answer.headers

    assert headers["Content-Disposition"] == f"attachment; filename={picture_id}.jpg"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"


def test_a_picture_of_a_case_goes_to_its_last_visit(phone: FlaskClient, box: Services) -> None:
    case = box.store.cases.create()
    box.store.consents.record(case.id, "care", True, who="NN")
    data = encoded(disc_photo(_HW)[0])

    first = upload(phone, data, case=case.id, role="overview").get_json()["id"]
    follow_up = box.store.visits.add(case.id)
    second = upload(phone, data, case=case.id).get_json()["id"]

    visits = box.store.visits.of_case(case.id)
    assert [picture.id for picture in box.store.pictures.of_visit(visits[0].id)] == [first]
    assert [picture.id for picture in box.store.pictures.of_visit(follow_up.id)] == [second]
    assert [box.store.pictures.get(one).role for one in (first, second)] == ["overview", "closeup"]


def _bomb() -> bytes:
    """A PNG of 22 kB with 182 million pixels, as in the demo's facts."""
    width, height = 13_500, 13_500
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    pixels = zlib.compress(bytes((1 + (width + 7) // 8) * height), 9)
    chunks = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


@pytest.mark.parametrize(
    ("data", "status", "kind", "words"),
    [
        (
            _bomb(),
            413,
            "PictureTooLarge",
            "13500 x 13500 = 182,250,000 pixels, the limit is 60,000,000; choose a small",
        ),
        (encoded(disc_photo(_HW)[0])[:-100], 415, "PictureUnreadable", "ends early"),
        (b"", 415, "PictureUnreadable", "it is empty (0 bytes); copy or upload the picture again"),
        (b"GIF89a" + bytes(20), 415, "PictureUnreadable", "it is a GIF"),
        (
            b"\x00\x00\x00\x18ftypheic" + bytes(20),
            415,
            "PictureUnreadable",
            "choose the camera format 'Most Compatible'",
        ),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "PictureUnreadable", "it is an SVG drawing"),
        (encoded(disc_photo(_HW)[0]) + b"<html>", 415, "PictureUnreadable", "a web page is hidden"),
    ],
    ids=["bomb", "cut", "0 bytes", "GIF", "HEIC", "SVG", "polyglot"],
)
def test_what_is_no_photo_is_refused_by_name_and_nothing_is_kept(
    phone: FlaskClient, box: Services, data: bytes, status: int, kind: str, words: str
) -> None:
    before = sorted(box.store.folder.joinpath("pictures").iterdir())

    answer = upload(phone, data)

    assert (answer.status_code, answer.get_json()["error"]["kind"]) == (status, kind)
    assert words in answer.get_json()["error"]["message"]
    assert sorted(box.store.folder.joinpath("pictures").iterdir()) == before


def test_26_megabytes_are_refused(phone: FlaskClient) -> None:
    answer = upload(phone, encoded(disc_photo(_HW)[0]) + bytes(26_000_000))

    assert answer.status_code == 413


def test_one_byte_more_than_the_limit_is_refused_though_the_envelope_had_room(phone: FlaskClient) -> None:
    answer = upload(phone, bytes(25_000_001))

    assert answer.status_code == 413
    assert "it has more than 25 MB" in answer.get_json()["error"]["message"]


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"role": "portrait"}, "its 'role' is 'portrait', expected one of closeup, overview"),
        ({"card": "maybe"}, "its 'card' is 'maybe', expected one of yes, no"),
    ],
)
def test_a_field_that_says_what_it_cannot_is_told(phone: FlaskClient, form: dict[str, str], words: str) -> None:
    answer = upload(phone, encoded(disc_photo(_HW)[0]), **form)

    assert answer.status_code == 400
    assert words in answer.get_json()["error"]["message"]


def test_a_consent_withdrawn_while_a_picture_is_put_on_the_disk_keeps_it_out(
    phone: FlaskClient, box: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = box.store.cases.create()
    box.store.consents.record(case.id, "care", True, who="NN")
    before = set((box.store.folder / "pictures").iterdir())
    real = PictureFiles.write

    def slow(files: PictureFiles, picture_id: str, contents: Mapping[str, bytes]) -> None:
        real(files, picture_id, contents)
        box.store.consents.record(case.id, "care", False, who="another phone")

    monkeypatch.setattr(PictureFiles, "write", slow)
    answer = upload(phone, encoded(disc_photo(_HW)[0]), case=case.id)

    assert (answer.status_code, answer.get_json()["error"]["kind"]) == (409, "ConsentMissing")
    assert box.store.pictures.of_case(case.id) == []
    assert set((box.store.folder / "pictures").iterdir()) == before


@pytest.mark.parametrize("is_withdrawn", [False, True])
def test_a_case_without_consent_to_care_gets_no_picture(phone: FlaskClient, box: Services, is_withdrawn: bool) -> None:
    case = box.store.cases.create()
    if is_withdrawn:
        box.store.consents.record(case.id, "care", True, who="NN")
        box.store.consents.record(case.id, "care", False, who="NN")

    answer = upload(phone, encoded(disc_photo(_HW)[0]), case=case.id)

    assert (answer.status_code, answer.get_json()["error"]["kind"]) == (409, "ConsentMissing")
    assert box.store.visits.of_case(case.id) == []


def test_a_case_that_is_not_there_is_told_before_the_work(phone: FlaskClient) -> None:
    assert upload(phone, encoded(disc_photo(_HW)[0]), case="aaaaaaaaaaaa").status_code == 404


def test_a_request_without_a_picture_is_told_so(phone: FlaskClient) -> None:
    headers = {"Origin": ORIGIN, "X-CSRF-Token": csrf_of(phone)}

    answer = phone.post("/api/pictures", base_url=ORIGIN, headers=headers, data={"role": "closeup"})

    assert (answer.status_code, answer.get_json()["error"]["kind"]) == (400, "PictureMissing")


def test_an_upload_without_the_sign_of_our_page_is_refused(phone: FlaskClient) -> None:
    data = {"picture": (io.BytesIO(b""), "x")}

    assert phone.post("/api/pictures", base_url=ORIGIN, headers={"Origin": ORIGIN}, data=data).status_code == 403


@pytest.mark.parametrize("path", ["", "/working.jpg", "/original", "/mask.png", "/result", "/corrections"])
def test_who_is_not_paired_sees_no_picture(app: Flask, phone: FlaskClient, path: str) -> None:
    picture_id = upload(phone, encoded(disc_photo(_HW)[0])).get_json()["id"]
    stranger = browser_of(app)

    answer = stranger.get(f"/api/pictures/{picture_id}{path}", base_url=ORIGIN)

    assert answer.status_code in {401, 404, 405}
    assert answer.status_code == 401 or path in {"", "/corrections"}


@pytest.mark.parametrize("picture_id", ["aaaaaaaaaaaa", "..", "%2e%2e%2fstore.sqlite", "a/../../b"])
def test_an_id_that_is_none_of_ours_leads_nowhere(phone: FlaskClient, picture_id: str) -> None:
    assert phone.get(f"/api/pictures/{picture_id}/original", base_url=ORIGIN).status_code == 404


def test_the_21st_picture_of_a_minute_is_put_off(phone: FlaskClient) -> None:
    answers = [upload(phone, b"GIF89a") for _ in range(21)]

    assert [answer.status_code for answer in answers] == [415] * 20 + [429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60


def test_while_too_many_wait_a_picture_is_put_off_with_the_time_to_come_back(phone: FlaskClient, box: Services) -> None:
    engine = box.engine
    assert isinstance(engine, EngineWorker)
    is_held = threading.Event()

    def hold() -> None:
        with engine.line.turn():
            is_held.wait(60)

    threads = [threading.Thread(target=hold) for _ in range(10)]  # two at work and eight that wait
    for thread in threads:
        thread.start()
    while engine.waiting < 8:
        pass
    data = encoded(disc_photo((368, 480))[0])  # not the bytes of another test, which are known
    answer = upload(phone, data)
    frame = send_frame(phone, encoded(disc_photo((120, 160))[0]))
    is_held.set()
    for thread in threads:
        thread.join(60)

    assert (answer.status_code, answer.get_json()["error"]["kind"]) == (503, "QueueFull")
    assert int(answer.headers["Retry-After"]) >= 1
    assert (frame.status_code, frame.get_json()["error"]["kind"]) == (503, "FrameDropped")
    assert upload(phone, data).status_code == 201


def test_where_the_network_failed_the_api_says_why_and_the_pages_go_on(tmp_path: Path) -> None:
    config = DemoConfig(state=tmp_path / "state", bundle=tmp_path / "gone.skinseg")
    app = create_app(config, engine=EngineWorker(config))
    box: Services = app.extensions[EXTENSION]
    box.start()
    assert box.engine is not None
    wait_until_settled(box.engine)
    phone = paired(browser_of(app), box)

    answer = upload(phone, encoded(disc_photo(_HW)[0]))
    page = phone.get("/", base_url=ORIGIN)
    box.stop()

    error = answer.get_json()["error"]
    assert (answer.status_code, error["kind"]) == (503, "EngineNotReady")
    assert re.search(r"cannot outline pictures: the network could not be loaded: .*gone\.skinseg", error["message"])
    assert answer.headers["Retry-After"]
    assert page.status_code == 200
    assert "The box cannot outline pictures now. Everything else works." in page.text
    assert "gone.skinseg" in page.text


def test_while_all_is_well_no_page_speaks_of_the_network(phone: FlaskClient) -> None:
    assert "outline pictures now" not in phone.get("/", base_url=ORIGIN).text


def test_a_box_without_a_network_says_so(config: DemoConfig) -> None:
    app = create_app(config)
    box: Services = app.extensions[EXTENSION]
    answer = upload(paired(browser_of(app), box), b"")
    box.store.close()

    assert (answer.status_code, answer.get_json()["error"]["kind"]) == (503, "EngineMissing")
    assert answer.headers["Retry-After"] == "60"


def test_a_live_frame_gets_an_outline_and_hints_and_is_not_kept(phone: FlaskClient, box: Services) -> None:
    photo, mask = disc_photo((240, 320))
    before = sorted(box.store.folder.joinpath("pictures").iterdir())

    bright, dark = (send_frame(phone, encoded(pixels)) for pixels in (photo, (photo // 5 + 40).astype(np.uint8)))

    answer = bright.get_json()
    assert bright.status_code == 200
    assert iou(_filled(answer["outlines"], (240, 320)), mask) > 0.9
    assert set(answer["ms"]) == {"engine", "whole"}
    assert any("add light" in hint["sentence"] for hint in dark.get_json()["hints"])
    assert sorted(box.store.folder.joinpath("pictures").iterdir()) == before


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (encoded(disc_photo((240, 320))[0], "PNG"), 415),
        (b"", 415),
        (encoded(disc_photo((240, 320))[0])[:-50], 415),
        (encoded(np.zeros((1300, 1300, 3), np.uint8)), 413),
        (bytes(400_001), 413),
        (bytes(500_000), 413),
    ],
    ids=["PNG", "0 bytes", "cut", "too many pixels", "400 kB and a byte", "500 kB"],
)
def test_a_frame_that_is_no_small_jpeg_is_refused(phone: FlaskClient, data: bytes, status: int) -> None:
    assert send_frame(phone, data).status_code == status


def test_a_correction_is_kept_with_who_made_it(phone: FlaskClient, box: Services) -> None:
    picture_id = upload(phone, encoded(disc_photo(_HW)[0])).get_json()["id"]
    headers = {"Origin": ORIGIN, "X-CSRF-Token": csrf_of(phone)}
    polygons = [[[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]]

    answer = phone.post(
        f"/api/pictures/{picture_id}/corrections",
        base_url=ORIGIN,
        headers=headers,
        json={"kind": "redraw", "polygons": polygons},
    )

    (kept,) = box.store.corrections.of_picture(picture_id)
    assert answer.status_code == 201
    assert answer.get_json()["id"] == kept.id
    assert (kept.kind, [[list(point) for point in one] for one in kept.polygons]) == ("redraw", polygons)
    assert kept.phone_id in {phone.id for phone in box.store.phones.list()}


@pytest.mark.parametrize(
    "sent", ["", "[]", "{", '{"kind": "benign"}', '{"kind": ["nudge"]}', '{"kind": "nudge", "polygons": [[[2, 0]]]}']
)
def test_what_is_no_correction_is_refused(phone: FlaskClient, sent: str) -> None:
    picture_id = upload(phone, encoded(disc_photo(_HW)[0])).get_json()["id"]
    headers = {"Origin": ORIGIN, "X-CSRF-Token": csrf_of(phone), "Content-Type": "application/json"}

    answer = phone.post(f"/api/pictures/{picture_id}/corrections", base_url=ORIGIN, headers=headers, data=sent)

    assert answer.status_code == 400
    assert answer.get_json()["error"]["message"].startswith("cannot ")
