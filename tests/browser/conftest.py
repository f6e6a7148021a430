"""A real Forbear with the sample calls, served in this process, and a Chromium to look at it."""

from __future__ import annotations

import importlib.util
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.settings import load_settings
from tests.browser.seeding import SEEDER, Seeded, seed

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

    from forbear.wiring import Application

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
PASSWORD = "correct horse battery"
COOKIES = {"zh-Hans": "zh-CN", "zh-Hant": "zh-TW", "en": "en-US"}
"""The locale a browser of each language of the pages has."""

_WATCH = (
    "addEventListener('securitypolicyviolation', (e) => "
    "console.error('CSP ' + e.violatedDirective + ' ' + e.blockedURI));"
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """A served application: where it is, what it holds, and the services behind it."""

    url: str
    application: Application
    seeded: Seeded

    def call(self, sample: str) -> str:
        return f"/calls/{self.seeded.calls[sample]}"


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    import uvicorn

    from forbear.web import build_web
    from forbear.wiring import build_application

    settings = load_settings({}, data=tmp_path_factory.mktemp("data"))
    application = build_application(settings)
    seeded = seed(application)
    application.access.create_user(SEEDER, "reviewer", "admin", PASSWORD)
    application.access.create_user(SEEDER, "listener", "qa", PASSWORD)
    web = build_web(application, settings, behind_proxy=False, secure=False)
    server = uvicorn.Server(uvicorn.Config(web, port=0, log_level="error", access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Site(url=f"http://127.0.0.1:{port}", application=application, seeded=seeded)
    server.should_exit = True
    thread.join(timeout=10)
    application.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Gone with its module: while Playwright runs it keeps an event loop running, which other tests on this worker
    would stumble over.
    """
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("playwright is not installed: pip install -e '.[dev]'")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("NO CHROMIUM FOUND, the pages are not tested: install chromium (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Without a sandbox, because containers run tests as root; the only pages it sees are our own.
        launched = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        )
        yield launched
        launched.close()


@dataclass(slots=True)
class Visitor:
    """One browser window of one reader. What its pages complain about is kept in `complaints`."""

    site: Site
    context: BrowserContext
    page: Page
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        self.page.goto(self.site.url + path)
        return self.page

    def until(self, expression: str, arg: object = None, *, within_s: float = 15.0) -> None:
        """Waits until the expression holds; Playwright's own way needs `eval` in the page."""
        deadline = time.monotonic() + within_s
        while not self.page.evaluate(expression, arg):
            assert time.monotonic() < deadline, f"never came true: {expression}"
            self.page.wait_for_timeout(30)

    def focused(self) -> str:
        """The id of what has the focus; empty where that has none, or nothing has the focus."""
        return str(self.page.evaluate("document.activeElement.id"))

    def axe(self, *, only: str = "") -> list[str]:
        """What axe finds wrong, as one line a fault; of one rule alone where only that can have changed."""
        before = len(self.complaints)
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE.read_text(encoding="utf-8"))
        rules = f"runOnly: ['{only}'], " if only else ""
        found: dict[str, Any] = self.page.evaluate(f"axe.run(document, {{{rules}resultTypes: ['violations']}})")
        # axe copies the styles of shadow trees into style elements of its own, which our policy rightly blocks.
        self.complaints[before:] = [
            c for c in self.complaints[before:] if "inline style" not in c and "style-src" not in c
        ]
        return [f"{fault['id']}: {node['html'][:160]}" for fault in found["violations"] for node in fault["nodes"]]


@pytest.fixture(scope="session")
def signed_in(site: Site) -> Callable[[str], dict[str, str]]:
    """The session cookie of a user."""
    secrets: dict[str, str] = {}

    def cookie(name: str) -> dict[str, str]:
        if name not in secrets:
            secrets[name] = site.application.access.sign_in(name, PASSWORD)
        return {"name": "forbear_session", "value": secrets[name], "url": site.url}

    return cookie


@pytest.fixture
def visit(site: Site, browser: Browser, signed_in: Callable[[str], dict[str, str]]) -> Iterator[Callable[..., Visitor]]:
    """Opens a window: `visit("reviewer", language="en", width=1440, dark=False, script=True)`; user None is nobody.

    After the test every window must be free of console errors and of breaches of the content security policy.
    """
    opened: list[Visitor] = []

    def make(
        user: str | None = "reviewer",
        *,
        language: str = "en",
        width: int = 1440,
        height: int = 900,
        dark: bool = False,
        script: bool = True,
    ) -> Visitor:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            locale=COOKIES[language],
            timezone_id="Asia/Shanghai",
            color_scheme="dark" if dark else "light",
            java_script_enabled=script,
            reduced_motion="reduce",
        )
        if user is not None:
            context.add_cookies([signed_in(user)])  # type: ignore[list-item]
        context.add_init_script(_WATCH)
        visitor = Visitor(site=site, context=context, page=context.new_page())
        visitor.page.set_default_timeout(15_000)
        visitor.page.on("console", lambda m: visitor.complaints.append(m.text) if m.type == "error" else None)
        visitor.page.on("pageerror", lambda e: visitor.complaints.append(str(e)))
        opened.append(visitor)
        return visitor

    yield make
    complaints = [complaint for visitor in opened for complaint in visitor.complaints]
    for visitor in opened:
        visitor.context.close()
    assert complaints == []
