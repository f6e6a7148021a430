"""Every page in every size, theme and language: nothing axe objects to, no error, no breach of policy, no overflow."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.conftest import Site, Visitor

PAGES = {
    "queue": lambda site: "/",
    "all": lambda site: "/?all=1",
    "nothing": lambda site: "/?agent=nobody",
    "call": lambda site: site.call("dev-zh-14"),
    "mono call": lambda site: site.call("dev-zh-17"),
    "english call": lambda site: site.call("dev-en-07"),
    "damaged call": lambda site: site.call("dev-en-03"),
    "failed call": lambda site: f"/calls/{site.seeded.failed}",
    "running call": lambda site: f"/calls/{site.seeded.running}",
    "search": lambda site: "/search",
    "hits": lambda site: "/search?q=%E6%8A%95%E8%AF%89",
    "no hits": lambda site: "/search?q=zzzz",
    "upload": lambda site: "/upload",
    "settings": lambda site: "/settings",
}


SIZES = {1440: 900, 390: 844}


@pytest.mark.parametrize("language", ["zh-Hans", "zh-Hant", "en"])
@pytest.mark.parametrize("name", PAGES)
def test_page_is_sound(site: Site, visit: Callable[..., Visitor], name: str, language: str) -> None:
    """In both sizes and both themes; changing the theme changes nothing but colours."""
    visitor = visit(language=language)
    for width, height in SIZES.items():
        visitor.page.set_viewport_size({"width": width, "height": height})
        visitor.page.emulate_media(color_scheme="light", reduced_motion="reduce")
        page = visitor.open(PAGES[name](site))
        if page.locator("#waves").count():
            page.wait_for_selector(".drawn.ready")
        assert page.get_attribute("html", "lang") == language
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert overflow <= 0, f"{width} px wide it scrolls sideways by {overflow} px"
        assert visitor.axe() == [], width
        page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        assert visitor.axe(only="color-contrast") == [], f"{width} dark"


def test_no_width_scrolls_sideways(site: Site, visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    for name, path in PAGES.items():
        page = visitor.open(path(site))
        for width in (1280, 1024, 970, 768, 360):
            page.set_viewport_size({"width": width, "height": 800})
            overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert overflow <= 0, f"{name} at {width} px scrolls sideways by {overflow} px"


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_sign_in_page_is_sound(visit: Callable[..., Visitor], width: int, dark: bool) -> None:
    visitor = visit(None, width=width, dark=dark)
    visitor.open("/sign-in")
    assert visitor.axe() == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_open_menus_are_sound(visit: Callable[..., Visitor], dark: bool) -> None:
    visitor = visit(dark=dark)
    page = visitor.open("/")
    page.click(".menu > summary")
    assert visitor.axe() == []
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    assert page.locator("#keys").is_visible()
    assert visitor.axe() == []


@pytest.mark.parametrize(("user", "uploads"), [("reviewer", 1), ("listener", 0)])
def test_the_keys_can_be_asked_for_with_the_mouse(visit: Callable[..., Visitor], user: str, uploads: int) -> None:
    page = visit(user).open("/")
    page.click(".foot [data-keys]")
    assert page.locator("#keys").is_visible()
    assert page.locator("#keys dt:has(kbd:text-is('g')):has(kbd:text-is('u'))").count() == uploads
    page.keyboard.press("Escape")
    assert page.locator("#keys").is_hidden()
    page.click(".menu > summary")
    page.click(".menu [data-keys]")
    assert page.locator("#keys").is_visible()


def test_letters_can_be_switched_off_as_keys(site: Site, visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    page = visitor.open("/")
    page.click(".menu > summary")
    page.click("button[name=keys][value=no_letters]")
    page.wait_for_selector(".foot kbd:text-is('?')", state="detached")
    page.keyboard.press("?")
    page.keyboard.press("j")
    assert page.locator("#keys").is_hidden()
    assert page.locator("#rows .open:focus").count() == 0
    assert page.locator(".foot kbd").all_inner_texts() == ["Enter"], "no hint at a key that does nothing"
    page.click(".foot [data-keys]")
    assert page.locator("#keys > .soft").is_visible()
    assert visitor.axe() == []
    page = visitor.open(site.call("dev-zh-14"))
    page.wait_for_selector("#before kbd", state="detached")
    assert page.locator("#before kbd, #before[aria-keyshortcuts]").count() == 0
    assert page.locator("#play[aria-keyshortcuts] kbd").count() == 1
    page = visitor.open("/")
    page.click(".menu > summary")
    page.click("button[name=keys][value=all]")
    page.wait_for_selector(".foot kbd:text-is('?')")
    page.keyboard.press("j")
    assert page.locator("#rows .open:focus").count() == 1


def test_pages_tell_everything_without_scripts(site: Site, visit: Callable[..., Visitor]) -> None:
    visitor = visit(script=False)
    page = visitor.open("/")
    assert page.locator("#rows tr").count() == 8
    page.click("#rows .open >> nth=0")
    assert page.locator(".turn").count() > 10
    assert page.locator(".lane path").count() == 2
    assert page.locator("audio").is_visible()
    assert page.locator(".finding").first.is_visible()
    visitor.open("/search?q=Friday")
    assert page.locator(".hit em").first.inner_text() == "Friday"


def test_all_scripts_stay_small(site: Site, visit: Callable[..., Visitor]) -> None:
    page = visit().open(site.call("dev-zh-14"))
    page.wait_for_selector(".drawn.ready")
    sent = page.evaluate(
        "performance.getEntriesByType('resource').filter((r) => r.name.endsWith('.js')).map((r) => r.encodedBodySize)"
    )
    assert len(sent) >= 6
    assert sum(sent) < 100_000


def test_who_is_not_permitted_is_told_so(visit: Callable[..., Visitor]) -> None:
    visitor = visit("listener")
    page = visitor.open("/")
    assert page.locator("[data-nav=upload]").count() == 0
    answer = page.goto(visitor.site.url + "/upload")
    assert answer is not None and answer.status == 403
    assert "Not permitted" in page.inner_text("h1")
    visitor.complaints.clear()  # the browser itself reports the 403


def test_an_unknown_address_is_a_page(visit: Callable[..., Visitor]) -> None:
    visitor = visit(language="zh-Hans")
    page = visitor.open("/calls/nothing-here")
    assert page.inner_text("h1") == "找不到"
    assert visitor.axe() == []
    visitor.complaints.clear()  # the browser itself reports the 404
