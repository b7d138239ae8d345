"""What each page shows to whom, and that none asks another machine for anything."""

import json
import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

import skinseg_demo
from skinseg_demo import DemoConfig
from skinseg_demo.serving.local_ca import ca_file, ensure_certificates, fingerprint
from skinseg_demo.serving.trust_listener import create_trust_app
from tests.demo_app.browsers import ORIGIN, MakeApp, browser_of

_PACKAGE = Path(skinseg_demo.__file__).parent
_FRONT = sorted(
    path
    for folder in ("templates", "static")
    for path in (_PACKAGE / folder).rglob("*")
    if path.is_file() and path.suffix != ".png"
)


def _at_the_box(app: Flask, **headers: str) -> str:
    client = browser_of(app, "127.0.0.1")
    return client.get("/", base_url=ORIGIN, headers=headers).text


def test_at_the_box_the_first_page_shows_a_fresh_code_each_time(app: Flask) -> None:
    codes = [re.findall(r"/p#k=(\w{26})", _at_the_box(app)) for _ in range(2)]

    assert [len(code) for code in codes] == [1, 1]
    assert codes[0] != codes[1]


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
def test_behind_a_proxy_nobody_counts_as_being_at_the_box(app: Flask, header: str) -> None:
    assert "/p#k=" not in _at_the_box(app, **{header: "192.168.7.20"})


def test_another_name_of_the_box_is_not_being_at_the_box(tmp_path: Path, make_app: MakeApp) -> None:
    app = make_app(DemoConfig(state=tmp_path, names=("box.clinic.example",)))

    page = browser_of(app, "127.0.0.1").get("/", base_url="https://box.clinic.example").text

    assert "/p#k=" not in page


def test_the_admin_gets_a_code_and_a_phone_does_not(admin: FlaskClient, phone: FlaskClient) -> None:
    assert "/p#k=" in admin.get("/", base_url=ORIGIN).text
    assert "/p#k=" not in phone.get("/", base_url=ORIGIN).text


def test_who_is_not_paired_is_told_where_the_code_is(client: FlaskClient) -> None:
    page = client.get("/", base_url=ORIGIN).text

    assert "/p#k=" not in page
    assert "point it at the code on the box" in page


def test_every_page_of_practice_mode_says_so(tmp_path: Path, make_app: MakeApp) -> None:
    app = make_app(DemoConfig(state=tmp_path, tls="none"))
    client = browser_of(app)

    pages = [client.get(path, base_url="http://localhost:8080").text for path in ("/", "/p", "/nothing")]

    words = "Practice mode: this connection can be read by others on the Wi-Fi. No patient data."
    assert [words in page for page in pages] == [True, True, True]


def test_a_box_without_an_authority_of_its_own_says_so(client: FlaskClient) -> None:
    answer = client.get("/trust", base_url=ORIGIN)

    assert answer.status_code == 404
    assert "this box made none; ask who set it up" in answer.text


def test_the_box_lives_and_is_not_ready_without_an_engine(client: FlaskClient) -> None:
    alive, ready = (client.get(path, base_url=ORIGIN) for path in ("/healthz", "/readyz"))

    assert (alive.status_code, alive.json) == (200, {"ok": True})
    assert (ready.status_code, ready.headers["Retry-After"]) == (503, "5")
    assert ready.json is not None
    assert ready.json["checks"]["engine"] is False


class TestPlainPort:
    """What a phone sees that came by http."""

    @pytest.fixture
    def plain(self, config: DemoConfig) -> FlaskClient:
        """A browser at the plain port."""
        config.state.mkdir()
        ensure_certificates(config, ("192.168.7.2",))
        return browser_of(create_trust_app(config))

    def test_the_page_holds_the_steps_and_the_fingerprint(self, plain: FlaskClient, config: DemoConfig) -> None:
        page = plain.get("/trust", base_url="http://localhost:8080").text

        assert "Certificate Trust Settings" in page
        assert "Install anyway" in page
        assert "".join(fingerprint(config).split(":")) in re.sub(r"[:\s]|<br>", "", page)
        assert 'href="https://localhost:8443/"' in page

    def test_the_certificate_comes_in_the_type_that_phones_install(
        self, plain: FlaskClient, config: DemoConfig
    ) -> None:
        answer = plain.get("/trust/skinseg-ca.crt", base_url="http://localhost:8080")

        assert (answer.mimetype, answer.data) == ("application/x-x509-ca-cert", ca_file(config).read_bytes())

    @pytest.mark.parametrize(
        "path", ["/", "/p", "/healthz", "/api/pictures", "/trust/ca.key", "/trust/../tls/ca.key", "/static/js/pair.js"]
    )
    def test_everything_else_is_led_to_https(self, plain: FlaskClient, path: str) -> None:
        answer = plain.get(path, base_url="http://localhost:8080")

        assert answer.status_code == 302
        assert answer.headers["Location"] == f"https://localhost:8443{path}"

    def test_nothing_is_taken_over_plain_http(self, plain: FlaskClient) -> None:
        answer = plain.post("/pair", json={"token": "A" * 26}, base_url="http://localhost:8080")

        assert answer.status_code == 405

    def test_a_form_sent_there_is_refused_in_one_plain_sentence(self, plain: FlaskClient) -> None:
        answer = plain.post("/pair", data={"token": "A"}, base_url="http://localhost:8080")

        assert (answer.status_code, answer.mimetype) == (405, "text/plain")
        assert answer.text == "cannot take this over plain http; open the box's https address\n"

    def test_a_foreign_name_is_not_led_anywhere(self, plain: FlaskClient) -> None:
        assert plain.get("/", base_url="http://evil.example").status_code == 400


@pytest.mark.parametrize("path", _FRONT, ids=lambda path: path.name)
def test_no_file_of_the_pages_names_another_machine_or_holds_inline_code(path: Path) -> None:
    text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")

    assert re.findall(r"(?:https?:)?//[a-z0-9-]+\.[a-z]{2,}", text.replace("{{ https }}", "")) == []
    if path.suffix == ".html":
        assert re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:|<script(?![^>]*\bsrc=)", text) == []
    if path.suffix == ".js":
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)  # a comment may name a type by import("...")
        assert re.findall(r"\beval\(|new Function|\.innerHTML|document\.write|\bimport\(", text) == []


def test_every_key_of_a_template_or_script_has_words() -> None:
    words = json.loads((_PACKAGE / "strings" / "en.json").read_text(encoding="utf-8"))
    used = {
        key
        for path in _FRONT
        if path.suffix in {".html", ".js"}
        for key in re.findall(r"""\bt\(["']([a-z_.]+)["']""", path.read_text(encoding="utf-8"))
    }

    # One that ends with a dot goes on with a value, such as the state of the engine.
    whole = {key for key in used if not key.endswith(".")}
    assert whole - set(words) == set()
    assert [key for key in used - whole if not any(word.startswith(key) for word in words)] == []
    assert len(used) > 30


def test_the_words_reach_the_scripts(client: FlaskClient) -> None:
    page = client.get("/p", base_url=ORIGIN).text

    assert "js.unreachable" in page
    assert "pair.noscript" not in page
