"""The admin's pages: what they show, whom they log off, and the backup that they give away."""

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from skinseg_demo import DemoConfig, create_app
from skinseg_demo.services import EXTENSION, Services
from skinseg_demo.store import Store
from skinseg_edge.errors import DeviceUnready
from tests.demo_app.browsers import ORIGIN, HandClock, MakeApp, browser_of, csrf_of, paired, post_form


def _send(client: FlaskClient, path: str, **form: str) -> tuple[int, str]:
    """Send a form of an admin's page."""
    answer = client.post(path, base_url=ORIGIN, headers={"Origin": ORIGIN}, data={"csrf": csrf_of(client), **form})
    return answer.status_code, answer.text


def _overview(client: FlaskClient) -> str:
    return client.get("/admin", base_url=ORIGIN).text


@pytest.mark.parametrize("path", ["/admin", "/admin/audit"])
def test_the_admin_alone_sees_them(path: str, client: FlaskClient, phone: FlaskClient, admin: FlaskClient) -> None:
    assert [who.get(path, base_url=ORIGIN).status_code for who in (client, phone, admin)] == [401, 403, 200]


@pytest.mark.parametrize("path", ["/admin/backup", "/admin/phones/x/revoke", "/admin/phones/x/label"])
def test_a_phone_changes_nothing_there(path: str, phone: FlaskClient) -> None:
    assert _send(phone, path, label="x")[0] == 403


def test_a_phone_that_is_logged_off_there_gets_no_page_any_more(
    admin: FlaskClient, phone: FlaskClient, box: Services
) -> None:
    phone_id = next(known.id for known in box.store.phones.list() if known.role == "phone")

    status, _ = _send(admin, f"/admin/phones/{phone_id}/revoke")

    answer = phone.post("/leave", base_url=ORIGIN, headers={"Origin": ORIGIN, "Accept": "application/json"})
    assert (status, answer.status_code) == (303, 401)
    assert "this phone was logged off on the box" in answer.text
    assert box.store.audit.list(most=1)[0].what == "phone revoked"
    assert "Logged off before: 1" in _overview(admin)


def test_a_phone_gets_a_name_and_the_audit_log_does_not_hold_it(
    admin: FlaskClient, phone: FlaskClient, box: Services
) -> None:
    phone_id = next(known.id for known in box.store.phones.list() if known.role == "phone")

    status, _ = _send(admin, f"/admin/phones/{phone_id}/label", label="  Ward\u202e 3 <b> ")

    renamed = box.store.phones.get(phone_id)
    assert (status, renamed and renamed.label) == (303, "Ward 3 <b>")
    assert "Ward 3 &lt;b&gt;" in _overview(admin)
    line = box.store.audit.list(most=1)[0]
    assert (line.what, line.detail) == ("phone renamed", f"phone {phone_id}")


@pytest.mark.parametrize("label", ["", " \u200b\n ", "x" * 61])
def test_a_name_that_is_empty_or_too_long_is_refused(
    label: str, admin: FlaskClient, phone: FlaskClient, box: Services
) -> None:
    phone_id = next(known.id for known in box.store.phones.list() if known.role == "phone")

    status, page = _send(admin, f"/admin/phones/{phone_id}/label", label=label)

    assert status == 400
    assert "expected 1 to 60" in page


@pytest.mark.parametrize("what", ["revoke", "label"])
def test_a_phone_that_is_not_there_is_told(what: str, admin: FlaskClient) -> None:
    status, page = _send(admin, f"/admin/phones/aaaaaaaaaaaa/{what}", label="x")

    assert status == 404
    assert "it was never paired here" in page


def test_a_backup_is_sent_whole_restores_and_leaves_nothing_behind(
    admin: FlaskClient, box: Services, tmp_path: Path, clock: HandClock
) -> None:
    case = box.store.cases.create(who="box")
    before = {path.name for path in box.config.state.iterdir()}

    answer = admin.post("/admin/backup", base_url=ORIGIN, headers={"Origin": ORIGIN}, data={"csrf": csrf_of(admin)})

    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"] == "attachment; filename=skinseg-demo-2026-11-21-0800.zip"
    assert zipfile.ZipFile(io.BytesIO(answer.data)).testzip() is None
    answer.close()
    assert {path.name for path in box.config.state.iterdir()} == before
    (tmp_path / "b.zip").write_bytes(answer.data)
    Store.restore(tmp_path / "b.zip", tmp_path / "restored", now=clock)
    restored = Store.open(tmp_path / "restored", now=clock)
    assert restored.cases.get(case.id).number == case.number
    restored.close()


def test_a_backup_that_was_cut_off_is_swept_at_the_next_start(
    admin: FlaskClient, box: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    places: list[Path] = []

    def cut_off(_: Store, path: Path, **__: object) -> Path:
        places.append(path)
        raise DeviceUnready("cannot write the backup: the power went; try again")

    monkeypatch.setattr(Store, "backup_to", cut_off)

    assert post_form(admin, "/admin/backup").status_code == 503
    (place,) = places
    assert (place.parent.parent, place.parent.name[0]) == (box.store.folder, ".")  # as `Store` sweeps


def test_the_audit_log_is_shown_with_its_verdict(admin: FlaskClient, box: Services) -> None:
    case = box.store.cases.create(who="box")
    sound = admin.get("/admin/audit", base_url=ORIGIN).text

    with box.store.database.writing() as connection:
        connection.execute("DROP TRIGGER audit_is_not_changed")
        connection.execute("UPDATE audit SET detail = 'changed' WHERE seq = 1")
    changed = admin.get("/admin/audit", base_url=ORIGIN).text

    assert re.search(r"All \d+ lines hold: none was changed or removed.", sound)
    assert f"case {case.id}" in sound
    assert "The log does not hold from line 1 on" in changed


@dataclass(frozen=True)
class _Model:
    """Stands for what an engine tells of itself."""

    name: str = "scsonet"
    bundle_sha256: str = "ab" * 32
    fallback: str = "no GPU is here"

    def to_json(self) -> dict[str, object]:
        return dict(vars(self))


@dataclass
class _Engine:
    """Stands for the engine."""

    state: str
    model: _Model | None
    reason: str | None = None
    waiting: int = 2

    def start(self) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""


class TestEngine:
    """What the first page of the admin tells of the engine."""

    @pytest.fixture(params=["ready", "failed"])
    def page(self, request: pytest.FixtureRequest, config: DemoConfig, clock: HandClock) -> Iterator[str]:
        """The page of a box whose engine is in one of the states."""
        engine = _Engine("ready", _Model()) if request.param == "ready" else _Engine("failed", None, "cannot open it")
        app = create_app(config, engine=engine, now=clock)
        box: Services = app.extensions["skinseg"]
        yield _overview(paired(browser_of(app), box, "admin"))
        box.store.close()

    def test_its_state_and_its_receipt_are_shown(self, page: str) -> None:
        shown = re.sub(r"<[^>]+>", "", page)

        assert "2 of 8" in shown
        if "Ready" in shown:
            assert ("ab" * 32 in shown, "no GPU is here" in shown) == (True, True)
        else:
            assert ("cannot open it" in shown, "Nothing is loaded." in shown) == (True, True)


def test_where_cases_go_and_how_long_they_stay_is_shown(admin: FlaskClient) -> None:
    page = _overview(admin)

    assert "Nowhere: the box was started without --endpoint." in page
    assert "An answered case: after 30 days." in page


def test_in_a_demo_the_outbox_says_who_answers(tmp_path: Path, make_app: MakeApp) -> None:
    app = make_app(DemoConfig(state=tmp_path / "demo", is_demo=True))

    page = _overview(paired(browser_of(app), app.extensions[EXTENSION], "admin"))

    assert "a program writes back some seconds later" in page
    assert "Nowhere" not in page
