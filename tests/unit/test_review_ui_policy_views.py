"""What the policy pages show, before it is HTML: traces, reasons, pictures, differences, and redacted words only."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from pipeline.policy.cases import cases_of
from pipeline.policy.conditions import Said, Scope
from pipeline.policy.differences import Change, Difference
from pipeline.policy.evaluating import Rejected, Why
from pipeline.policy.registry import load_registry
from pipeline.policy.timeline_rules import AfterRule, CountRule, PauseRule
from pipeline.records import (
    CallContext,
    CallOutcome,
    Distress,
    Jurisdiction,
    ModelStamp,
    OutcomeStep,
    Polarity,
    Recording,
    Role,
    Signal,
    Span,
    Transcript,
    Word,
)
from pipeline.services.policies import PolicyState, PolicyVersion
from pipeline.services.regression import CaseReport, CaseResult
from pipeline.services.views import Actor, CallDetail, CallSummary, Permission
from pipeline.stages.dialogue import read_dialogue, transcript_of
from pipeline.stages.explain import DialogueJudge, Explanation
from pipeline.whatif import Counted, WhatIf
from review_ui.language import Language, words_of
from review_ui.outcomes_view import outcome_views
from review_ui.policy_answers import Quotes, why_not
from review_ui.policy_diff_view import diff_page, stretches
from review_ui.policy_sentences import Sentences
from review_ui.policy_trace_view import trace_view
from review_ui.policy_try_view import Tried, facts_asked, tried_of_case, tried_view, try_page
from review_ui.policy_versions_view import HALF, bars, version_page
from review_ui.policy_view import policy_page
from review_ui.reader import Reader, Theme
from review_ui.why_view import why_view

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
REGISTRY = load_registry()
CN = REGISTRY.packs[Jurisdiction.CN]
HARDSHIP = "customer: 我失业三个月了，家里就靠低保。\nagent: 我不管，今天必须把两万八一次性还清。"
ADMIN = Actor(name="root", permissions=frozenset(Permission))
QA = Actor(name="qa", permissions=frozenset({Permission.CALLS_READ}), teams=frozenset({"east"}))


def reader(language: Language = Language.EN) -> Reader:
    return Reader(words=words_of(language), theme=Theme.AUTO, zone=ZoneInfo("Asia/Shanghai"), now=NOW)


@pytest.fixture(scope="module")
def judge() -> DialogueJudge:
    return DialogueJudge(CN, REGISTRY)


def explained(judge: DialogueJudge, text: str = HARDSHIP, **facts: object) -> Explanation:
    return judge.explain(read_dialogue(text), CallContext(jurisdiction=Jurisdiction.CN, facts=facts))


# --- traces ---


def test_a_trace_puts_what_hit_first_and_what_came_near_before_all_else(judge: DialogueJudge) -> None:
    explanation = explained(judge)
    trace = tried_view(explanation, reader()).trace
    assert "cn.hardship-full-sum" in [one.rule.id for one in trace.hit]
    assert "cn.crisis-pressed-on" in [one.rule.id for one in trace.almost]
    assert len(trace.hit) + len(trace.almost) + len(trace.rest) == len(CN.rules)
    severities = [CN.rule(one.rule.id).severity.rank for one in trace.hit]
    assert severities == sorted(severities, reverse=True)


def test_a_trace_says_which_words_met_a_condition_and_why_others_do_not_count(judge: DialogueJudge) -> None:
    trace = tried_view(explained(judge), reader()).trace
    pressed = next(one for one in trace.almost if one.rule.id == "cn.crisis-pressed-on")
    evidence = pressed.rule.tree
    assert evidence.met is False and evidence.answer is not None
    assert {hit.why for hit in evidence.answer.rejected} == {"nothing of A before it in reach"}
    assert any("两万八" in hit.quote.text for hit in evidence.answer.rejected)
    full = next(one for one in trace.hit if one.rule.id == "cn.hardship-full-sum")
    after = next(leaf for leaf in full.rule.anchors if leaf.condition and leaf.condition.letter == "A")
    assert after.answer is not None and {hit.quote.at for hit in after.answer.hits} == {"line 1"}


def test_what_is_on_file_makes_a_threat_lawful(judge: DialogueJudge) -> None:
    text = "agent: 我们下午就起诉你，传票这两天就到。"
    lawful = tried_view(explained(judge, text, suit_authorised=True, suit_filed=True), reader()).trace
    states = {one.rule.id: one.state for one in (*lawful.hit, *lawful.almost)}
    assert states["cn.threat.litigation_false"] == "lawful"
    unlawful = tried_view(explained(judge, text, suit_authorised=False, suit_filed=False), reader()).trace
    assert "cn.threat.litigation_false" in [one.rule.id for one in unlawful.hit]


def test_a_rule_whose_words_another_stands_for_says_so(judge: DialogueJudge) -> None:
    trace = tried_view(explained(judge), reader()).trace
    states = {one.rule.id: one.state for one in trace.hit}
    assert states["cn.pressure.unaffordable_payment"] == "merged"


SIGNAL = Signal(
    category="threat.arrest",
    detector="lexicon",
    span=Span(utterance=0, word_start=0, word_end=1),
    score=0.5,
    probability=0.5,
    model=ModelStamp(name="t", version="1"),
)


@pytest.mark.parametrize(
    ("why", "detail", "english", "hans"),
    [
        (Why.ROLE, "customer", "said by the customer; the rule is not about them", "由客户说出，本规则不针对该方"),
        (Why.UNSURE, "0.50 < 0.60", "not sure enough: 0.50, needed 0.60", "置信度不足：0.50，需要 0.60"),
        (Why.EXCUSED, "negated, quoted", "excused: quoted, negated", "属转述他人、否定，不计"),
        (Why.LACKS_FEATURE, "question", "not a question", "不是疑问"),
        (Why.OUTSIDE_PART, "first 30 s", "counts only within 30 s from the start", "只算开始后 30 秒内的"),
        (Why.OUTSIDE_PART, "last 2 turns", "counts only in the last 2 turns", "只算最后 2 轮内的"),
        (Why.NOT_AFTER, "after", "nothing of A before it in reach", "它之前的范围内没有 A"),
        (Why.NOT_BEFORE, "after", "nothing of A after it in reach", "它之后的范围内没有 A"),
        (Why.CALLED_OFF, "unless", "called off by B in between", "中间有 B，因此不算"),
        (Why.TOO_LATE, "unless", "comes after B", "出现在 B 之后"),
    ],
)
def test_every_reason_is_said_in_words(why: Why, detail: str, english: str, hans: str) -> None:
    condition = Said(signals=("threat.arrest",), scope=Scope())
    one, letters = Rejected(SIGNAL, why, detail), {"after": "A", "unless": "B"}
    for language, expected in ((Language.EN, english), (Language.ZH_HANS, hans)):
        assert expected in why_not(one, condition, Sentences(words_of(language), CN), letters)
    assert why_not(one, condition, Sentences(words_of(Language.ZH_HANT), CN), letters)


# --- redaction ---


def _redacted(transcript: Transcript, utterance: int, first: int, last: int) -> Transcript:
    words = transcript.utterances[utterance].words
    hidden = Word(text="[phone]", start_ms=words[first].start_ms, end_ms=words[last - 1].end_ms, confidence=1.0)
    changed = replace(transcript.utterances[utterance], words=(*words[:first], hidden, *words[last:]))
    spoken = tuple(changed if u.index == utterance else u for u in transcript.utterances)
    return replace(transcript, utterances=spoken)


def test_quotes_are_taken_from_what_may_be_read() -> None:
    spoken = transcript_of(read_dialogue("agent: 我打13800138000找你单位"))
    digits = next(i for i, word in enumerate(spoken.utterances[0].words) if word.text.startswith("138"))
    shown = _redacted(spoken, 0, digits, digits + 1)
    quotes = Quotes(spoken, shown, words_of(Language.EN), lambda utterance, ms: ("", ""))
    whole = quotes(Span(utterance=0, word_start=0, word_end=len(spoken.utterances[0].words)))
    assert whole.text == "“我打[phone number]找你单位”"
    behind = quotes(Span(utterance=0, word_start=digits + 1, word_end=digits + 3))
    assert behind.text == "“找你”"
    assert quotes(Span(utterance=7, word_start=0, word_end=1)).text == ""


def test_why_never_shows_what_is_redacted(judge: DialogueJudge) -> None:
    explanation = explained(judge, "customer: 我失业了。\nagent: 今天必须把两万八一次性还清，打13800138000。")
    words = explanation.transcript.utterances[1].words
    digits = next(i for i, word in enumerate(words) if word.text.startswith("138"))
    shown = _redacted(explanation.transcript, 1, digits, digits + 1)
    detail = replace(_detail(), transcript=shown, findings=explanation.judgement.findings)
    view = why_view(detail, explanation, "cn.hardship-full-sum", words_of(Language.ZH_HANS))
    assert view.trace is not None and view.trace.state == "hit" and view.note == ""
    assert "138001" not in repr(view) and "一次性还清" in repr(view)


def _detail() -> CallDetail:
    summary = CallSummary(
        **{
            **dict.fromkeys(CallSummary.__slots__, None),
            "id": "c1",
            "context": CallContext(),
            "distress": Distress.NONE,
            "marks": (),
        }  # type: ignore[arg-type]
    )
    return CallDetail(summary=summary, recording=Recording(sha256="0" * 64, media_type="audio/wav", size_bytes=1))


def test_why_names_another_version_and_a_rule_that_is_gone(judge: DialogueJudge) -> None:
    explanation = explained(judge)
    older = tuple(replace(f, pack_version="2020.1+abc") for f in explanation.judgement.findings)
    detail = replace(_detail(), transcript=explanation.transcript, findings=older)
    words = words_of(Language.EN)
    view = why_view(detail, explanation, older[0].rule, words)
    assert "cn 2020.1" in view.note and "cn 2026.1" in view.note
    gone = why_view(detail, explanation, "cn.no-such-rule", words)
    assert gone.trace is None and gone.gone
    assert why_view(detail, explanation, "bank.hardship-full-sum", words).trace is not None
    across = why_view(detail, explanation, "cn.timeline.conversations-a-day", words)
    assert across.trace is None and across.timeline is not None and not across.gone


# --- pages ---


def test_the_page_of_a_category_holds_all_that_the_pack_says() -> None:
    page = policy_page(
        CN,
        cases_of("cn"),
        (),
        words_of(Language.ZH_HANS),
        address="cn",
        in_force=True,
        category="threat.litigation_false",
    )
    about = page.category
    assert about is not None and about.name == "虚假或无依据的诉讼威胁" and about.rules and about.clauses
    assert about.examples and all(one.lines for one in about.examples)
    assert sum(len(group.items) for group in page.groups) == 67


def test_a_category_without_clause_is_house_policy_and_memory_is_told_apart() -> None:
    words = words_of(Language.EN)
    pages = [policy_page(CN, (), (), words, address="cn", in_force=True, category=key) for key in CN.cited]
    assert any(p.category and p.category.house and not p.category.clauses for p in pages)
    told = {c.status: c.status_name for p in pages if p.category for c in p.category.clauses}
    assert told["memory"] == "unverified"


def test_the_list_is_narrowed_in_either_language() -> None:
    def names(query: str) -> list[str]:
        page = policy_page(CN, (), (), words_of(Language.EN), address="cn", in_force=True, query=query)
        return [item.key for group in page.groups for item in group.items]

    assert names("arrest") == ["threat.arrest"]
    assert "threat.arrest" in names("抓捕")
    assert names("zzz") == []


def test_the_whole_pack_has_its_patterns_and_sounds() -> None:
    page = policy_page(CN, (), (), words_of(Language.EN), address="cn", in_force=True)
    assert {p.tone for p in page.patterns} == {"good", "high"}
    assert any("1.2 s" in sound.sentence for sound in page.sounds)


def test_a_case_fills_the_form_and_only_facts_that_matter_are_asked(judge: DialogueJudge) -> None:
    case = next(one for one in cases_of("cn") if one.context.started_at is not None)
    tried = tried_of_case(case, "cn")
    assert tried.text.startswith(("agent: ", "customer: "))
    assert tried.clock == f"{case.context.started_at:%H:%M}"
    context = Tried(pack="cn", clock="22:30", facts={"suit_filed": "false"}).context(CN)
    assert context.facts == {"suit_filed": False} and context.started_at is not None
    page = try_page(tried, CN, [("cn", CN)], [("China", cases_of("cn"))], reader())
    assert {fact.name for fact in page.facts} == set(facts_asked(CN)) >= {"suit_filed", "consented_hours"}
    assert page.tried is None


def test_outcomes_lead_to_their_seconds_what_went_wrong_first() -> None:
    spoken = transcript_of(read_dialogue(HARDSHIP))
    step = OutcomeStep(category="distress.job_loss", span=Span(utterance=1, word_start=0, word_end=2))
    outcomes = [
        CallOutcome(pattern=p, polarity=polarity, name_zh="甲", name_en=p, steps=(step,))
        for p, polarity in (("good", Polarity.POSITIVE), ("bad", Polarity.NEGATIVE))
    ]
    views = outcome_views(outcomes, spoken, words_of(Language.EN), lambda u, ms: (f"{ms}", f"#u{u}"))
    assert [view.name for view in views] == ["bad", "good"] and [view.tone for view in views] == ["high", "good"]
    assert views[0].steps[0].href == "#u1" and views[0].steps[0].start_s == "4"


# --- versions ---


def _version(state: PolicyState, *results: CaseResult, whatif: WhatIf | None = None) -> PolicyVersion:
    return PolicyVersion(
        id=7,
        pack="bank",
        jurisdiction=Jurisdiction.CN,
        version="2+abc",
        state=state,
        note="",
        created_at=NOW,
        created_by="root",
        published_at=None,
        published_by=None,
        tests=CaseReport(pack="bank", pack_version="2+abc", results=results) if results else None,
        whatif=whatif,
    )


def _result(name: str, *wrong: str, locked: bool = True, gap: bool = False) -> CaseResult:
    return CaseResult(
        name=name, pack="cn", place="cases/cn.yaml:1", locked=locked, known_gap=gap, passed=not wrong, wrong=wrong
    )


def test_cases_that_forbid_publishing_come_first_and_are_said_in_words() -> None:
    version = _version(
        PolicyState.DRAFT,
        _result("passes"),
        _result("gap", "x", locked=False, gap=True),
        _result("flips", "threat.arrest as violation is not found", "contact.time is found as possible"),
    )
    page = version_page(version, ADMIN, reader(Language.ZH_HANS), refused=True)
    assert [row.name for row in page.cases] == ["flips", "gap", "passes"]
    assert page.refused and page.blocking[0].wrong == (
        "应有而没有：虚假抓捕、坐牢、立案威胁（命中规则）",
        "不应有而有：禁止或不便时段联系（疑似）",
    )


@pytest.mark.parametrize(
    ("state", "actor", "publish", "discard"),
    [
        (PolicyState.DRAFT, ADMIN, True, True),
        (PolicyState.TESTED, ADMIN, True, True),
        (PolicyState.REPLACED, ADMIN, True, False),
        (PolicyState.PUBLISHED, ADMIN, False, False),
        (PolicyState.DISCARDED, ADMIN, False, False),
        (PolicyState.TESTED, QA, False, False),
    ],
)
def test_buttons_are_for_administrators_and_for_what_the_state_allows(
    state: PolicyState, actor: Actor, publish: bool, discard: bool
) -> None:
    page = version_page(_version(state), actor, reader())
    assert (page.may_publish, page.may_discard) == (publish, discard)


def test_bars_lie_left_and_right_of_one_axis_on_one_scale() -> None:
    most, less = bars([("a", "", Counted(added=6, changed=4)), ("b", "", Counted(removed=5))])
    assert (most.added_width, most.changed_x, most.changed_width) == ("60.00", f"{HALF + 60:.2f}", "40.00")
    assert (less.removed_x, less.removed_width, less.added_width) == ("50.00", "50.00", "0.00")
    assert (most.added, less.removed, less.added) == ("+6", "−5", "")


def test_teams_and_calls_are_told_only_to_who_may_see_all() -> None:
    report = WhatIf(
        pack="bank",
        pack_version="2",
        calls=9,
        by_category={"threat.arrest": Counted(added=1), "abuse.profanity": Counted(kept=4)},
        by_team={"west": Counted(added=1)},
        flagged_after=1,
        newly_flagged=("c1",),
    )
    whole = version_page(_version(PolicyState.DRAFT, whatif=report), ADMIN, reader()).whatif
    assert whole is not None and whole.teams and whole.calls and [bar.added for bar in whole.categories] == ["+1"]
    part = version_page(_version(PolicyState.DRAFT, whatif=report), QA, reader()).whatif
    assert part is not None and part.categories and not (part.teams or part.calls or part.examples)


def test_differences_are_grouped_and_rules_compared_as_sentences() -> None:
    rule = CN.rule("cn.hours")
    hours = rule.conditions["hours"]
    later = replace(rule, conditions={"hours": replace(hours, latest=hours.latest.replace(hour=20))})  # type: ignore[union-attr, call-arg]
    new = replace(CN, rules=tuple(later if one is rule else one for one in CN.rules))
    found = [
        Difference(kind="rule", id="hours", change=Change.CHANGED, details=(("conditions", "Hours(…)", "Hours(…)"),)),
        Difference(kind="setting", id="flag_possible_over", change=Change.CHANGED, details=(("value", "0.7", "0.6"),)),
    ]
    page = diff_page(CN, new, found, [("cn", "cn")], words_of(Language.EN), a="cn", b="7")
    assert [group.key for group in page.groups] == ["setting", "rule"]
    (field,) = page.groups[1].items[0].fields
    assert [s.text for s in field.old if s.changed] == ["22"] and [s.text for s in field.new if s.changed] == ["20"]


def test_every_field_of_a_rule_across_calls_has_a_name() -> None:
    for language in Language:
        words = words_of(language)
        assert words("policy.diff.kind.timeline") == words("policy.timeline")
        for form in (CountRule, PauseRule, AfterRule):
            named = {field.name for field in fields(form)} - {"id", "place"}
            assert {f"policy.field.{name}" for name in named} <= words.texts.keys(), form


def test_what_differs_is_cut_out_and_what_is_new_is_left_whole() -> None:
    old, new = stretches("催收员今天说", "催收员明天说")
    assert [(s.text, s.changed) for s in old] == [("催收员", False), ("今", True), ("天说", False)]
    assert [s.text for s in new if s.changed] == ["明"]
    assert stretches("", "all new") == ((), stretches("", "all new")[1])
    assert not stretches("", "all new")[1][0].changed


def test_every_role_of_a_line_is_named(judge: DialogueJudge) -> None:
    trace = trace_view(
        explained(judge).rules,
        explained(judge).judgement,
        Sentences(words_of(Language.ZH_HANT), CN),
        Quotes(*[explained(judge).transcript] * 2, words_of(Language.ZH_HANT), lambda u, ms: (str(u), "")),
    )
    assert {
        hit.quote.who for one in trace.hit for leaf in one.rule.conditions() if leaf.answer for hit in leaf.answer.hits
    } == {words_of(Language.ZH_HANT)(f"role.{role}") for role in (Role.AGENT, Role.CUSTOMER)}
