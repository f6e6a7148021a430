"""Signing in, signing out, and the settings of a browser."""

from __future__ import annotations

from collections.abc import Callable

from tests.browser.conftest import PASSWORD, Site, Visitor


def test_a_sign_in_link_works_once_and_not_by_looking(site: Site, visit: Callable[..., Visitor]) -> None:
    link = f"/sign-in?link={site.application.access.sign_in_link('listener')}"
    still = visit(None, script=False)
    still.open(link)
    still.open(link)
    visitor = visit(None)
    page = visitor.open(link)
    page.wait_for_url(site.url + "/")
    assert page.locator("#rows").is_visible()
    other = visit(None)
    page = other.open(link)
    page.wait_for_selector("[role=alert]")
    assert "used before" in page.inner_text("[role=alert]")
    other.complaints.clear()  # the browser itself reports the 401


def test_name_and_password_lead_back_to_where_one_was_going(site: Site, visit: Callable[..., Visitor]) -> None:
    visitor = visit(None)
    page = visitor.open("/search?q=Friday")
    page.fill("[name=name]", "reviewer")
    page.fill("[name=password]", "wrong password")
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=alert]")
    assert page.input_value("[name=name]") == "reviewer"
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?q=Friday")
    page.click(".menu > summary")
    page.click("text=Sign out")
    page.wait_for_url("**/sign-in")
    page.goto(site.url + "/")
    assert "/sign-in" in page.url
    visitor.complaints.clear()  # the browser itself reports the 401


def test_an_address_cannot_lead_elsewhere_after_signing_in(site: Site, visit: Callable[..., Visitor]) -> None:
    page = visit(None).open("/sign-in?next=//evil.example/")
    assert page.input_value("[name=next]") == "/"


def test_language_and_theme_are_kept(visit: Callable[..., Visitor]) -> None:
    visitor = visit(language="en")
    page = visitor.open("/?severity=high")
    page.click(".menu > summary")
    page.click("button[name=language][value=zh-Hant]")
    page.wait_for_selector("h1:has-text('待審通話')")
    assert page.url.endswith("/?severity=high")
    page.click(".menu > summary")
    page.click("button[name=theme][value=dark]")
    page.wait_for_selector("html[data-theme=dark]")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 22, 20)"
    visitor.open("/search")
    assert page.get_attribute("html", "lang") == "zh-Hant"
