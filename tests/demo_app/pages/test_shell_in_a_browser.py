"""The service worker in Chromium, over TLS with a certificate that this browser was told to trust."""

import base64
import hashlib
import os
import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme
from axe_playwright_python.sync_playwright import Axe
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import Flask
from playwright.sync_api import BrowserContext, Page, sync_playwright
from werkzeug.serving import make_server

from skinseg_demo import DemoConfig, create_app
from skinseg_demo.services import EXTENSION, Services
from tests.demo_app.chromium import PHONE_SIZE, Watched, serving

pytestmark = pytest.mark.slow


class _Box:
    """A box on one port over TLS, which can be switched off and on."""

    def __init__(self, app: Flask, context: ssl.SSLContext) -> None:
        self._app, self._context = app, context
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port: int = probe.getsockname()[1]
        self.address = f"https://localhost:{self._port}"

    @contextmanager
    def on(self) -> Iterator[None]:
        """Answer meanwhile."""
        server = make_server("127.0.0.1", self._port, self._app, threaded=True, ssl_context=self._context)
        server.daemon_threads = True  # type: ignore[attr-defined]  # of ThreadingMixIn: browsers keep connections
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[_Box, Services, str]]:
    """A box, its services, and the SPKI hash of its certificate as Chromium takes it."""
    app = create_app(DemoConfig(state=tmp_path_factory.mktemp("state")))
    own = trustme.CA().issue_cert("localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.configure_cert(context)
    services: Services = app.extensions[EXTENSION]
    yield _Box(app, context), services, _spki_of(own.cert_chain_pems[0].bytes())
    services.store.close()


def _spki_of(pem: bytes) -> str:
    key = x509.load_pem_x509_certificate(pem).public_key()
    return base64.b64encode(
        hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    ).decode()


@pytest.fixture(scope="module")
def profile(box: tuple[_Box, Services, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """A browser that trusts the certificate, with a profile of its own."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("needs a browser: no program called chromium is on the PATH")
    arguments = [f"--ignore-certificate-errors-spki-list={box[2]}"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")  # Chromium refuses to run as root with one
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"),
            executable_path=path,
            args=arguments,
            viewport=PHONE_SIZE,  # type: ignore[arg-type]  # a plain dict
            locale="es-MX",
        )
        yield context
        context.close()


_KEPT = """async () => {
  const kept = [];
  for (const name of await caches.keys())
    for (const request of await (await caches.open(name)).keys()) kept.push(new URL(request.url).pathname);
  return kept;
}"""


def test_the_installed_shell_shows_its_own_page_while_the_box_is_out_of_reach_and_goes_on_after(
    box: tuple[_Box, Services, str], profile: BrowserContext
) -> None:
    server, services, _ = box
    page = profile.new_page()
    with server.on():
        page.goto(f"{server.address}/p#k={services.pairing.offer('admin').token}")
        page.wait_for_url(f"{server.address}/")
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        page.goto(f"{server.address}/admin")
        page.goto(f"{server.address}/admin/audit")
        kept = page.evaluate(_KEPT)

    page.goto(f"{server.address}/admin")

    page.locator("#again").wait_for()
    assert {path for path in kept if not path.startswith("/static/")} == {"/offline"}
    assert page.locator("html").get_attribute("lang") == "es"  # as the browser asks
    assert page.url == f"{server.address}/admin"
    assert "csrf" not in page.evaluate("document.cookie")
    assert page.locator('meta[name="csrf"]').get_attribute("content") == ""
    assert _violations(page) == []
    with server.on():
        page.locator("#phones").wait_for(timeout=15_000)  # it looks every 2 s by itself
        page.unroute_all()
        page.close()


def test_in_practice_mode_no_worker_is_registered(tmp_path: Path, profile: BrowserContext) -> None:
    app = create_app(DemoConfig(state=tmp_path, tls="none"))
    with serving(app) as address:
        watched = Watched(profile, address)
        watched.page.goto(address)
        watched.page.wait_for_load_state("networkidle")

        found = watched.page.evaluate("navigator.serviceWorker.getRegistrations().then((all) => all.length)")
        watched.page.close()
    app.extensions[EXTENSION].store.close()

    assert found == 0
    assert watched.complaints == []


def _violations(page: Page) -> list[str]:
    return [each["id"] for each in Axe().run(page).response["violations"]]
