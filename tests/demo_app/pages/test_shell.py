"""What makes the pages installable: the manifest, the icons, the worker; and what the worker may keep."""

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from flask.testing import FlaskClient

import skinseg_demo
from scripts.demo_icons import FOLDER, ICONS, draw
from tests.demo_app.browsers import ORIGIN, csrf_of

_STATIC = Path(skinseg_demo.__file__).parent / "static"


@pytest.mark.parametrize(("name", "side", "share", "is_round"), ICONS, ids=[icon[0] for icon in ICONS])
def test_each_icon_is_what_the_script_draws_and_small(name: str, side: int, share: float, is_round: bool) -> None:
    found = cv2.imread(str(FOLDER / name), cv2.IMREAD_UNCHANGED)

    assert found is not None
    assert np.array_equal(found, draw(side, share, is_round))
    assert (FOLDER / name).stat().st_size < 10_000


def test_the_mark_stays_inside_what_a_phone_may_cut_an_icon_to() -> None:
    icon = draw(512, *next(icon[2:] for icon in ICONS if icon[0] == "mask-512.png"))
    rows, columns = np.nonzero(icon[:, :, 2] > 0x80)  # the white of the line; the ground's red is 0x0b

    assert np.hypot(rows - 255.5, columns - 255.5).max() < 0.4 * 512  # the W3C's safe zone: a circle of 80 %
    assert (icon[:, :, 3] == 255).all()


def test_the_manifest_names_icons_that_are_there(client: FlaskClient) -> None:
    answer = client.get("/manifest.webmanifest", base_url=ORIGIN, buffered=True)
    manifest = json.loads(answer.data)

    assert answer.mimetype == "application/manifest+json"
    assert (manifest["display"], manifest["start_url"], manifest["scope"]) == ("standalone", "/", "/")
    for icon in manifest["icons"]:
        assert client.get(icon["src"], base_url=ORIGIN, buffered=True).mimetype == icon["type"]
    assert {icon["purpose"] for icon in manifest["icons"]} == {"any", "maskable"}


def test_every_page_leads_to_the_manifest_and_the_icon_of_an_iphone(client: FlaskClient) -> None:
    page = client.get("/", base_url=ORIGIN, buffered=True).text

    for path in re.findall(r'<link rel="(?:manifest|apple-touch-icon)" href="([^"]+)"', page):
        assert client.get(path, base_url=ORIGIN, buffered=True).status_code == 200
    assert page.count('rel="manifest"') == page.count('rel="apple-touch-icon"') == 1


def test_the_worker_keeps_static_files_and_the_page_for_no_network_alone(client: FlaskClient) -> None:
    script = client.get("/sw.js", base_url=ORIGIN, buffered=True)
    found = re.search(r"STATIC = new Set\((\[.*?\])\)", script.text)

    assert found is not None
    kept = json.loads(found[1])
    assert script.mimetype == "text/javascript"
    assert [path for path in kept if not path.startswith("/static/")] == []
    assert {client.get(path, base_url=ORIGIN, buffered=True).status_code for path in kept} == {200}
    assert {f"/static/{path.relative_to(_STATIC).as_posix()}" for path in _STATIC.rglob("*.css")} <= set(kept)
    assert 'OFFLINE = "/offline"' in script.text


def test_the_page_for_no_network_holds_no_sign_of_a_session(phone: FlaskClient, client: FlaskClient) -> None:
    sign = csrf_of(phone)

    page = client.get("/offline", base_url=ORIGIN, buffered=True).text  # the worker asks without a cookie

    assert len(sign) == 64
    assert re.findall(r"[0-9a-f]{64}", page) == []
    assert 'name="csrf" content=""' in page
    assert "The box cannot be reached" in page
