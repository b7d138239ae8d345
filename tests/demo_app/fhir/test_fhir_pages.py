"""The pages' share of FHIR: a case as a file, and what the admin reads about the server."""

import json
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from skinseg_demo import DemoConfig
from skinseg_demo.services import EXTENSION, Services
from tests.demo_app.boxes import add_case
from tests.demo_app.browsers import ORIGIN, MakeApp, browser_of, paired
from tests.demo_app.drawn_visits import add_drawn
from tests.demo_app.fhir.bundles import resources, valid


def test_a_phone_downloads_a_case_as_a_bundle_with_everything_in_it(phone: FlaskClient, box: Services) -> None:
    case = add_case(box.store)
    add_drawn(box.store, box.store.visits.of_case(case.id)[0].id)

    assert f'href="/cases/{case.id}/fhir.json" download' in phone.get(f"/cases/{case.id}", base_url=ORIGIN).text
    with phone.get(f"/cases/{case.id}/fhir.json", base_url=ORIGIN) as answer:
        data = answer.data

    assert (answer.status_code, answer.mimetype) == (200, "application/fhir+json")
    assert answer.headers["Content-Disposition"] == f"attachment; filename=case-{case.number}.fhir.json"
    assert answer.headers["Content-Length"] == str(len(data))
    bundle = valid(json.loads(data))
    assert bundle["type"] == "collection"
    assert all("data" in photo["content"] for photo in resources(bundle, "Media"))
    assert box.store.audit.list(case_id=case.id)[0].what == "case exported"
    assert not list(box.store.folder.glob(".export-*"))


def test_nobody_else_gets_it(client: FlaskClient, box: Services) -> None:
    case = add_case(box.store)

    answer = client.get(f"/cases/{case.id}/fhir.json", base_url=ORIGIN)

    assert answer.status_code in (302, 303, 401, 403)
    assert b"resourceType" not in answer.data


@pytest.mark.parametrize(
    ("endpoint", "is_told"), [("fhir+https://fhir.example/r4", True), ("https://a.example", False)]
)
def test_the_admin_reads_where_the_token_of_a_fhir_server_comes_from(
    tmp_path: Path, make_app: MakeApp, endpoint: str, is_told: bool
) -> None:
    app = make_app(DemoConfig(state=tmp_path / "state", endpoint=endpoint))
    admin = paired(browser_of(app), app.extensions[EXTENSION], "admin")

    page = admin.get("/admin", base_url=ORIGIN).text

    assert endpoint in page
    assert ("SKINSEG_FHIR_TOKEN_FILE" in page) is is_told
