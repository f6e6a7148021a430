"""A pack's `timeline:`: what it becomes, what stands in the packs that ship, and what a bad one is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.policy.categories import CUES, categories
from pipeline.policy.dispositions import Disposition, Party, answered_of, disposition_of, party_of, read_dialled
from pipeline.policy.registry import load_registry
from pipeline.policy.source import BadPolicy, read
from pipeline.policy.timeline_rules import (
    AfterRule,
    AnyTimelineRule,
    Counted,
    CountRule,
    PauseRule,
    Same,
    Unknown,
    Whom,
    read_timeline_rule,
)
from pipeline.records import CallContext, Citation, CollectorType, FindingStatus, Jurisdiction, Severity

CLAUSE = Citation(ref="x.one", cite="One", paraphrase_zh="一", paraphrase_en="one", status="memory")
PACKS = [pack for pack in load_registry().packs.values() if pack.timeline]


def rule_of(tmp_path: Path, text: str) -> AnyTimelineRule:
    file = tmp_path / "pack.yaml"
    file.write_text(f"timeline:\n  r: {text}\n", encoding="utf-8")
    node = read(file).mapping()["timeline"].mapping()["r"]
    return read_timeline_rule("r", node, "x", {"contact.frequency": (CLAUSE,)}, {CLAUSE.ref: CLAUSE})


def test_a_rule_that_counts(tmp_path: Path) -> None:
    rule = rule_of(
        tmp_path,
        "{category: contact.frequency, counts: calls, most: 7, days: 7, per: [person, debt], whom: debtor, "
        "collector_type: third_party, consent: [consented_calls], unknown: possible, severity: medium}",
    )
    assert rule == CountRule(
        id="x.timeline.r",
        category="contact.frequency",
        severity=Severity.MEDIUM,
        status=FindingStatus.VIOLATION,
        clauses=(CLAUSE,),
        collector_type=CollectorType.THIRD_PARTY,
        reason_zh="",
        reason_en="",
        whom=Whom.DEBTOR,
        per=frozenset({Same.PERSON, Same.DEBT}),
        consent=("consented_calls",),
        unknown=Unknown.POSSIBLE,
        place="pack.yaml:2",
        counts=Counted.CALLS,
        most=7,
        days=7,
    )


def test_the_other_kinds(tmp_path: Path) -> None:
    pause = rule_of(tmp_path, "{category: contact.frequency, quiet_days: 7}")
    assert isinstance(pause, PauseRule) and pause.days == 7
    after = rule_of(
        tmp_path, "{category: contact.time, after: distress.bereavement, within_days: 14, clauses: [house]}"
    )
    assert isinstance(after, AfterRule)
    assert (after.after, after.on_file, after.within_days) == (("distress.bereavement",), (), 14)
    assert [clause.ref for clause in after.clauses] == ["house"]
    on_file = rule_of(tmp_path, "{category: contact.after_refusal, on_file: contact_refused}")
    assert isinstance(on_file, AfterRule) and on_file.on_file == ("contact_refused",)
    assert [clause.ref for clause in on_file.clauses] == ["house"], "a category without a clause is house policy"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{category: contact.frequency}", r"pack\.yaml:2: a timeline rule has one of counts, quiet_days"),
        ("{category: contact.frequency, counts: calls}", "'most' is missing"),
        ("{category: contact.frequency, counts: callz, most: 1}", "did you mean 'calls'"),
        ("{category: contact.frequency, counts: calls, most: 1, dayz: 1}", "unknown key 'dayz'; did you mean 'days'"),
        ("{category: contact.frequency, quiet_days: 0}", "outside 1 to 366"),
        ("{category: contact.frequncy, quiet_days: 7}", "did you mean 'contact.frequency'"),
        ("{category: distress.fear, quiet_days: 7}", "distress.fear is about the customer"),
        ("{category: contact.time, after: distress.bereavment}", "did you mean 'distress.bereavement'"),
        ("{category: contact.time, on_file: contact_refusd}", "did you mean 'contact_refused'"),
        ("{category: contact.time, quiet_days: 7, consent: [consent]}", "no account fact 'consent'"),
        ("{category: contact.time, quiet_days: 7, clauses: [x.on]}", "did you mean 'x.one'"),
        ("{category: contact.time, quiet_days: 7, whom: all}", "not one of anybody"),
        ("{category: contact.time, quiet_days: 7, per: [people]}", "not one of person, debt, number"),
        ("{category: contact.time, quiet_days: 7, unknown: maybe}", "not one of nothing, possible"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadPolicy, match=message) as caught:
        rule_of(tmp_path, text)
    assert caught.value.message.startswith("pack.yaml:2: ")


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.name)
def test_rules_of_the_packs_that_ship_say_why_and_cite(pack) -> None:  # type: ignore[no-untyped-def]
    ids = [rule.id for rule in (*pack.rules, *pack.timeline)]
    assert len(ids) == len(set(ids))
    for rule in pack.timeline:
        assert rule.id.startswith(f"{pack.name}.timeline.") and rule.clauses
        assert rule.reason_en and any("\u4e00" <= c <= "\u9fff" for c in rule.reason_zh)
        assert all(clause.ref in pack.clauses or clause.ref == "house" for clause in rule.clauses)
        if isinstance(rule, AfterRule):
            assert {*rule.after, *rule.then, *rule.unless} <= {*categories(), *CUES}


def test_the_numbers_are_those_of_the_law() -> None:
    def numbers(jurisdiction: Jurisdiction) -> dict[str, tuple[int, int | None]]:
        timeline = load_registry().packs[jurisdiction].timeline
        counted = {r.id.split(".")[-1]: (r.most, r.days) for r in timeline if isinstance(r, CountRule)}
        return counted | {r.id.split(".")[-1]: (r.days, None) for r in timeline if isinstance(r, PauseRule)}

    assert numbers(Jurisdiction.CN) == {
        "conversations-a-day": (3, 1),
        "tries-a-day": (6, 1),
        "third-person-again": (1, None),
    }
    assert numbers(Jurisdiction.US) == {
        "seven-in-seven": (7, 7),
        "cool-down": (7, None),
        "third-person-again": (1, None),
    }
    for rule in load_registry().packs[Jurisdiction.US].timeline:
        statute = {clause.ref for clause in rule.clauses} - {"house", "us.udaap", "us.1692e_10"}
        assert not statute or rule.collector_type is CollectorType.THIRD_PARTY, rule.id


def test_a_layer_replaces_a_timeline_rule_or_switches_it_off(tmp_path: Path) -> None:
    from pipeline.policy.registry import read_pack

    bank = tmp_path / "bank.yaml"
    bank.write_text(
        'pack: bank\nversion: "1"\nextends: cn\ntimeline:\n  bereaved: "off"\n'
        "  conversations-a-day: {category: contact.frequency, counts: conversations, most: 2, days: 1}\n",
        encoding="utf-8",
    )
    rules = {rule.id: rule for rule in read_pack(bank).timeline}
    strict = rules["bank.timeline.conversations-a-day"]
    assert isinstance(strict, CountRule) and strict.most == 2
    assert "bank.timeline.bereaved" not in rules and "bank.timeline.tries-a-day" in rules


# --- what the source system says --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "disposition"),
    [
        ("promise to pay", Disposition.PROMISE),
        ("PTP", Disposition.PROMISE),
        ("承诺还款", Disposition.PROMISE),
        ("broken promise", None),
        ("拒绝承诺还款", None),
        ("No answer", Disposition.NO_ANSWER),
        ("no_answer", Disposition.NO_ANSWER),
        ("未接通", Disposition.NO_ANSWER),
        ("無人接聽", Disposition.NO_ANSWER),
        ("not connected", Disposition.NOT_CONNECTED),
        ("空号", Disposition.NOT_CONNECTED),
        ("left voicemail", Disposition.VOICEMAIL),
        ("Right-party contact", Disposition.RIGHT_PARTY),
        ("本人接听", Disposition.RIGHT_PARTY),
        ("非本人", Disposition.WRONG_PARTY),
        ("wrong number", Disposition.WRONG_PARTY),
        ("看情况", None),
        (None, None),
    ],
)
def test_outcomes_in_the_words_of_diallers(outcome: str | None, disposition: Disposition | None) -> None:
    assert disposition_of(outcome) is disposition


def test_what_is_said_outright_goes_before_the_outcome() -> None:
    said = CallContext(outcome="no answer", extra={"answered": "是", "party": "Third-Party"})
    assert (answered_of(said), party_of(said)) == (True, Party.THIRD_PERSON)
    implied = CallContext(outcome="promise to pay")
    assert (answered_of(implied), party_of(implied)) == (True, Party.DEBTOR)
    assert (answered_of(CallContext()), party_of(CallContext())) == (None, None)
    listed = CallContext(party_ref="P2", facts={"authorised_persons": ["P2"], "guarantors": ["P3"]})
    assert party_of(listed) is Party.AUTHORISED


def test_columns_of_the_dialler_are_read_in_one_spelling() -> None:
    assert read_dialled({"answered": " Yes ", "party": "本人", "x": 1}) == {"answered": True, "party": "debtor", "x": 1}
    assert read_dialled({"answered": "", "party": None}) == {}
    assert read_dialled({"answered": False}) == {"answered": False}
    for values, message in (({"answered": "perhaps"}, "answered: it takes yes or no"), ({"party": "cat"}, "party: it")):
        with pytest.raises(ValueError, match=message):
            read_dialled(values)
