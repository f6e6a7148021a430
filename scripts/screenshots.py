"""Takes the pictures of docs/screenshots: every page, wide and narrow, light and dark, in all languages.

Runs `forbear demo` (whose calls stay in ./demo-data, so a second time is quick) and looks at it; or, given the one-time
sign-in link that a running server printed, at that server. Needs the `dev` extra and Chromium.
The pictures are reduced to 256 colours, which flat pages do not miss.
"""

from __future__ import annotations

import argparse
import io
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from PIL import Image
from playwright.sync_api import Browser, Page, StorageState, sync_playwright

WIDE, NARROW = (1440, 900), (390, 844)
LOCALES = {"zh-Hans": "zh-CN", "zh-Hant": "zh-TW", "en": "en-US"}
FOLDER = Path(__file__).resolve().parent.parent / "docs" / "screenshots"
COLOURS = 256
ZONE = "Asia/Shanghai"


@dataclass(frozen=True, kw_only=True, slots=True)
class Shot:
    """One picture of the page at `path`, which may name a call by its file: "{dev-zh-08}"."""

    name: str
    path: str
    size: tuple[int, int] = WIDE
    dark: bool = False
    language: str = "zh-Hans"
    keys: str = ""


def shots() -> Iterator[Shot]:
    """Every page in both sizes, both themes and both main languages; traditional Chinese where it is read most."""
    pages = {
        "queue": "/",
        "all": "/?all=1",
        "call": "/calls/{dev-zh-08}",
        "call-taiwan": "/calls/{dev-zh-17}",
        "call-english": "/calls/{dev-en-07}",
        "search": "/search?q=投诉",
        "policy": "/policy?pack=cn&category=threat.litigation_false",
        "policy-pack": "/policy?pack=us",
        "policy-try": "/policy/try?case=cn:whole-sum-demanded-of-somebody-out-of-work",
        "policy-versions": "/policy/versions",
        "why": "/calls/{dev-zh-08}/why?rule=cn.pressure.borrow_to_pay",
        "upload": "/upload",
    }
    for name, path in pages.items():
        main = {"call-english": "en", "call-taiwan": "zh-Hant"}.get(name, "zh-Hans")
        other = "zh-Hans" if main == "en" else "en"
        yield Shot(name=f"{name}-wide-light-{main}", path=path, language=main)
        yield Shot(name=f"{name}-wide-dark-{other}", path=path, dark=True, language=other)
        yield Shot(name=f"{name}-narrow-light-{other}", path=path, size=NARROW, language=other)
        yield Shot(name=f"{name}-narrow-dark-{main}", path=path, size=NARROW, dark=True, language=main)
    yield Shot(name="keys-wide-light-en", path="/", language="en", keys="?")
    yield Shot(name="settings-wide-light-zh-Hant", path="/settings", language="zh-Hant")
    yield Shot(name="error-wide-light-zh-Hans", path="/calls/no-such-call")


def calls_by_file(page: Page, base: str) -> dict[str, str]:
    """Ids of the calls by the stem of their files."""
    listed = page.request.get(f"{base}/api/v1/calls?limit=200").json()["calls"]
    return {Path(call["file"]).stem: call["id"] for call in listed if call["status"] == "done"}


def take(browser: Browser, base: str, shot: Shot, path: str, state: StorageState | None) -> bytes:
    """The picture, as PNG."""
    context = browser.new_context(
        viewport={"width": shot.size[0], "height": shot.size[1]},
        color_scheme="dark" if shot.dark else "light",
        locale=LOCALES[shot.language],
        timezone_id=ZONE,
        reduced_motion="reduce",
        storage_state=state,
    )
    try:
        page = context.new_page()
        page.goto(base + path)
        if "/calls/" in path and page.locator("#waves").count():
            page.wait_for_selector(".drawn.ready")
        if shot.keys:
            page.keyboard.press(shot.keys)
        page.wait_for_timeout(300)
        return page.screenshot()
    finally:
        context.close()


def small(png: bytes) -> bytes:
    """The picture with few colours, compressed as far as PNG goes."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    # This method keeps small coloured things their hue, as the one word in the colour of distress.
    image = image.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE)
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("link", nargs="?", help="the one-time sign-in link of a running server; else a demo is started")
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--only", default="", help="only pictures whose name contains this")
    asked = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        print("No Chromium found; install it (Debian: apt-get install chromium).", file=sys.stderr)
        return 1
    with nullcontext(asked.link) if asked.link else demo() as link:
        take_all(chromium, link, asked.out, asked.only)
    return 0


@contextmanager
def demo() -> Iterator[str]:
    """The sign-in link of a demo that runs as long as this does."""
    command = [sys.executable, "-c", "from forbear.cli import main; main()", "demo"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            for line in server.stdout:
                print(line, end="")
                if found := re.search(r"http://\S+/sign-in\?link=\S+", line):
                    yield found[0]
                    return
            raise SystemExit("The demo ended before it served anything; see what it printed.")
        finally:
            server.terminate()


def take_all(chromium: str, link: str, out: Path, only: str) -> None:
    """Every picture whose name holds `only`."""
    address = urlsplit(link)
    base = f"{address.scheme}://{address.netloc}"
    out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        # Without a sandbox, because containers run this as root; the only pages it sees are our own.
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        (out / "sign-in-wide-light-en.png").write_bytes(
            small(take(browser, base, Shot(name="", path="", language="en"), "/sign-in", None))
        )
        context = browser.new_context(locale="en-US", timezone_id=ZONE)
        page = context.new_page()
        page.goto(link)
        page.wait_for_url(base + "/")
        state, calls = context.storage_state(), calls_by_file(page, base)
        context.close()
        for shot in shots():
            wanted = shot.path.partition("{")[2].partition("}")[0]
            if only not in shot.name or (wanted and wanted not in calls):
                continue
            picture = small(take(browser, base, shot, shot.path.replace(f"{{{wanted}}}", calls.get(wanted, "")), state))
            (out / f"{shot.name}.png").write_bytes(picture)
            print(f"{shot.name}.png  {len(picture) // 1024} kB")
        browser.close()


if __name__ == "__main__":
    sys.exit(main())
