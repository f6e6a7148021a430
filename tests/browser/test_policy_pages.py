"""The policy pages under the hand: reading, trying a dialogue, why a call's finding came about, and versions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.records import Jurisdiction
from pipeline.services.policies import PolicyVersion
from tests.browser.conftest import Site, Visitor
from tests.browser.seeding import SEEDER

BANK = """pack: bank
version: "{version}"
extends: cn
rules:
  talked-over-hard-words: "off"
  identity-missing: "off"
{more}
  insults:
    category: abuse.belittling
    severity: critical
    conditions:
      insult: {{said: [abuse.belittling, abuse.profanity], by: agent, threshold: 0.5}}
      upset: {{said: [distress.agitation, distress.crying], by: customer, after: {{of: insult, within_turns: 4}}}}
      suit: {{fact: suit_authorised, is: true}}
    when: {{all: [insult, {{any: [upset, {{not: suit}}]}}]}}
    reason_zh: 辱骂客户
    reason_en: Insults the customer
"""


def draft(site: Site, folder: Path, version: str, more: str = "", note: str = "") -> PolicyVersion:
    path = folder / "bank.yaml"
    path.write_text(BANK.format(version=version, more=more), encoding="utf-8")
    return site.application.policies.draft(SEEDER, path, note=note)


@pytest.fixture(scope="module")
def version(site: Site, tmp_path_factory: pytest.TempPathFactory) -> PolicyVersion:
    """A version whose tests and what-if have been run, and that breaks no locked case."""
    made = draft(site, tmp_path_factory.mktemp("bank"), "1", note="Insults are critical")
    site.application.policies.test(SEEDER, made.id)
    site.application.policies.whatif(SEEDER, made.id)
    return site.application.policies.version(SEEDER, made.id)


PAGES = {
    "pack": "/policy",
    "category": "/policy?pack=cn&category=threat.litigation_false",
    "across calls": "/policy?pack=us&category=contact.frequency",
    "sequence": "/policy?pack=hk&category=abuse.self_harm_dismissal",
    "nothing found": "/policy?pack=cn&q=zzzz",
    "empty try": "/policy/try?pack=cn",
    "tried": "/policy/try?case=cn:whole-sum-demanded-of-somebody-out-of-work",
    "versions": "/policy/versions",
    "version": "/policy/versions/{version}",
    "compare": "/policy/diff",
    "differences": "/policy/diff?a=cn&b={version}",
    "why": "{call}/why?rule=cn.hardship-full-sum",
    "why not": "{call}/why?rule=cn.no-such-rule",
}


@pytest.mark.parametrize("language", ["zh-Hans", "zh-Hant", "en"])
@pytest.mark.parametrize("name", PAGES)
def test_page_is_sound(
    site: Site, visit: Callable[..., Visitor], version: PolicyVersion, name: str, language: str
) -> None:
    """In both sizes and both themes; nothing scrolls sideways."""
    visitor = visit(language=language)
    path = PAGES[name].format(version=version.id, call=site.call("dev-zh-08"))
    for width, height in {1440: 900, 390: 844}.items():
        visitor.page.set_viewport_size({"width": width, "height": height})
        visitor.page.emulate_media(color_scheme="light", reduced_motion="reduce")
        page = visitor.open(path)
        assert page.get_attribute("html", "lang") == language
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert overflow <= 0, f"{width} px wide it scrolls sideways by {overflow} px"
        page.evaluate("document.querySelectorAll('main details').forEach((fold) => (fold.open = true))")
        assert visitor.axe() == [], width
        page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        assert visitor.axe(only="color-contrast") == [], f"{width} dark"


def test_no_width_scrolls_sideways(site: Site, visit: Callable[..., Visitor], version: PolicyVersion) -> None:
    visitor = visit()
    for name, path in PAGES.items():
        page = visitor.open(path.format(version=version.id, call=site.call("dev-zh-08")))
        for width in (1280, 1024, 970, 768, 360):
            page.set_viewport_size({"width": width, "height": 800})
            overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert overflow <= 0, f"{name} at {width} px scrolls sideways by {overflow} px"


# --- reading ---


def test_a_category_shows_its_clauses_rules_and_examples(visit: Callable[..., Visitor]) -> None:
    page = visit(language="en").open("/")
    page.keyboard.press("g")
    page.keyboard.press("p")
    page.wait_for_url("**/policy")
    page.click("text=United States")
    page.click(".catalogue >> text=False or unfounded threat of litigation")
    assert "us" in page.inner_text(".tabs a[aria-current]")
    told = page.inner_text("#about")
    for part in (
        "What it is not",
        "What the reviewer does",
        "Clauses",
        "Said by the collector:",
        "Lawful when",
        "Examples",
    ):
        assert part in told
    assert page.locator(".clauses-of .checked").count() >= 1
    assert page.locator(".case .dialogue li").count() >= 2


def test_the_list_is_narrowed_while_one_types_and_enter_opens_the_first(visit: Callable[..., Visitor]) -> None:
    page = visit(language="zh-Hans").open("/policy")
    whole = page.locator(".catalogue li:visible").count()
    page.keyboard.press("/")
    page.keyboard.type("抓捕")
    assert whole == 67 and page.locator(".catalogue li:visible").count() == 1
    page.keyboard.press("Enter")
    page.wait_for_url("**category=threat.arrest**")
    assert "抓捕" in page.inner_text("#about h2")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.textContent.trim()").startswith("虚假或无依据的诉讼威胁")


def test_the_list_is_narrowed_without_scripts(visit: Callable[..., Visitor]) -> None:
    page = visit(language="en", script=False).open("/policy?pack=uk")
    page.fill("#q", "lawyer")
    page.press("#q", "Enter")
    page.wait_for_url("**q=lawyer**")
    assert 0 < page.locator(".catalogue li").count() < 10
    page.locator(".catalogue li a").first.click()
    page.locator("#about .rule").first.wait_for()
    assert page.input_value("#q") == "lawyer"


# --- trying ---

DIALOGUE = "customer: 我失业了，家里就靠低保。\nagent: 我不管，今天必须把两万八一次性还清。"


@pytest.mark.parametrize("script", [True, False], ids=["scripted", "plain"])
def test_a_dialogue_is_tried_and_traced(visit: Callable[..., Visitor], script: bool) -> None:
    page = visit("listener", language="zh-Hans", script=script).open("/policy/try?pack=cn")
    page.fill("#text", DIALOGUE)
    page.click("#go")
    page.wait_for_selector("#tried .traced")
    assert "会被标记" in page.inner_text("#tried .verdict")
    assert page.locator("#tried mark").count() >= 2
    assert "说明困难后仍被强求付款" in page.inner_text("#tried .outcomes")
    traced = page.inner_text("#tried .traced")
    assert traced.index("cn.hardship-full-sum") < traced.index("cn.crisis-pressed-on")
    assert "它之前的范围内没有 A" in traced
    assert page.input_value("#text").startswith("customer: 我失业了")


def test_facts_change_what_comes_of_it(visit: Callable[..., Visitor]) -> None:
    page = visit().open("/policy/try?pack=cn")
    page.fill("#text", "agent: 我们已经起诉了，传票这几天就到你家。")
    page.click(".known > summary")
    rule = "#tried .rule:has(code:text-is('cn.threat.litigation_false')) .state-of"
    page.check("input[name='fact.suit_filed'][value=true]")
    page.press("#text", "Control+Enter")
    page.wait_for_selector(f"{rule}:has-text('lawful')")
    assert page.text_content("#announcement") == page.text_content("#tried .verdict")
    page.check("input[name='fact.suit_filed'][value=false]")
    page.check("input[name='fact.suit_authorised'][value=false]")
    page.click("#go")
    page.wait_for_selector(f"{rule}:text-is('met')")


def test_a_dialogue_that_cannot_be_read_is_told_beside_the_box(visit: Callable[..., Visitor]) -> None:
    page = visit().open("/policy/try?pack=cn")
    page.fill("#text", "somebody: hello")
    page.click("#go")
    assert "Line 1" in page.inner_text("#tried [role=alert]")
    assert page.input_value("#text") == "somebody: hello"


def test_a_case_and_a_call_can_be_taken(site: Site, visit: Callable[..., Visitor]) -> None:
    page = visit(script=False).open("/policy/try")
    page.select_option("#case", "cn:half-past-ten-at-night")
    page.click("button:text-is('Load')")
    assert page.input_value("input[name=clock]") == "22:30"
    assert "cn.hours" in page.inner_text("#tried .traced")
    page = visit().open(f"/policy/try?call={site.seeded.calls['dev-zh-08']}")
    assert "[digits]" in page.input_value("#text") and "一一零八" not in page.input_value("#text")


def test_nothing_is_tried_for_another_site(site: Site, visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    answer = visitor.page.request.post(
        site.url + "/policy/try", form={"pack": "cn", "text": "agent: hi"}, headers={"Origin": "https://elsewhere.test"}
    )
    assert answer.status == 403


# --- why ---


def test_a_finding_says_why_when_asked(site: Site, visit: Callable[..., Visitor]) -> None:
    visitor = visit(language="zh-Hans")
    page = visitor.open(site.call("dev-zh-08"))
    page.wait_for_selector(".drawn.ready")
    card = page.locator(".finding:has(.trace:has-text('cn.pressure.borrow_to_pay'))").first
    assert card.locator(".why-of").count() == 0
    card.locator(".reasons > summary").click()
    card.locator(".why-of .tree").wait_for()
    told = card.locator(".why-of").inner_text()
    assert "cn 2026.0" in told and "cn 2026.1" in told
    assert "催收员说到" in told and "满足" in told and "可以先从别的网贷平台借" in told
    assert visitor.axe() == []
    card.locator(".why-of a[data-to]").first.click()
    at = float(card.locator(".why-of a[data-to]").first.get_attribute("data-to") or 0)
    assert abs(page.evaluate("document.getElementById('audio').currentTime") - at) < 0.1
    assert page.url.endswith(site.call("dev-zh-08"))


def test_why_is_a_page_of_its_own_without_scripts(site: Site, visit: Callable[..., Visitor]) -> None:
    page = visit("listener", script=False).open(site.call("dev-zh-08"))
    page.click(".finding .reasons > summary >> nth=0")
    page.click(".finding .reasons > .loaded a >> nth=0")
    assert page.url.split("?")[0].endswith("/why")
    assert page.locator(".why-of .tree").count() == 1 and page.locator(".clauses-of li").count() >= 1


def test_no_trace_of_a_call_shows_what_is_redacted(site: Site, visit: Callable[..., Visitor]) -> None:
    page = visit().open(site.call("dev-zh-08"))
    hrefs = page.locator(".reasons").evaluate_all("all => [...new Set(all.map((r) => r.getAttribute('hx-get')))]")
    assert len(hrefs) > 5
    for href in hrefs:
        assert "一一零八" not in page.request.get(site.url + href).text()


def test_how_the_call_went_stands_above_the_findings(site: Site, visit: Callable[..., Visitor]) -> None:
    page = visit(language="zh-Hans").open(site.call("dev-zh-12"))
    page.wait_for_selector(".drawn.ready")
    outcome = page.locator("#found .outcome").first
    assert "处理不当" in outcome.inner_text()
    first = outcome.locator(".steps a").first
    first.click()
    at = float(first.get_attribute("data-to") or 0)
    assert abs(page.evaluate("document.getElementById('audio').currentTime") - at) < 0.1


# --- versions ---


def test_what_a_version_would_change_is_drawn(visit: Callable[..., Visitor], version: PolicyVersion) -> None:
    page = visit().open("/policy/versions")
    assert "Insults are critical" in page.inner_text(".versions")
    page.click(f".versions a[href='/policy/versions/{version.id}']")
    assert "by category" in page.inner_text(".chart >> nth=0")
    drawn = page.locator(".chart rect.removed").evaluate_all("all => all.map((r) => Number(r.getAttribute('width')))")
    assert max(drawn) > 0
    assert page.locator(".levels tbody tr").count() == 2
    assert page.locator(".cases-table tbody tr").count() > 10
    page.click("text=Compare with current")
    assert "insults" in page.inner_text(".differences") and "Any of these:" in page.inner_text(".differences")


@pytest.fixture
def put_back(site: Site) -> Iterator[None]:
    yield
    if site.application.policies.registry().packs[Jurisdiction.CN].name != "cn":
        site.application.policies.withdraw(SEEDER, Jurisdiction.CN)


def test_a_version_that_flips_a_locked_case_is_not_published_and_the_case_is_named(
    site: Site, visit: Callable[..., Visitor], tmp_path: Path
) -> None:
    bad = draft(site, tmp_path, "2", more='  threat.arrest: "off"')
    page = visit().open(f"/policy/versions/{bad.id}")
    page.click("button:text-is('Publish')")
    refusal = page.locator(".refusal[role=alert]")
    refusal.wait_for()
    assert "Not published" in refusal.inner_text() and "arrest for a debt" in refusal.inner_text()
    assert site.application.policies.registry().packs[Jurisdiction.CN].name == "cn"
    page.click("button:text-is('Discard')")
    page.wait_for_url("**/policy/versions")
    assert page.locator(f"tr:has(a[href='/policy/versions/{bad.id}']) .state-of").inner_text() == "discarded"


def test_a_good_version_is_published_and_then_in_force(
    site: Site, visit: Callable[..., Visitor], version: PolicyVersion, put_back: None
) -> None:
    page = visit().open(f"/policy/versions/{version.id}")
    page.click("button:text-is('Publish')")
    page.wait_for_selector(".version-title .state-of:text-is('in force')")
    assert page.locator("button:text-is('Discard')").count() == 0
    page.goto(site.url + "/policy")
    assert "bank 1" in page.inner_text(".tabs a[aria-current]")
    page.goto(site.url + site.call("dev-zh-08") + "/why?rule=cn.pressure.borrow_to_pay")
    assert "bank 1" in page.inner_text(".why-of") and page.locator(".why-of .tree").count() == 1


def test_only_administrators_may_publish(site: Site, visit: Callable[..., Visitor], version: PolicyVersion) -> None:
    visitor = visit("listener")
    page = visitor.open(f"/policy/versions/{version.id}")
    assert page.locator(".actions form").count() == 0
    for deed in ("publish", "discard"):
        answer = page.request.post(f"{site.url}/policy/versions/{version.id}/{deed}", headers={"Origin": site.url})
        assert answer.status == 403
