"""What stands before every view: the host, the role, the sign of our own page, and the headers of every answer."""

import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from skinseg_demo import DemoConfig
from skinseg_demo.security.roles import current_phone, for_admins, for_phones, role_of
from tests.demo_app.browsers import ORIGIN, MakeApp, csrf_of, post


@pytest.fixture
def app(app: Flask) -> Flask:
    """The application with a view for each role, and one that forgot to say its own."""

    @app.route("/ward", methods=["GET", "POST"])
    @for_phones
    def ward() -> str:
        return current_phone().label

    @app.get("/office")
    @for_admins
    def office() -> str:
        return "admin"

    @app.get("/api/forgotten")
    def forgotten() -> str:
        return "nobody"

    return app


def test_every_view_says_whom_it_is_for(config: DemoConfig, make_app: MakeApp) -> None:
    fresh = make_app(config)

    assert {rule.endpoint for rule in fresh.url_map.iter_rules() if role_of(fresh, rule.endpoint) is None} == set()


def test_a_view_that_does_not_say_whom_it_is_for_is_shown_to_nobody(admin: FlaskClient) -> None:
    answer = admin.get("/api/forgotten", base_url=ORIGIN)

    assert answer.status_code == 500
    assert answer.json == {
        "error": {"kind": "RoleMissing", "message": "cannot show this page: forgotten does not say whom it is for"}
    }


def test_a_view_for_phones_is_shown_to_phones_and_the_admin_alone(
    client: FlaskClient, phone: FlaskClient, admin: FlaskClient
) -> None:
    assert [who.get("/ward", base_url=ORIGIN).status_code for who in (client, phone, admin)] == [401, 200, 200]


def test_a_view_for_admins_is_shown_to_the_admin_alone(
    client: FlaskClient, phone: FlaskClient, admin: FlaskClient
) -> None:
    assert [who.get("/office", base_url=ORIGIN).status_code for who in (client, phone, admin)] == [401, 403, 200]


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "192.168.7.20.nip.io", "evil.example:8443"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_foreign_host_name_is_refused(phone: FlaskClient, host: str, method: str) -> None:
    answer = getattr(phone, method)("/ward", base_url=f"https://{host}")

    assert answer.status_code == 400
    assert answer.text == (
        "cannot answer under this name: it is none of this box's; open the address that the box shows\n"
    )


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8443", "[::1]:8443", "box.clinic.example"])
def test_the_names_of_the_box_are_answered(tmp_path: Path, host: str, make_app: MakeApp) -> None:
    named = make_app(DemoConfig(state=tmp_path, names=("box.clinic.example",)))

    assert named.test_client().get("/healthz", base_url=f"https://{host}").status_code == 200


def test_a_form_of_our_own_page_is_taken(phone: FlaskClient) -> None:
    assert post(phone, "/ward").status_code == 200


def test_the_token_is_taken_as_a_form_field_too(phone: FlaskClient) -> None:
    answer = phone.post("/ward", base_url=ORIGIN, headers={"Origin": ORIGIN}, data={"csrf": csrf_of(phone)})

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({"X-CSRF-Token": ""}, "CsrfMissing"),
        ({"X-CSRF-Token": "0" * 64}, "CsrfMissing"),
        ({"X-CSRF-Token": "é"}, "CsrfMissing"),
        ({"Origin": "https://evil.example"}, "ForeignPage"),
        ({"Origin": "http://localhost:8443"}, "ForeignPage"),
        ({"Origin": "https://localhost:9443"}, "ForeignPage"),
        ({"Origin": "null"}, "ForeignPage"),
        ({"Origin": ""}, "ForeignPage"),
        ({"Sec-Fetch-Site": "cross-site"}, "ForeignPage"),
        ({"Sec-Fetch-Site": "same-site"}, "ForeignPage"),
    ],
)
def test_a_form_of_another_page_is_refused(phone: FlaskClient, headers: dict[str, str], kind: str) -> None:
    answer = post(phone, "/ward", Accept="application/json", **headers)

    assert answer.status_code == 403
    assert answer.json is not None
    assert answer.json["error"]["kind"] == kind


def test_the_token_of_one_phone_is_none_of_another(phone: FlaskClient, admin: FlaskClient) -> None:
    assert post(phone, "/ward", **{"X-CSRF-Token": csrf_of(admin)}).status_code == 403


def test_a_browser_that_is_not_paired_has_no_token(client: FlaskClient) -> None:
    assert csrf_of(client) == ""


@pytest.mark.parametrize("path", ["/", "/p", "/healthz", "/nothing", "/api/nothing", "/ward"])
def test_no_page_is_kept_framed_or_fed_from_elsewhere(phone: FlaskClient, path: str) -> None:
    headers = phone.get(path, base_url=ORIGIN).headers

    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy == {
        "default-src": "'self'",
        "img-src": "'self' blob: data:",
        "media-src": "blob:",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    assert headers["Cache-Control"] == "no-store"
    assert (headers["X-Content-Type-Options"], headers["Referrer-Policy"]) == ("nosniff", "same-origin")
    assert re.search(r"camera=\(self\)", headers["Permissions-Policy"])
    assert "Strict-Transport-Security" not in headers


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static/css/..%5c..%5capp.py",
    ],
)
def test_no_path_leads_out_of_the_static_folder(client: FlaskClient, path: str) -> None:
    assert client.get(path, base_url=ORIGIN).status_code == 404


def test_an_error_below_api_is_json(client: FlaskClient) -> None:
    answer = client.get("/api/nothing", base_url=ORIGIN)

    assert (answer.status_code, answer.mimetype) == (404, "application/json")
    assert answer.json == {
        "error": {"kind": "NotFound", "message": "cannot find this page on the box; go back to the first page"}
    }


def test_a_fault_of_ours_tells_a_phone_nothing_of_its_cause(
    app: Flask, client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    from skinseg_demo.security.roles import open_to_all

    @app.get("/broken")
    @open_to_all
    def broken() -> str:
        raise ZeroDivisionError("the name of a patient")

    answer = client.get("/broken?case=17", base_url=ORIGIN)

    assert answer.status_code == 500
    assert "patient" not in answer.text
    assert "GET broken failed" in caplog.text  # the endpoint, not the address
    assert "case=17" not in caplog.text
