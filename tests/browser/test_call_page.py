"""The call page under the hand: audio, words, waves and findings tied together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from pipeline.store.tables import AuditRow, CallRow
from tests.browser.conftest import Site, Visitor

SHADOW = "document.querySelector('#wave > div').shadowRoot"


def now(page) -> float:  # type: ignore[no-untyped-def]
    return float(page.evaluate("document.getElementById('audio').currentTime"))


@pytest.fixture
def call(site: Site, visit: Callable[..., Visitor]) -> Visitor:
    visitor = visit(language="zh-Hans")
    visitor.open(site.call("dev-zh-08")).wait_for_selector(".drawn.ready")
    return visitor


def test_it_opens_at_the_worst_second(call: Visitor) -> None:
    first = call.page.locator(".finding").first
    assert first.get_attribute("aria-current") == "true"
    assert abs(now(call.page) - float(first.get_attribute("data-s") or 0)) < 0.1
    heard = call.page.locator(".turn.now")
    assert heard.count() == 1
    assert heard.locator("mark[data-f~='1']").count() == 1
    assert heard.is_visible()


def test_a_click_on_a_word_seeks_to_it(call: Visitor) -> None:
    word = call.page.locator(".turn >> nth=1 >> [data-t] >> nth=3")
    word.click()
    at = float(word.get_attribute("data-t") or 0)
    assert at <= now(call.page) < at + 0.1
    assert "spoken" in (word.get_attribute("class") or "")
    assert "now" in (call.page.locator(".turn >> nth=1").get_attribute("class") or "")


def test_every_placed_finding_has_words_card_and_region_with_one_number(call: Visitor) -> None:
    page = call.page
    cards = page.locator(".finding[data-s]").evaluate_all("all => all.map((c) => c.dataset.f)")
    assert len(cards) > 10
    words = page.locator("a.no[data-f]").evaluate_all("all => all.map((a) => a.dataset.f)")
    regions = page.evaluate(
        f"[...{SHADOW}.querySelectorAll('[part^=region\\\\ ]')].map((region) => region.title.split(' ')[0])"
    )
    assert set(words) == set(cards)
    assert set(regions) == set(cards)


def test_hovering_words_lights_card_and_region(call: Visitor) -> None:
    page = call.page
    page.hover("mark[data-f='2']")
    assert "lit" in (page.locator("#f2").get_attribute("class") or "")
    tint = f"{SHADOW}.querySelector('[part~=region-2]').style.backgroundColor"
    lit = page.evaluate(tint)
    page.hover("h1")
    assert "lit" not in (page.locator("#f2").get_attribute("class") or "")
    assert page.evaluate(tint) != lit
    page.hover("#f2")
    assert page.locator("mark.lit[data-f~='2']").count() == 1


def test_keys_work_the_player(call: Visitor) -> None:
    page = call.page
    start = now(page)
    page.keyboard.press("ArrowRight")
    assert abs(now(page) - start - 5) < 0.1
    page.keyboard.press("Shift+ArrowLeft")
    assert abs(now(page) - start - 4) < 0.1
    page.keyboard.press("]")
    assert page.inner_text("#speed") == "1.25×"
    page.keyboard.press("[")
    page.keyboard.press("[")
    assert page.evaluate("document.getElementById('audio').playbackRate") == 0.75
    page.keyboard.press("Space")
    call.until("!document.getElementById('audio').paused")
    call.until("document.getElementById('play').innerText.startsWith('暂停')")
    call.until("(from) => document.getElementById('audio').currentTime > from + 0.3", now(page))
    page.keyboard.press("Space")
    call.until("document.getElementById('audio').paused")


def test_j_and_k_go_through_the_findings(call: Visitor) -> None:
    page = call.page
    page.keyboard.press("j")
    second = page.locator("#f2")
    assert second.get_attribute("aria-current") == "true"
    assert abs(now(page) - float(second.get_attribute("data-s") or 0)) < 0.1
    page.keyboard.press("k")
    assert page.locator("#f1").get_attribute("aria-current") == "true"
    assert page.locator(".finding[aria-current]").count() == 1


def test_the_focus_goes_along_with_the_keys_and_the_keys_go_on_working(call: Visitor) -> None:
    page = call.page
    for key, expected in (("j", "f2"), ("j", "f3"), ("k", "f2")):
        page.keyboard.press(key)
        assert call.focused() == expected
    assert page.evaluate("scrollY") == 0
    before = now(page)
    page.keyboard.press("ArrowRight")
    assert abs(now(page) - before - 5) < 0.1
    page.keyboard.press("Space")
    call.until("!document.getElementById('audio').paused")
    page.keyboard.press("Space")
    call.until("document.getElementById('audio').paused")
    assert call.focused() == "f2"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.finding').id") == "f2"


def test_a_button_keeps_the_focus_and_what_it_chose_is_read_out(call: Visitor) -> None:
    page = call.page
    page.focus("#after")
    said = []
    for number in (2, 3):
        page.keyboard.press("Enter")
        assert page.get_attribute(f"#f{number}", "aria-current") == "true"
        assert call.focused() == "after"
        said.append(page.locator("#announcement").text_content() or "")
    for number, text in zip((2, 3), said, strict=True):
        assert page.inner_text(f"#f{number} .name") in text
        assert page.locator(f"#f{number} h3 .unseen").text_content() in text
    assert said[0] != said[1]
    page.focus("#before")
    page.keyboard.press("Space")
    assert page.get_attribute("#f2", "aria-current") == "true"
    assert page.locator("#announcement").text_content() == said[0]
    assert call.focused() == "before"


def test_a_number_in_the_words_chooses_its_card(call: Visitor) -> None:
    page = call.page
    page.click("a.no[data-f='3']")
    assert page.locator("#f3").get_attribute("aria-current") == "true"


def test_a_click_on_a_region_chooses_its_card(call: Visitor) -> None:
    page = call.page
    box = page.evaluate(
        f"(() => {{ const r = {SHADOW}.querySelector('[part~=region-2]').getBoundingClientRect();"
        " return [r.x + r.width / 2, r.y + r.height / 2]; })()"
    )
    page.mouse.click(*box)
    assert page.locator("#f2").get_attribute("aria-current") == "true"


def test_the_transcript_follows_until_the_reader_scrolls(call: Visitor) -> None:
    page = call.page
    assert page.get_attribute("#follow", "aria-pressed") == "true"
    page.hover("#said")
    page.mouse.wheel(0, 400)
    call.until("document.getElementById('follow').getAttribute('aria-pressed') === 'false'")
    page.keyboard.press("f")
    assert page.get_attribute("#follow", "aria-pressed") == "true"


def test_the_waves_are_never_decoded_from_the_whole_file(site: Site, visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    asked: list[str] = []
    visitor.page.on("request", lambda r: asked.append(f"{r.resource_type} {r.url}") if "/audio" in r.url else None)
    visitor.open(site.call("dev-zh-14")).wait_for_selector(".drawn.ready")
    assert asked and all(line.startswith("media ") for line in asked)


def test_a_telephone_opens_the_page_at_its_top(site: Site, visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    visitor.page.set_viewport_size({"width": 390, "height": 844})
    page = visitor.open(site.call("dev-zh-08"))
    page.wait_for_selector(".drawn.ready")
    assert page.get_attribute(".finding >> nth=0", "aria-current") == "true"
    assert page.evaluate("scrollY") == 0


def test_a_second_in_the_address_wins(site: Site, visit: Callable[..., Visitor]) -> None:
    page = visit().open(site.call("dev-zh-08") + "?t=21.36#u4")
    page.wait_for_selector(".drawn.ready")
    assert abs(now(page) - 21.36) < 0.1
    assert "now" in (page.locator("#u4").get_attribute("class") or "")


def test_what_rests_on_a_mishearing_or_on_missing_facts_says_so(site: Site, visit: Callable[..., Visitor]) -> None:
    page = visit().open(site.call("dev-zh-14"))
    assert "rests on a mishearing" in page.inner_text(".finding:has(.tag)")
    assert page.locator(".standing.possible").first.inner_text() == "possible"
    assert "second-hand source" in page.locator(".clause").first.inner_text()
    assert "unverified" in (page.locator(".clauses .clause").first.text_content() or "")


def test_the_original_needs_permission_and_leaves_an_audit_line(site: Site, visit: Callable[..., Visitor]) -> None:
    page = visit("listener").open(site.call("dev-zh-08"))
    assert page.locator("button[name=original]").count() == 0
    assert page.locator(".redacted").first.inner_text() == "[digits]"
    page = visit("reviewer").open(site.call("dev-zh-08"))
    page.click("button[name=original]")
    assert page.locator(".redacted").count() == 0
    assert "一一零八" in page.inner_text("#said")
    assert page.locator(".notice.strong").is_visible()
    with site.application.database.read() as session:
        lines = session.scalars(select(AuditRow).where(AuditRow.action == "call.original_read")).all()
    assert [line.actor for line in lines] == ["reviewer"]


def test_damage_and_unsure_roles_are_told(site: Site, visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    assert "Damaged file" in visitor.open(site.call("dev-en-03")).inner_text(".notice")
    page = visitor.open(site.call("dev-zh-17"))
    assert "0.64" in page.inner_text(".notice")
    assert page.locator(".lane path").count() == 2


def test_a_clip_can_be_downloaded(call: Visitor) -> None:
    with call.page.expect_download() as waiting:
        call.page.click("#f1 .trace a")
    assert waiting.value.suggested_filename.endswith("-1.wav")
    assert waiting.value.path().read_bytes()[:4] == b"RIFF"


def test_n_and_p_go_through_the_list(site: Site, visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    page = visitor.open("/")
    ids = page.locator("#rows [data-call]").evaluate_all("all => all.map((r) => r.dataset.call)")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/calls/{ids[0]}")
    page.wait_for_selector("#next:not([hidden])")
    assert page.locator("#previous").is_hidden()
    page.keyboard.press("n")
    page.wait_for_url(f"**/calls/{ids[1]}")
    page.wait_for_selector("#previous:not([hidden])")
    page.keyboard.press("p")
    page.wait_for_url(f"**/calls/{ids[0]}")
    page.wait_for_selector(".drawn.ready")
    page.keyboard.press("u")
    page.wait_for_url(site.url + "/")
    assert page.evaluate("document.activeElement.closest('tr').dataset.call") == ids[0]


def test_a_failed_call_can_be_tried_again(site: Site, visit: Callable[..., Visitor]) -> None:
    page = visit().open(f"/calls/{site.seeded.failed}")
    assert "took too long" in page.inner_text(".state")
    page.click(".state button")
    page.wait_for_selector(".state h2:has-text('Waiting')")
    with site.application.database.read() as session:
        row = session.get_one(CallRow, site.seeded.failed)
        assert (row.status, row.generation) == ("queued", 2)
    assert site.application.processing.begin(site.seeded.failed, 2) is not None
    assert site.application.processing.fail(site.seeded.failed, 2, "decode_timeout", "Too long.")
    page.wait_for_selector(".state.failed")


def test_swapping_roles_queues_the_call_and_the_page_follows(site: Site, visit: Callable[..., Visitor]) -> None:
    id = site.seeded.calls["dev-zh-05"]
    page = visit().open(f"/calls/{id}")
    page.click("button:text-is('Swap roles')")
    page.wait_for_selector(".notice:has-text('Being processed again')")
    assert page.locator("#announcement").text_content() == ""
    turns = page.locator("#said .turn").count()
    assert turns > 0
    work = site.application.processing.begin(id, 2)
    assert work is not None and work.roles_swapped
    page.wait_for_selector("#announcement:has-text('Being processed again')", state="attached")
    assert page.locator("#said .turn").count() == turns
    assert site.application.processing.fail(id, 2, "decode_error", "No.")
    page.wait_for_selector(".notice:has-text('Processing again failed')")


def test_a_call_in_danger_says_so_above_all_and_shows_no_unchecked_number(
    site: Site, visit: Callable[..., Visitor]
) -> None:
    page = visit(language="zh-Hans").open(site.call("dev-zh-12"))
    told = page.locator("#safety").inner_text()
    assert "FORBEAR_CRISIS_LINE" in told and "12356" not in told
    assert visit(language="zh-Hans").open(site.call("dev-zh-08")).locator("#safety").count() == 0


# --- what carried a finding ---


def explained(page: Any) -> Any:
    """The card of the finding that a text model spoke of."""
    return page.locator(".finding:has(.by-model)")


def test_choosing_a_finding_marks_the_words_that_carried_it(call: Visitor) -> None:
    page = call.page
    card = explained(page)
    number = card.get_attribute("data-f")
    page.click(f"a.no[data-f='{number}']")
    marked = page.locator("#said .carried").all_inner_texts()
    assert "".join(marked) == "先网贷平台借一点，几分钟就"
    assert page.locator("#said .carried.w3").count() > 0
    other = page.locator(f".finding[data-f]:not([data-f='{number}'])").first
    other.hover()
    assert page.locator("#said .carried").count() == 0
    page.hover("h1")
    assert page.locator("#said .carried").count() == len(marked)


def test_asking_why_shows_what_carried_it_and_similar_examples_once_asked_for(call: Visitor) -> None:
    page = call.page
    asked: list[str] = []
    page.on("request", lambda r: asked.append(r.url) if "/similar" in r.url else None)
    page.keyboard.press("j")
    card = explained(page)
    before = now(page)
    card.locator(".reasons > summary").click()
    card.locator(".why-of .tree").wait_for()
    assert card.get_attribute("aria-current") == "true" and page.locator("#said .carried").count() > 5
    assert now(page) == before
    told = card.locator(".by-model").inner_text()
    assert "借一点" in told and "词典 0.70 · 文本模型 0.83 → 校准后 0.91" in told
    assert asked == []
    card.locator(".similar > summary").click()
    card.locator(".alike li").first.wait_for()
    assert len(asked) == 1 and card.locator(".alike li").count() == 2
    alike = card.locator(".alike").inner_text()
    assert "虚构" in alike and "催收员" in alike and "诱导借贷还款" in alike
    assert card.locator(".why-of .tree").count() == 1
    assert call.axe() == []
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    assert call.axe(only="color-contrast") == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def test_what_carried_it_and_similar_examples_are_there_without_scripts(
    site: Site, visit: Callable[..., Visitor]
) -> None:
    page = visit("listener", script=False).open(site.call("dev-en-07"))
    card = explained(page)
    card.locator(".reasons > summary").click()
    assert card.locator(".by-model .carried").first.inner_text() == "where you park"
    card.locator(".similar > summary").click()
    card.locator(".similar a").click()
    assert page.locator(".alike li").count() == 2 and "Invented" in page.inner_text("main")
    page.click(".actions a")
    assert page.url.endswith("#u10")
