"""The OpenAPI file: it names every view below /api, and no request made up from it makes the box stumble."""

from collections import Counter
from typing import Any

import schemathesis
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.core.result import Ok
from schemathesis.transport.wsgi import WSGI_TRANSPORT

from skinseg_demo.pages.api_description import described
from tests.demo_app.browsers import ORIGIN, csrf_of
from tests.demo_app.pictures.uploads import disc_photo, encoded

_OURS = {
    ("post", "/api/pictures"),
    ("get", "/api/pictures/{picture_id}/result"),
    ("get", "/api/pictures/{picture_id}/working.jpg"),
    ("get", "/api/pictures/{picture_id}/mask.png"),
    ("get", "/api/pictures/{picture_id}/original"),
    ("post", "/api/pictures/{picture_id}/corrections"),
    ("post", "/api/frames"),
    ("get", "/api/openapi.json"),
}

_EXAMPLES = 10
_FEW = settings(
    max_examples=_EXAMPLES,
    deadline=None,
    derandomize=True,  # the same requests on every machine
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)

_FRAME = encoded(disc_photo((60, 80))[0])


@schemathesis.serializer("image/jpeg")
def _as_it_is(context: object, value: bytes) -> bytes:
    return value


schemathesis.openapi.media_type("image/jpeg", st.binary(max_size=200) | st.just(_FRAME))


def test_every_view_below_api_is_in_the_file(app: Flask, phone: FlaskClient) -> None:
    document = phone.get("/api/openapi.json", base_url=ORIGIN).get_json()

    told = {(method, path) for path, methods in document["paths"].items() for method in methods}
    there = {
        (method.lower(), rule.rule.replace("<", "{").replace(">", "}"))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert told == there
    assert told >= _OURS


def test_what_each_view_of_pictures_does_is_described(app: Flask) -> None:
    document = described(app)

    silent = [where for where in _OURS if document["paths"][where[1]][where[0]]["summary"] == "Not described yet."]
    assert silent == []


def test_the_file_holds_to_the_rules_of_openapi(app: Flask) -> None:
    schemathesis.openapi.from_dict(described(app)).validate()


def test_no_request_made_up_from_the_file_makes_the_box_stumble(app: Flask, phone: FlaskClient) -> None:
    headers = {"Origin": ORIGIN, "X-CSRF-Token": csrf_of(phone)}
    asked: Counter[tuple[str, str]] = Counter()
    statuses: set[int] = set()
    document = described(app)
    del document["security"], document["components"]["securitySchemes"]  # else it makes up cookies in place of ours

    def ask(case: schemathesis.Case[Any]) -> None:
        app.extensions["skinseg.limits"].clear()
        answer = WSGI_TRANSPORT.send(case, session=phone, app=app, base_url=ORIGIN, headers=headers)
        asked[case.method.lower(), case.operation.path] += 1
        statuses.add(answer.status_code)
        assert answer.status_code < 500, answer.text
        if answer.status_code >= 400:
            assert set(answer.json()["error"]) == {"kind", "message"}

    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        assert isinstance(found, Ok)
        settings(_FEW)(given(found.ok().as_strategy())(ask))()

    assert statuses >= {200, 400, 404, 415}
    assert 401 not in statuses
    assert {where for where, times in asked.items() if times >= _EXAMPLES} >= _OURS - {("get", "/api/openapi.json")}
