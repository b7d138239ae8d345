"""A real browser for tests of pages: Debian's Chromium, driven by Playwright, at the size of a small phone."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from werkzeug.serving import make_server

__all__ = ["PHONE_SIZE", "Watched", "browser", "launcher", "phone_at", "serving"]

_OF_CHROMIUM = ("chrome-extension://mhjfbmdgcfjbbpaeojofohoefgiehjai/", "chrome://resources/")  # its viewer of PDFs
PHONE_SIZE = {"width": 360, "height": 740}


@contextmanager
def browser(*arguments: str) -> Iterator[Browser]:
    """Start Chromium; the test is skipped where there is none. *arguments*: of its command line."""
    with launcher() as launch:
        yield launch(*arguments)


@contextmanager
def launcher() -> Iterator[Callable[..., Browser]]:
    """Give what starts Chromium, with arguments of its command line; all are ended at the end.

    The test is skipped where there is none. Only one of these may be open at a time.
    """
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("needs a browser: no program called chromium is on the PATH")
    without_sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium refuses to run as root with one
    with sync_playwright() as playwright, ExitStack() as stack:

        def launch(*arguments: str) -> Browser:
            started = playwright.chromium.launch(executable_path=path, args=[*without_sandbox, *arguments])
            stack.callback(started.close)
            return started

        yield launch


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    """Serve an application of practice mode at loopback; give its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://localhost:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def phone_at(chromium: Browser, address: str, token: str | None = None) -> Iterator["Watched"]:
    """Give a fresh phone at a box, paired by *token* where one is given; fail at the end if a page complained."""
    context = chromium.new_context(viewport=PHONE_SIZE, base_url=address)  # type: ignore[arg-type]  # a plain dict
    watched = Watched(context, address)
    if token is not None:
        watched.page.goto(f"/p#k={token}")
        watched.page.wait_for_url(f"{address}/")
    yield watched
    context.close()
    assert watched.complaints == []


class Watched:
    """A page of a phone-sized browser, and what went wrong on it.

    *complaints*: errors of scripts and of the content security policy, and requests to other machines, which fail.
    """

    def __init__(self, context: BrowserContext, origin: str) -> None:
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self._origin = origin
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda line: self._note_policy(line.text))
        self.page.on("request", lambda sent: self._note_foreign(sent.url))

    def _note_policy(self, line: str) -> None:
        if "Content Security Policy" in line:
            self.complaints.append(line)

    def _note_foreign(self, address: str) -> None:
        if not address.startswith((f"{self._origin}/", "data:", f"blob:{self._origin}/", *_OF_CHROMIUM)):
            self.complaints.append(f"asked {address}")
