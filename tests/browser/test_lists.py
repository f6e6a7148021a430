"""The queue, the list of all calls, and search."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import Site, Visitor


def test_the_queue_has_the_worst_first_and_danger_on_top(site: Site, visit: Callable[..., Visitor]) -> None:
    page = visit().open("/")
    first = page.locator("#rows tr").first
    assert first.get_attribute("data-call") == site.seeded.calls["dev-zh-12"]
    assert "Self-harm" in first.inner_text()
    assert page.locator(".danger li").count() == 1
    assert page.locator("#rows .sev").all_inner_texts() == ["Critical"] * 4 + ["High"] * 4


def test_chips_narrow_the_list_and_the_address_follows(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    page = visitor.open("/")
    page.click("#chip-severities-high")
    page.wait_for_url("**/?severity=high")
    visitor.until("document.querySelectorAll('#rows tr').length === 4")
    assert page.evaluate("document.activeElement.id") == "chip-severities-high"
    page.click("#chip-groups-threat")
    page.wait_for_url("**/?severity=high&group=threat")
    page.click("#chip-all")
    visitor.until("document.querySelectorAll('#rows tr').length === 8")
    page.go_back()
    page.wait_for_url("**/?severity=high&group=threat")


def test_j_k_and_enter_go_through_the_rows(visit: Callable[..., Visitor]) -> None:
    page = visit().open("/")
    here = "document.activeElement.closest('tr')?.dataset.call"
    rows = page.locator("#rows [data-call]").evaluate_all("all => all.map((r) => r.dataset.call)")
    for key, expected in (("j", rows[0]), ("j", rows[1]), ("k", rows[0])):
        page.keyboard.press(key)
        assert page.evaluate(here) == expected
    page.keyboard.press("/")
    page.wait_for_url("**/search")


def test_all_calls_tell_what_failed_and_why(site: Site, visit: Callable[..., Visitor]) -> None:
    page = visit(language="zh-Hans").open("/?all=1")
    refused = page.locator(f"[data-call='{site.seeded.refused}']")
    assert "minutes.wav" in refused.inner_text()
    assert "不是能识别的音频" in refused.inner_text()
    assert refused.locator("button").count() == 0
    assert page.locator(f"[data-call='{site.seeded.running}'] .sev").inner_text() == "转写 40%"
    assert page.locator(f"[data-call='{site.seeded.calls['dev-zh-06']}'] .sev").inner_text() == "未标记"


def test_collector_and_account_lead_to_their_calls(visit: Callable[..., Visitor]) -> None:
    page = visit().open("/")
    page.locator("#rows .account a", has_text="··2550").first.click()
    page.wait_for_url("**/?all=1&account=ACC-12550")
    assert page.locator("#rows tr").count() == 3
    assert page.locator(".chip[aria-current]").inner_text().startswith("Account ACC-12550")


def test_new_calls_are_announced_and_not_pushed_in(site: Site, visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    page = visitor.open("/?all=1")
    source = page.get_attribute("#newer", "hx-get") or ""
    assert page.evaluate("async (u) => (await (await fetch(u)).text()).trim()", source) == ""
    old = source.rsplit("since=", 1)[0] + "since=2020-01-01T00:00:00%2B00:00"
    page.evaluate("(u) => htmx.ajax('GET', u, '#newer')", old)
    page.wait_for_selector("#newer a")
    assert "new calls" in page.inner_text("#newer")
    queue = visitor.open("/").get_attribute("#newer", "hx-get") or ""
    assert page.evaluate("async (u) => (await (await fetch(u)).text()).trim()", queue) == "", "whatever page two holds"


def test_the_focus_stays_with_the_word_of_new_calls_and_goes_into_the_list_with_them(
    visit: Callable[..., Visitor],
) -> None:
    visitor = visit()
    page = visitor.open("/?all=1")
    source = (page.get_attribute("#newer", "hx-get") or "").rsplit("since=", 1)[0] + "since=2020-01-01T00:00:00Z"
    page.evaluate("(u) => htmx.ajax('GET', u, '#newer')", source)
    page.focus("#let-in")
    page.evaluate("document.getElementById('let-in').dataset.old = 'yes'")
    page.evaluate("(u) => htmx.ajax('GET', u, '#newer')", source)
    visitor.until("!document.getElementById('let-in').dataset.old")
    assert visitor.focused() == "let-in"
    page.wait_for_selector("#let-in:not(.htmx-added)")  # before that it is a plain link
    page.keyboard.press("Enter")
    page.wait_for_selector("#let-in", state="detached")
    visitor.until("document.activeElement === document.querySelector('#rows .open')")


def test_more_rows_take_the_focus_of_the_link_that_brought_them(
    visit: Callable[..., Visitor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("review_ui.routes_queue.PAGE_SIZE", 3)
    visitor = visit()
    page = visitor.open("/")
    for shown in (6, 8):
        page.focus("#rows .next a")
        page.keyboard.press("Enter")
        visitor.until("(n) => document.querySelectorAll('#rows [data-call]').length === n", shown)
        here = "[...document.querySelectorAll('#rows .open')].indexOf(document.activeElement)"
        visitor.until(f"(n) => {here} === n", (shown - 1) // 3 * 3)
    page.keyboard.press("k")
    assert page.evaluate(here) == 5


def test_more_hits_take_the_focus_of_the_link_that_brought_them(
    visit: Callable[..., Visitor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("review_ui.search_asked.PAGE_SIZE", 2)
    visitor = visit()
    page = visitor.open("/search?q=%E6%8A%95%E8%AF%89")
    calls = page.locator("#calls article").count()
    page.focus("#calls .next a")
    page.keyboard.press("Enter")
    visitor.until("document.querySelectorAll('.hit').length > 2")
    visitor.until(
        "(n) => document.activeElement === document.querySelectorAll('#calls article')[n].querySelector('a')", calls
    )


def test_search_has_the_focus_and_hits_open_at_their_second(site: Site, visit: Callable[..., Visitor]) -> None:
    page = visit(language="zh-Hans").open("/search")
    assert page.evaluate("document.activeElement.id") == "q"
    page.keyboard.type("明細")
    page.keyboard.press("Enter")
    page.wait_for_selector(".hit")
    hit = page.locator(".hit", has_text="明细给我看看")
    assert hit.locator("em").inner_text() == "明细"
    start = float(hit.get_attribute("data-s") or 0)
    hit.locator(".text").click()
    page.wait_for_selector(".drawn.ready")
    assert abs(page.evaluate("document.getElementById('audio').currentTime") - start) < 0.1
    assert "明细" in page.inner_text(".turn.now")


def test_facets_narrow_and_can_be_taken_back(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    page = visitor.open("/search?q=%E6%8A%95%E8%AF%89")
    before = page.locator(".hit").count()
    page.click(".facets a:has-text('Collector')")
    page.wait_for_url("**role=agent**")
    assert 0 < page.locator(".hit").count() < before
    assert page.locator(".hit.customer").count() == 0
    page.click(".facets a[aria-current]")
    visitor.until("(n) => document.querySelectorAll('.hit').length === n", before)
    assert page.locator(".histogram .bar").count() >= 2


def test_a_hit_can_be_heard_and_read_in_context(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    page = visitor.open("/search?q=deadbeat")
    hit = page.locator(".hit").first
    hit.locator(".play").click()
    visitor.until("!document.getElementById('preview').paused")
    assert hit.locator(".play").inner_text() == "Stop"
    assert (hit.locator(".play").get_attribute("aria-label") or "").startswith("Stop ")
    hit.locator(".play").click()
    assert hit.locator(".play").inner_text() == "Play"
    hit.locator(".around").click()
    page.wait_for_selector(".around-lines li.is-hit")
    assert page.locator(".around-lines li").count() == 5


def test_a_hit_that_is_still_loading_does_not_stop_the_next(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    page = visitor.open("/search?q=%E6%8A%95%E8%AF%89")
    first, second = page.locator("#calls article").nth(0), page.locator("#calls article").nth(1)
    slow = first.locator(".hit").first.get_attribute("data-audio")
    assert slow != second.locator(".hit").first.get_attribute("data-audio")
    held: list[Any] = []
    page.route(f"**{slow}", lambda route: held.append(route))
    first.locator(".play").first.click()
    visitor.until("document.getElementById('preview').networkState === 2")
    second.locator(".play").first.click()
    visitor.until("document.getElementById('preview').currentTime > 0 && !document.getElementById('preview').paused")
    assert second.locator(".play").first.inner_text() == "Stop"
    assert first.locator(".play").first.inner_text() == "Play"
    assert page.locator(".play.on").count() == 1
    assert held
    page.unroute_all(behavior="ignoreErrors")


def test_a_search_that_cannot_be_read_is_answered_beside_the_box(visit: Callable[..., Visitor]) -> None:
    page = visit().open("/search?q=%22unclosed%20(")
    assert page.locator("[role=alert]").is_visible()
    assert page.input_value("#q") == '"unclosed ('
