"""Real Chromium on a real server: pages as staff see them, with nothing faked between."""

import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from server.web.site import STATIC
from tests.needs import missing
from tests.server.web.district import PASSWORD, District

ROOT = Path(__file__).resolve().parents[2]
SCREENS = ROOT / "build" / "screens"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
# htmx reports a stream that broke as an error: the banner is the page's own answer to it.
_TOLERATED = ("Failed to load resource", "htmx", "SSE", "net::ERR", "Failed to fetch")


# Of the pages' states so many parts; run beside other tests, today's part stands for all.
PARTS = 6


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    own = [item for item in items if item.path.is_relative_to(Path(__file__).parent)]
    for item in own:
        item.add_marker(pytest.mark.browser)
    if len(own) == len(items):
        return
    states = [item for item in own if item.get_closest_marker("rotates")]
    today = datetime.now(UTC).toordinal() % PARTS
    left = {item for number, item in enumerate(states) if number % PARTS != today}
    config.hook.pytest_deselected(items=[item for item in items if item in left])
    items[:] = [item for item in items if item not in left]


class Served:
    """A district behind a real uvicorn, which can go away and come back."""

    def __init__(self, district: District) -> None:
        self.district = district
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        config = uvicorn.Config(
            self.district.application,
            host="127.0.0.1",
            port=self.port,
            log_level="critical",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()
        until = time.monotonic() + 10
        while not self._server.started and time.monotonic() < until:
            time.sleep(0.02)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None or not (STATIC / "dist" / "app.js").exists():
        missing("Chromium, or the pages' assets,")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    district = District(tmp_path, now=time.time_ns() // 1_000_000)
    made = Served(district)
    made.start()
    yield made
    made.stop()
    district.close()


class Watched:
    """A context whose pages report what the browser complained of."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.complaints: list[str] = []
        context.on("console", self._console)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))

    def _console(self, message: Any) -> None:
        tolerated = any(word in message.text for word in _TOLERATED)
        tolerated = tolerated and "Content Security Policy" not in message.text
        if message.type == "error" and not tolerated:
            self.complaints.append(message.text)


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(chromium: Browser, served: Served) -> Iterator[OpenPage]:
    """Sign somebody in in a browser of their own; at the end nobody's browser complained."""
    opened: list[Watched] = []

    def signed_in(name: str = "anna", language: str = "it", width: int = 1280, **more: Any) -> Page:
        # A service worker would answer where a test means to stand between page and server.
        given = {"service_workers": "block", "locale": language, **more}
        viewport = {"width": width, "height": 900}
        context = chromium.new_context(base_url=served.url, viewport=viewport, **given)
        opened.append(Watched(context))
        page = context.new_page()
        page.goto("/sign-in")
        page.fill("#name", name)
        page.fill("#password", PASSWORD)
        page.click("main button")
        page.wait_for_url(lambda url: "sign-in" not in url)
        if language != "en":  # the language of the accounts
            page.click(f"button[value={language}]")
            page.wait_for_selector(f"html[lang={language}]")
        return page

    yield signed_in
    complaints = [one for watched in opened for one in watched.complaints]
    for watched in opened:
        watched.context.close()
    assert complaints == []
