"""Conditions of rules as sentences, in three languages: every kind of condition, every kind of limit."""

from __future__ import annotations

from datetime import time

import pytest

from pipeline.policy.conditions import (
    Anchor,
    Comparison,
    Condition,
    Hours,
    Missing,
    Said,
    Scope,
    Value,
)
from pipeline.policy.registry import shipped_packs
from pipeline.records import Role
from review_ui.language import Language, words_of
from review_ui.policy_rules_view import Branch, rule_view
from review_ui.policy_sentences import Sentences, letters_of
from review_ui.policy_timeline_sentences import timeline_sentences

CN = next(pack for pack in shipped_packs() if pack.name == "cn")
LETTERS = {"before": "A", "cure": "B", "then": "C"}

SAID = Said(signals=("threat.arrest",), roles=frozenset({Role.AGENT, Role.UNKNOWN}))
AFTER = Said(
    signals=("cue.demand", "abuse.profanity"),
    roles=frozenset({Role.AGENT}),
    excuses=frozenset({"quoted"}),
    scope=Scope(after=Anchor(of="before", within_turns=4, unless=("cure",))),
)
EVERYTHING = Said(
    signals=("distress.crying",),
    threshold=0.8,
    excuses=frozenset(),
    requires=frozenset({"question"}),
    at_least=3,
    scope=Scope(
        first_ms=30_000,
        last_turns=2,
        before=Anchor(of="cure", hit=-1, within_ms=5_000),
        not_after=("before",),
    ),
)
MISSING = Missing(
    signals=("disclosure.recording",),
    roles=frozenset({Role.AGENT}),
    within_ms=90_000,
    never=("before",),
    at_least_ms=15_000,
)
UNANSWERED = Missing(
    signals=("safety.crisis_response",), roles=frozenset({Role.AGENT}), after=Anchor(of="before", hit=1), within_turns=3
)
HOURS = Hours(earliest=time(8), latest=time(22), consent=("consented_hours",))
FACT = Value(name="facts.suit_authorised", test=Comparison.IS, wanted=("true",))
DUE = Value(name="days_past_due", test=Comparison.OVER, wanted=("90",))
UNKNOWN_FACT = Value(name="facts.balance", test=Comparison.KNOWN, wanted=("false",))
SOUND = Said(signals=("cue.loud",), roles=frozenset({Role.AGENT}))


def sentence(condition: Condition, language: Language) -> str:
    return Sentences(words_of(language), CN).condition("then", condition, LETTERS).sentence


@pytest.mark.parametrize(
    ("condition", "english", "hans", "hant"),
    [
        (
            SAID,
            "Said by the collector: False threat of arrest or criminal case; probability 0.60 or more; "
            "does not count when quoted, negated, joking",
            "催收员说到：虚假抓捕、坐牢、立案威胁；概率不低于 0.60；转述他人、否定、玩笑的不算",
            "催收人員說到",
        ),
        (AFTER, "within 4 turns after A, unless B lies between", "A 之后 4 轮内，除非中间有 B", "A 之後 4 輪內"),
        (AFTER, "asks for payment or Profanity", "催款或脏话粗口", "催款或"),
        (AFTER, "does not count when quoted", "转述他人的不算", "轉述他人的不算"),
        (
            EVERYTHING,
            "Said by anybody: Crying or breakdown; at least 3 times; probability 0.80 or more",
            "至少 3 次",
            "至少 3 次",
        ),
        (EVERYTHING, "only when a question", "只算疑问的", "只算疑問的"),
        (EVERYTHING, "within 30 s from the start", "开始后 30 秒内", "開始後 30 秒內"),
        (EVERYTHING, "in the last 2 turns", "最后 2 轮内", "最後 2 輪內"),
        (EVERYTHING, "within 5 s before the last B", "最后一次 B 之前 5 秒内", "最後一次 B 之前 5 秒內"),
        (EVERYTHING, "does not count after A", "A 出现之后的不算", "A 出現之後的不算"),
        (
            MISSING,
            "Not said by the collector: Recording notice; within 90 s from the start",
            "催收员没有说到",
            "沒有說到",
        ),
        (MISSING, "not required once A was said before", "之前已有 A 则不要求", "之前已有 A 則不要求"),
        (MISSING, "only where the collector speaks for 15 s in all", "催收员总共说话满 15 秒才要求", "15 秒才要求"),
        (UNANSWERED, "within 3 turns after the first A", "第一次 A 之后 3 轮内", "第一次 A 之後 3 輪內"),
        (
            HOURS,
            "The call begins outside, or runs past, 08:00–22:00 (customer's local time)",
            "通话在客户当地 08:00–22:00 之外开始，或持续到该时段之后",
            "通話在客戶當地 08:00–22:00 之外開始，或持續到該時段之後",
        ),
        (HOURS, "not where it is on file: The debtor has agreed", "资料中有此项则不适用：", "資料中有此項則不適用："),
        (
            FACT,
            "On file: The creditor has authorised a lawsuit on this debt – yes",
            "资料：债权人已授权就该笔欠款起诉——是",
            "資料：債權人",
        ),
        (DUE, "On file: days past due – over 90", "资料：逾期天数——大于 90", "逾期天數"),
        (UNKNOWN_FACT, "What is owed now in all – not known", "当前应还总额——未知", "未知"),
        (SOUND, "Heard from the collector: much louder", "从催收员的声音里测到：音量", "從催收人員的聲音裡測到："),
    ],
)
def test_every_kind_of_condition_reads_as_a_sentence(condition: Condition, english: str, hans: str, hant: str) -> None:
    assert english in sentence(condition, Language.EN)
    assert hans in sentence(condition, Language.ZH_HANS)
    assert hant in sentence(condition, Language.ZH_HANT)


def test_what_nobody_limits_is_not_spoken_of() -> None:
    plain = Said(signals=("threat.arrest",), excuses=frozenset())
    said = "Said by anybody: False threat of arrest or criminal case; probability 0.60 or more"
    assert sentence(plain, Language.EN) == said


def test_letters_follow_the_order_in_which_conditions_are_answered() -> None:
    rule = CN.rule("cn.crisis-pressed-on")
    assert letters_of(rule.conditions) == {"after": "A", "unless": "B", "then": "C"}
    many = {f"c{n}": SAID for n in range(28)}
    assert list(letters_of(many).values())[24:28] == ["Y", "Z", "A1", "B1"]


@pytest.mark.parametrize("language", list(Language))
def test_every_rule_of_every_pack_reads_in_every_language(language: Language) -> None:
    for pack in shipped_packs():
        sentences = Sentences(words_of(language), pack)
        for rule in pack.rules:
            view = rule_view(rule, sentences)
            shown = {leaf.condition.name for leaf in view.conditions() if leaf.condition}
            assert shown == set(rule.conditions), rule.id
            for leaf in view.conditions():
                assert leaf.condition and "{" not in leaf.condition.sentence, rule.id
        for timeline_rule in pack.timeline:
            assert all(part and "{" not in part for part in timeline_sentences(timeline_rule, sentences))
        for entry in pack.sounds:
            assert "{" not in sentences.sound(entry)


def test_a_rule_is_a_tree_with_its_operators_and_its_evidence() -> None:
    view = rule_view(CN.rule("cn.talked-over-hard-words"), Sentences(words_of(Language.EN), CN))
    assert view.tree.label == "All of these:"
    harsh, either = view.tree.parts
    assert harsh.evidence and harsh.condition is not None and harsh.condition.name == "harsh"
    assert either.label == "Any of these:" and [p.condition and p.condition.name for p in either.parts] == [
        "cut_in",
        "raised",
    ]
    assert view.anchors == ()


def test_conditions_that_only_others_refer_to_stand_apart() -> None:
    view = rule_view(CN.rule("cn.crisis-pressed-on"), Sentences(words_of(Language.ZH_HANS), CN))
    assert isinstance(view.tree, Branch) and view.tree.condition is not None and view.tree.condition.letter == "C"
    assert [anchor.condition and anchor.condition.letter for anchor in view.anchors] == ["A", "B"]


def test_facts_that_make_it_lawful_are_named() -> None:
    view = rule_view(CN.rule("cn.threat.litigation_false"), Sentences(words_of(Language.EN), CN))
    assert "The creditor has authorised a lawsuit on this debt" in view.lawful


def test_calls_are_counted_in_words() -> None:
    english, hans = (Sentences(words_of(language), CN) for language in (Language.EN, Language.ZH_HANS))
    rule = next(one for one in CN.timeline if one.id == "cn.timeline.conversations-a-day")
    assert timeline_sentences(rule, english)[0] == "More than 3 conversations with the debtor within one day"
    assert timeline_sentences(rule, hans)[0] == "1 天内对债务人超过 3 次有效通话"
