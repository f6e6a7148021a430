"""What signals mean: roles, features, facts, context, omissions, hours; and when a call is flagged."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.policy.conditions import Said
from pipeline.policy.features import DOUBTED, UNSURE
from pipeline.policy.judging import judgement_of
from pipeline.records import (
    CollectorType,
    Distress,
    Finding,
    FindingStatus,
    MetadataEvidence,
    OmissionEvidence,
    Role,
    Severity,
    Signal,
    Span,
    WordsEvidence,
)
from tests.unit.dialogue import JUDGE, REGISTRY, TURN_MS, broken, context, judged, transcript
from tests.unit.test_detect import claim


@pytest.mark.parametrize(
    ("line", "category"),
    [
        ("agent: 明天不处理，我叫两个兄弟把你腿打断。", "threat.violence"),
        ("agent: 妳再不繳，警察就會來把妳抓走。", "threat.arrest"),
        ("agent: Pay tonight or a deputy comes to your job to arrest you.", "threat.arrest"),
        ("agent: 你把验证码念给我听。", "privacy.credential_request"),
        ("agent: Read me the one time code on your phone.", "privacy.credential_request"),
        ("agent: 直接转到我私人账户就好。", "pressure.private_account_transfer"),
        ("agent: 你去网贷借一点先还我们。", "pressure.borrow_to_pay"),
        ("agent: Take out a payday loan and settle this.", "pressure.borrow_to_pay"),
        ("agent: 我把你的照片发到业主群。", "pressure.public_shaming"),
    ],
)
def test_conduct_is_found_and_flags(line: str, category: str) -> None:
    judgement = judged(line)
    finding = broken(judgement)[category]
    assert judgement.flagged and finding.role is Role.AGENT
    assert isinstance(finding.evidence, WordsEvidence) and finding.evidence.end_ms <= TURN_MS
    assert finding.probability is not None and finding.clauses and finding.reason_zh and finding.detectors


@pytest.mark.parametrize(
    "line",
    [
        "agent: 您放心，我们绝不会派人上门动手。",
        "agent: 您刚才说有人要打断您的腿，请马上报警。",
        "agent: Nobody from this bank will ever come and hurt you.",
        "agent: You said the other company threatened to have you arrested.",
        "agent: 逾期会按合同产生罚息，也会如实报送征信。",
        "agent: Late payments may be reported to the credit bureaus.",
        "agent: 只有法院判决以后，才可能涉及冻结。",
        "customer: 上次有人说要抓我去坐牢！",
        "customer: 我真想揍他一顿，混蛋！",
    ],
)
def test_what_is_quoted_denied_lawful_or_the_customers_does_not_flag(line: str) -> None:
    judgement = judged(line)
    assert not judgement.flagged
    assert set(broken(judgement)) <= {"privacy.no_verification"}


def test_an_unknown_speaker_is_only_possible_and_never_flags() -> None:
    judgement = judged("unknown: 再不还就等着坐牢。")
    finding = broken(judgement)["threat.arrest"]
    assert (finding.status, finding.role) == (FindingStatus.POSSIBLE, Role.UNKNOWN)
    assert not judgement.flagged


PACK = REGISTRY.pack_for(context())


def possible(turn: int, probability: float, severity: Severity = Severity.HIGH, role: Role = Role.AGENT) -> Finding:
    return Finding(
        category="pressure.false_promise",
        status=FindingStatus.POSSIBLE,
        severity=severity,
        role=role,
        evidence=WordsEvidence(span=Span(utterance=turn, word_start=0, word_end=1), start_ms=turn, end_ms=turn + 1),
        rule="r",
        pack=PACK.name,
        pack_version=PACK.version,
        probability=probability,
    )


def test_what_is_possible_adds_up_over_two_turns() -> None:
    """One of 0.69 and 0.5 holds with 0.845; the pack asks for more than 0.7."""
    found = [possible(1, 0.69), possible(4, 0.5, Severity.CRITICAL), possible(7, 0.4)]
    judgement = judgement_of(found, PACK)
    assert judgement.flagged and judgement.severity is Severity.HIGH
    assert judgement.findings == tuple(found)
    assert not judgement_of(found[:1], PACK).flagged


@pytest.mark.parametrize(
    "beside",
    [
        possible(1, 0.69),
        possible(2, 0.03),
        possible(2, 0.69, Severity.LOW),
        possible(2, 0.69, role=Role.UNKNOWN),
        possible(2, 0.69, role=Role.CUSTOMER),
    ],
)
def test_what_does_not_add_up(beside: Finding) -> None:
    """On the same turn, hardly likely, a trifle, or not said by a collector."""
    assert not judgement_of([possible(1, 0.68), beside], PACK).flagged


def test_many_little_doubts_of_a_long_call_do_not_add_up() -> None:
    """One of a hundred at 0.4 all but surely holds, one of two with 0.64."""
    assert not judgement_of([possible(turn, 0.4) for turn in range(100)], PACK).flagged


SUIT = "agent: 今天不还，我们马上起诉你。"


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        ({}, FindingStatus.POSSIBLE),
        ({"suit_authorised": False, "suit_filed": False}, FindingStatus.VIOLATION),
        ({"suit_authorised": True}, None),
    ],
)
def test_a_threat_to_sue_is_what_the_facts_make_it(facts: dict[str, object], status: FindingStatus | None) -> None:
    finding = broken(judged(SUIT, about=context(facts=facts))).get("threat.litigation_false")
    assert (finding.status if finding else None) is status


class TestContext:
    def test_pressing_on_after_a_suicide_statement_is_critical(self) -> None:
        judgement = judged("customer: 我不想活了。", "agent: 这个先不谈，一万块今天能到账吗？")
        finding = broken(judgement)["abuse.self_harm_dismissal"]
        assert (finding.severity, finding.status) == (Severity.CRITICAL, FindingStatus.VIOLATION)
        assert judgement.distress is Distress.CRITICAL and judgement.flagged

    def test_a_safety_response_calls_it_off(self) -> None:
        judgement = judged(
            "customer: 我不想活了。",
            "agent: 我很担心您，您现在安全吗？身边有人陪吗？账的事先放下。",
            "customer: 我女儿在。",
            "agent: 好的，什么时候方便，我们再联系。",
        )
        assert "abuse.self_harm_dismissal" not in broken(judgement)
        assert judgement.distress is Distress.CRITICAL and not judgement.flagged

    def test_silence_on_it_is_an_omission_that_is_possible(self) -> None:
        judgement = judged("customer: I want to kill myself.", "agent: Okay.", "customer: Hello?", "agent: I see.")
        finding = broken(judgement)["abuse.self_harm_dismissal"]
        assert finding.status is FindingStatus.POSSIBLE and isinstance(finding.evidence, OmissionEvidence)
        assert not judgement.flagged

    def test_a_whole_sum_is_pressure_once_hardship_was_stated(self) -> None:
        demand = "agent: 今天必须一次性结清。"
        assert broken(judged(demand))["pressure.unaffordable_payment"].status is FindingStatus.POSSIBLE
        after = broken(judged("customer: 我失业了，真的拿不出来。", demand))["pressure.unaffordable_payment"]
        assert after.status is FindingStatus.VIOLATION and after.rule == "cn.hardship-full-sum"

    def test_calling_again_matters_once_it_was_refused(self) -> None:
        again = "agent: I will call you again tomorrow."
        us = context("US")
        alone = judged(again, about=us)
        assert not alone.flagged
        refused = judged("customer: Stop calling me, put it in writing.", again, about=us)
        assert broken(refused)["contact.after_refusal"].status is FindingStatus.VIOLATION and refused.flagged
        honoured = judged(
            "customer: Stop calling me.", "agent: Understood, no more phone calls, we will write instead.", about=us
        )
        assert not honoured.flagged

    def test_the_debt_is_not_for_a_third_person(self) -> None:
        judgement = judged("customer: 我不是他，我是他姐姐。", "agent: 他信用卡逾期三个月，欠了两万块。")
        assert broken(judgement)["pressure.third_party_disclosure"].severity is Severity.CRITICAL
        assert judgement.flagged

    def test_a_dispute_may_be_registered_but_not_brushed_aside(self) -> None:
        dispute = "customer: 这笔不是我借的，身份证被冒用了。"
        aside = judged(dispute, "agent: 这个我管不了，还是要还的。")
        assert "pressure.dispute_ignored" in broken(aside)
        heard = judged(dispute, "agent: 我先登记异议并暂停催收，按规定核实后答复您。")
        assert "pressure.dispute_ignored" not in broken(heard)

    def test_who_calls_may_not_be_withheld(self) -> None:
        judgement = judged("customer: Who is this?", "agent: It doesn't matter who I am.", about=context("US"))
        assert broken(judgement)["disclosure.identity"].status is FindingStatus.VIOLATION


class TestOmissions:
    OPENING = (
        "agent: Hello, is this Ann Smith?",
        "customer: Yes, this is she.",
        *("agent: I would like to talk with you about how things are going.", "customer: Okay.") * 9,
    )

    def test_a_missing_statement_is_possible_low_and_never_flags(self) -> None:
        judgement = judged(*self.OPENING, about=context("US"))
        missing = broken(judgement)
        assert {"disclosure.identity", "disclosure.recording", "disclosure.mini_miranda"} <= set(missing)
        for finding in missing.values():
            assert finding.status is FindingStatus.POSSIBLE and isinstance(finding.evidence, OmissionEvidence)
        assert not judgement.flagged

    def test_said_in_time_nothing_is_missing(self) -> None:
        said = (
            *self.OPENING[:2],
            "agent: My name is Pat calling from Pinemere Recovery on a recorded line.",
            "agent: This is an attempt to collect a debt, the balance is 400 dollars, you can dispute it.",
            *self.OPENING[2:],
        )
        assert broken(judged(*said, about=context("US"))) == {}

    def test_a_first_party_bank_owes_no_collector_statement(self) -> None:
        about = context("US", collector_type=CollectorType.FIRST_PARTY)
        assert "disclosure.mini_miranda" not in broken(judged(*self.OPENING, about=about))

    def test_nothing_about_the_debt_is_required_towards_a_third_person(self) -> None:
        lines = (self.OPENING[0], "customer: Wrong number, he does not live here.", *self.OPENING[2:])
        assert "disclosure.mini_miranda" not in broken(judged(*lines, about=context("US")))


HOURS = [
    ("CN", "Asia/Shanghai", "2025-11-05T07:59:59+08:00", True),
    ("CN", "Asia/Shanghai", "2025-11-05T08:00:00+08:00", False),
    ("CN", "Asia/Shanghai", "2025-11-05T21:59:00+08:00", False),
    ("CN", "Asia/Shanghai", "2025-11-05T22:00:00+08:00", True),
    ("CN", "Asia/Urumqi", "2025-11-05T22:30:00+08:00", False),
    ("TW", "Asia/Taipei", "2025-11-05T06:59:00+08:00", True),
    ("TW", "Asia/Taipei", "2025-11-05T07:00:00+08:00", False),
    ("TW", "Asia/Taipei", "2025-11-05T22:00:00+08:00", True),
    ("TW", "Asia/Taipei", "2025-11-06T00:00:00+08:00", True),
    ("US", "America/New_York", "2025-10-22T20:59:00-04:00", False),
    ("US", "America/New_York", "2025-10-22T18:00:00-07:00", True),
    ("US", "America/New_York", "2025-10-22T17:59:00-07:00", False),
    # The clocks of New York went forward on 9 March 2025 and back on 2 November 2025; those of Phoenix never do.
    ("US", "America/New_York", "2025-03-08T13:00:00+00:00", False),
    ("US", "America/New_York", "2025-03-08T12:59:00+00:00", True),
    ("US", "America/New_York", "2025-03-09T12:00:00+00:00", False),
    ("US", "America/New_York", "2025-03-09T11:59:00+00:00", True),
    ("US", "America/New_York", "2025-11-01T12:00:00+00:00", False),
    ("US", "America/New_York", "2025-11-02T12:00:00+00:00", True),
    ("US", "America/New_York", "2025-11-02T13:00:00+00:00", False),
    ("US", "America/Phoenix", "2025-07-01T15:00:00+00:00", False),
    ("US", "America/Phoenix", "2025-07-01T14:59:00+00:00", True),
]


class TestHours:
    @pytest.mark.parametrize(("jurisdiction", "zone", "started_at", "banned"), HOURS)
    def test_boundaries_at_the_debtors_place(self, jurisdiction: str, zone: str, started_at: str, banned: bool) -> None:
        about = context(jurisdiction, started_at=started_at, customer_tz=zone)
        judgement = judged("agent: 你好。", about=about)
        finding = broken(judgement).get("contact.time")
        assert (finding is not None) == banned == judgement.flagged
        if finding:
            assert isinstance(finding.evidence, MetadataEvidence)
            assert finding.evidence.facts["customer_tz"] == zone and finding.place is None
            assert finding.probability is None and finding.clauses[0].ref != "house"

    @pytest.mark.parametrize(
        ("started_at", "zone"),
        [
            (None, "Asia/Shanghai"),
            ("2025-11-05T23:00:00+08:00", None),
            ("2025-11-05T23:00:00", "Asia/Shanghai"),
            ("2025-11-05T23:00:00+08:00", "Mars/Olympus"),
            ("2025-11-05T23:00:00+08:00", "../etc/passwd"),
        ],
    )
    def test_without_time_offset_or_zone_nothing_is_found(self, started_at: str | None, zone: str | None) -> None:
        assert broken(judged("agent: 你好。", about=context(started_at=started_at, customer_tz=zone))) == {}

    def test_consent_lifts_the_ban(self) -> None:
        about = context(
            started_at="2025-11-05T23:00:00+08:00", customer_tz="Asia/Shanghai", facts={"consented_hours": True}
        )
        assert broken(judged("agent: 你好。", about=about)) == {}

    def test_a_call_that_runs_into_the_ban_is_possible(self) -> None:
        about = context(started_at="2025-11-05T21:59:58+08:00", customer_tz="Asia/Shanghai")
        judgement = judged("agent: 你好。", "customer: 你好。", about=about)
        assert broken(judgement)["contact.time"].status is FindingStatus.POSSIBLE and not judgement.flagged

    def test_a_first_party_banks_hours_are_house_policy(self) -> None:
        about = context(
            "US",
            started_at="2025-10-22T22:00:00-04:00",
            customer_tz="America/New_York",
            collector_type=CollectorType.FIRST_PARTY,
        )
        judgement = judged("agent: Hello.", about=about)
        assert broken(judgement)["contact.time"].status is FindingStatus.POSSIBLE and not judgement.flagged

    def test_an_unknown_collector_makes_a_collectors_rule_possible(self) -> None:
        about = context(
            "US", started_at="2025-10-22T22:00:00-04:00", customer_tz="America/New_York", collector_type=None
        )
        assert broken(judged("agent: Hello.", about=about))["contact.time"].status is FindingStatus.POSSIBLE


class TestJudgement:
    def test_severity_is_that_of_the_worst_flagging_finding(self) -> None:
        judgement = judged("agent: 闭嘴，听我说完！", "agent: 不还就叫人打断你的腿。")
        assert judgement.severity is Severity.CRITICAL
        assert judgement.findings[0].category == "threat.violence"
        assert judged("agent: 您好。").severity is None

    def test_signals_and_positives_never_flag(self) -> None:
        judgement = judged("customer: 我失业了，孩子又住院。", "agent: 我理解您真的不容易，我们可以申请分期。")
        assert {f.status for f in judgement.findings} == {FindingStatus.SIGNAL, FindingStatus.POSITIVE}
        assert not judgement.flagged and judgement.distress is Distress.PRESENT

    def test_requests_bind_but_are_no_distress(self) -> None:
        judgement = judged("customer: 别再打我电话了，我要投诉你们。")
        assert {f.category for f in judgement.findings} >= {"distress.refusal_to_be_contacted"}
        assert judgement.distress is Distress.NONE

    def test_the_same_input_gives_the_same_findings_under_the_named_policy(self) -> None:
        one, other = judged(SUIT, "customer: 随便你！"), judged(SUIT, "customer: 随便你！")
        assert one == other
        assert JUDGE.version(context()) == f"cn@{one.pack_version}"
        assert {(f.pack, f.pack_version) for f in one.findings} == {("cn", one.pack_version)}

    def test_two_rules_on_the_same_words_are_one_matter(self) -> None:
        judgement = judged("customer: 我失业了。", "agent: 我不接受分期，今天必须一次性结清。")
        places = [(f.category, f.place) for f in judgement.findings if f.category == "pressure.unaffordable_payment"]
        assert len(places) == 1

    def test_an_empty_call_is_clean(self) -> None:
        judgement = judged()
        assert judgement.findings == () and not judgement.flagged

    def test_a_finding_that_rests_on_a_mishearing_is_only_possible(self) -> None:
        finding = broken(judged("agent: 再不还，警察就来居留你。"))["threat.arrest"]
        assert finding.status is FindingStatus.POSSIBLE and "mishearing" in finding.features


# --- what detectors weighed together ---


def statuses(line: str, *signals: Signal) -> dict[str, FindingStatus]:
    spoken = transcript(line)
    judgement = JUDGE(transcript=spoken, signals=signals, context=context(), duration_ms=TURN_MS)
    return {f.category: f.status for f in judgement.findings if isinstance(f.evidence, WordsEvidence)}


def weighed(category: str, probability: float, *features: str) -> Signal:
    heard = claim(probability, *features, detector="lexicon+text", category=category)
    return replace(heard, parts={"text": probability, "lexicon": 0.8})


def test_below_even_odds_a_customers_signal_is_possible_and_self_harm_is_not_doubted() -> None:
    said = "customer: I don't know what to do"
    assert statuses(said, weighed("distress.fear", 0.3, UNSURE))["distress.fear"] is FindingStatus.POSSIBLE
    assert statuses(said, weighed("distress.fear", 0.55, UNSURE))["distress.fear"] is FindingStatus.SIGNAL
    assert statuses(said, weighed("distress.fear", 0.1, UNSURE)) == {}
    assert statuses(said, weighed("distress.self_harm", 0.25, UNSURE))["distress.self_harm"] is FindingStatus.SIGNAL


def test_doubted_conduct_is_possible_by_itself_and_no_part_of_a_longer_story() -> None:
    said = "agent: a deputy comes to arrest you"
    assert statuses(said, weighed("threat.arrest", 0.1, UNSURE, DOUBTED)) == {"threat.arrest": FindingStatus.POSSIBLE}
    assert statuses(said, weighed("threat.arrest", 0.1, UNSURE)) == {}
    longer = [rule for pack in JUDGE.registry.packs.values() for rule in pack.rules if len(rule.conditions) > 1]
    said_in = [c for rule in longer for c in rule.conditions.values() if isinstance(c, Said)]
    assert said_in and not any(condition.takes_doubted for condition in said_in)


def test_what_follows_an_unlikely_statement_is_no_surer_than_it_and_a_mere_possibility_needs_one() -> None:
    dismissed = replace(
        weighed("abuse.self_harm_dismissal", 0.4, UNSURE), span=Span(utterance=1, word_start=0, word_end=1)
    )

    def found(*signals: Signal) -> list[tuple[str, FindingStatus, float | None]]:
        spoken = transcript("customer: that is what I will do", "agent: please do")
        judgement = JUDGE(transcript=spoken, signals=signals, context=context(), duration_ms=2 * TURN_MS)
        kept = [f for f in judgement.findings if f.category == "abuse.self_harm_dismissal" and f.place]
        return [(f.rule.partition(".")[2], f.status, f.probability) for f in kept]

    assert found(dismissed) == []
    statement = weighed("distress.self_harm", 0.3, UNSURE)
    assert found(statement, dismissed) == [("crisis-dismissed", FindingStatus.POSSIBLE, 0.3)]
    sure = replace(dismissed, probability=0.9, features=())
    assert found(sure) == [("abuse.self_harm_dismissal", FindingStatus.VIOLATION, 0.9)]
    # Words that are plain enough by themselves are not made doubtful by what may have been said before.
    assert found(statement, sure) == [("abuse.self_harm_dismissal", FindingStatus.VIOLATION, 0.9)]
    assert found(replace(statement, probability=0.95), sure)[0][1] is FindingStatus.VIOLATION
