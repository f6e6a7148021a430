"""Cross-call rules at their boundaries: counts, days on the debtor's clocks, what came before, what nobody told."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from account import NEW_YORK, SHANGHAI, american, breaches, dialled, every, finding_of, local, said
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.contacts import Contact, Heard
from pipeline.policy.registry import load_registry
from pipeline.records import (
    CollectorType,
    Direction,
    FindingStatus,
    Jurisdiction,
    MetadataEvidence,
    Role,
    Severity,
)
from pipeline.timeline import judge_timeline

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MORNING = local("2026-03-02 09:00")


def evidence(contacts: list[Contact], id: str, rule: str) -> MetadataEvidence:
    found = finding_of(contacts, id, rule).evidence
    assert isinstance(found, MetadataEvidence)
    return found


# --- conversations a day ----------------------------------------------------------------------------------------------


def test_the_fourth_conversation_of_a_day_is_one_too_many() -> None:
    contacts = [dialled(f"c{n}", at) for n, at in enumerate(every(HOUR, MORNING, 4), 1)]
    assert breaches(contacts[:3]) == {}
    assert breaches(contacts) == {"c4": ["conversations-a-day"]}
    found = finding_of(contacts, "c4", "conversations-a-day")
    assert (found.status, found.severity, found.role) == (FindingStatus.VIOLATION, Severity.HIGH, Role.AGENT)
    assert [clause.ref for clause in found.clauses] == ["cn.gbt_freq"]
    assert found.pack == "cn" and found.pack_version == load_registry().packs[Jurisdiction.CN].version
    assert evidence(contacts, "c4", "conversations-a-day") == MetadataEvidence(
        facts={
            "local_time": "2026-03-02 12:00",
            "count": "4",
            "limit": "3",
            "days": "1",
            "customer_tz": SHANGHAI,
        },
        calls=("c1", "c2", "c3"),
    )


@pytest.mark.parametrize(("fourth", "found"), [("23:59:59", True), ("00:00:00", False)])
def test_a_day_ends_at_the_debtors_midnight(fourth: str, found: bool) -> None:
    contacts = [dialled(f"c{n}", at) for n, at in enumerate(every(HOUR, local("2026-03-02 18:00"), 3), 1)]
    day = "2026-03-02" if found else "2026-03-03"
    last = dialled("c4", local(f"{day} {fourth}"))
    assert ("c4" in breaches([*contacts, last], "conversations-a-day")) is found


def test_a_day_is_the_debtors_and_not_the_servers() -> None:
    """Four calls on one day in UTC, two on each of two days in Shanghai."""
    times = [datetime(2026, 3, 2, hour, tzinfo=UTC) for hour in (14, 15, 16, 17)]
    assert breaches([dialled(f"c{n}", at, answered=True) for n, at in enumerate(times)], "conversations-a-day") == {}
    times = [datetime(2026, 3, 2, 16, tzinfo=UTC) + HOUR * n for n in (0, 7, 8, 15)]
    assert "c3" in breaches([dialled(f"c{n}", at) for n, at in enumerate(times)], "conversations-a-day")


def test_what_is_no_conversation_with_the_debtor_does_not_count() -> None:
    contacts = [
        dialled("c1", MORNING),
        dialled("c2", MORNING + HOUR),
        dialled("unanswered", MORNING + HOUR * 2, answered=False),
        dialled("inbound", MORNING + HOUR * 3, direction=Direction.INBOUND),
        dialled("mother", MORNING + HOUR * 4, party="third_person", number="n2"),
        dialled("lawyer", MORNING + HOUR * 5, party="律师", number="n3"),
        dialled("guarantor", MORNING + HOUR * 6, party="guarantor", number="n4"),
        dialled("c3", MORNING + HOUR * 7),
    ]
    assert breaches(contacts) == {}


def test_calls_that_the_debtor_asked_for_do_not_count_from_then_on() -> None:
    times = every(HOUR, MORNING, 6)
    contacts = [dialled(f"c{n}", at) for n, at in enumerate(times)]
    contacts[2] = dialled("c2", times[2], facts={"consented_calls": True})
    assert breaches(contacts) == {}
    contacts[4] = dialled("c4", times[4], facts={"consented_calls": False})
    assert breaches(contacts) == {"c5": ["conversations-a-day"]}, "two before the consent and two after it"


def test_a_recording_tells_whether_somebody_spoke() -> None:
    silent = Heard(customer_speech_ms=0)
    contacts = [dialled(f"c{n}", at, answered=None, recorded=True) for n, at in enumerate(every(HOUR, MORNING, 4))]
    assert breaches(contacts) == {"c3": ["conversations-a-day"]}
    contacts[0] = replace(contacts[0], heard=silent)
    assert breaches(contacts) == {}
    contacts[0] = dialled("c0", MORNING, answered=None, outcome="voicemail", recorded=True)
    assert breaches(contacts) == {}, "a voicemail speaks, and is nobody"


def test_where_dialler_and_recording_contradict_each_other_it_is_only_possible() -> None:
    contacts = [dialled(f"c{n}", at, answered=False, recorded=True) for n, at in enumerate(every(HOUR, MORNING, 4))]
    found = finding_of(contacts, "c3", "conversations-a-day")
    assert found.status is FindingStatus.POSSIBLE
    assert evidence(contacts, "c3", "conversations-a-day").facts["count"] == "4"


# --- tries to a number ------------------------------------------------------------------------------------------------


def test_the_seventh_unanswered_try_of_a_number_is_one_too_many() -> None:
    contacts = [dialled(f"c{n}", at, answered=False) for n, at in enumerate(every(HOUR, MORNING, 8), 1)]
    assert breaches(contacts[:6]) == {}
    assert breaches(contacts) == {"c7": ["tries-a-day"], "c8": ["tries-a-day"]}
    assert finding_of(contacts, "c7", "tries-a-day").severity is Severity.MEDIUM


def test_each_number_is_counted_by_itself_and_answered_calls_are_no_tries() -> None:
    contacts = [dialled(f"a{n}", at, answered=False) for n, at in enumerate(every(HOUR, MORNING, 6))]
    contacts += [dialled(f"b{n}", at, answered=False, number="n2") for n, at in enumerate(every(HOUR, MORNING, 6))]
    contacts += [dialled("c", MORNING + HOUR * 9)]
    assert breaches(contacts) == {}


def test_without_a_number_no_tries_are_counted() -> None:
    contacts = [dialled(f"c{n}", at, answered=False, number=None) for n, at in enumerate(every(HOUR, MORNING, 9))]
    assert breaches(contacts) == {}


def test_the_outcome_tells_what_the_column_does_not() -> None:
    contacts = [dialled(f"c{n}", at, answered=None, outcome="无人接听") for n, at in enumerate(every(HOUR, MORNING, 7))]
    assert breaches(contacts) == {"c6": ["tries-a-day"]}


# --- seven in seven, and the cool-down --------------------------------------------------------------------------------


def test_the_eighth_call_in_seven_days_is_one_too_many() -> None:
    start = local("2026-03-02 12:00", NEW_YORK)
    contacts = [american(f"c{n}", at, answered=False) for n, at in enumerate(every(HOUR * 20, start, 8), 1)]
    assert breaches(contacts[:7], "seven-in-seven") == {}
    assert breaches(contacts, "seven-in-seven") == {"c8": ["seven-in-seven"]}
    assert evidence(contacts, "c8", "seven-in-seven").calls == tuple(f"c{n}" for n in range(1, 8))


def test_on_the_eighth_day_the_first_is_forgotten() -> None:
    start = local("2026-03-02 20:59", NEW_YORK)
    first = [american(f"c{n}", start + timedelta(seconds=n), answered=False) for n in range(7)]
    seventh_day = american("late", local("2026-03-08 20:59", NEW_YORK), answered=False)
    eighth_day = american("late", local("2026-03-09 08:00", NEW_YORK), answered=False)
    assert breaches([*first, seventh_day]) == {"late": ["seven-in-seven"]}
    assert breaches([*first, eighth_day]) == {}


def test_persons_and_debts_are_counted_apart() -> None:
    start = local("2026-03-02 12:00", NEW_YORK)
    times = every(HOUR, start, 8)
    two_debts = [american(f"c{n}", at, answered=False, debt_ref=f"D{n % 2}") for n, at in enumerate(times)]
    two_people = [american(f"c{n}", at, answered=False, party_ref=f"P{n % 2}") for n, at in enumerate(times)]
    assert breaches(two_debts) == {} and breaches(two_people) == {}
    half_named = [american(f"c{n}", at, answered=False, debt_ref="D" if n % 2 else None) for n, at in enumerate(times)]
    assert breaches(half_named) == {"c7": ["seven-in-seven"]}, "the only debt there is, is the one that is meant"


def test_a_number_out_of_service_disturbs_nobody() -> None:
    times = every(HOUR, local("2026-03-02 12:00", NEW_YORK), 8)
    contacts = [american(f"c{n}", at, answered=None, outcome="no answer") for n, at in enumerate(times)]
    contacts[3] = american("c3", times[3], answered=None, outcome="Invalid number")
    assert breaches(contacts) == {}


@pytest.mark.parametrize(("day", "found"), [(1, True), (2, True), (7, True), (8, False)])
def test_the_day_of_a_conversation_is_the_first_of_seven_quiet_ones(day: int, found: bool) -> None:
    talked = american("talked", local("2026-03-02 08:30", NEW_YORK))
    again = american("again", local("2026-03-02 20:30", NEW_YORK) + DAY * (day - 1), answered=False)
    assert (breaches([talked, again]) == {"again": ["cool-down"]}) is found
    if found:
        facts = evidence([talked, again], "again", "cool-down").facts
        assert (facts["day"], facts["days"], facts["since"]) == (str(day), "7", "2026-03-02 08:30")


def test_the_quiet_days_end_at_midnight() -> None:
    talked = american("talked", local("2026-03-02 20:59", NEW_YORK), direction=Direction.INBOUND)
    for text, found in (("2026-03-08 23:59", True), ("2026-03-09 00:00", False)):
        again = american("again", local(text, NEW_YORK), answered=False)
        assert bool(breaches([talked, again], "cool-down")) is found, text


def test_an_unanswered_try_or_another_debt_begins_no_quiet_days() -> None:
    tried = american("tried", local("2026-03-02 09:00", NEW_YORK), answered=False)
    again = american("again", local("2026-03-03 09:00", NEW_YORK))
    assert breaches([tried, again]) == {}
    talked = american("talked", local("2026-03-02 09:00", NEW_YORK), debt_ref="D1")
    assert breaches([talked, replace(again, context=replace(again.context, debt_ref="D2"))]) == {}


def test_when_nobody_knows_who_answered_the_quiet_days_are_possible() -> None:
    unknown = american("unknown", local("2026-03-02 09:00", NEW_YORK), answered=None)
    again = american("again", local("2026-03-03 09:00", NEW_YORK), answered=False)
    assert finding_of([unknown, again], "again", "cool-down").status is FindingStatus.POSSIBLE


def test_the_statute_binds_third_party_collectors() -> None:
    times = every(HOUR, local("2026-03-02 12:00", NEW_YORK), 8)
    bank = [american(f"c{n}", at, collector_type=CollectorType.FIRST_PARTY) for n, at in enumerate(times)]
    assert breaches(bank) == {}
    unknown = [american(f"c{n}", at, collector_type=None) for n, at in enumerate(times)]
    assert finding_of(unknown, "c7", "seven-in-seven").status is FindingStatus.POSSIBLE


# --- clocks -----------------------------------------------------------------------------------------------------------


def test_the_night_the_clocks_go_forward_has_23_hours() -> None:
    """2026-03-08 in New York: 01:59 is followed by 03:00. Seven quiet days from the 2nd end as that day ends."""
    talked = american("talked", local("2026-03-02 12:00", NEW_YORK))
    last_minute = american("again", local("2026-03-08 23:59", NEW_YORK), answered=False)
    assert last_minute.context.started_at is not None
    next_minute = american("again", last_minute.context.started_at.astimezone(UTC) + timedelta(minutes=1))
    assert breaches([talked, last_minute], "cool-down") and not breaches([talked, next_minute], "cool-down")


def test_the_hour_that_comes_twice_is_one_day_and_in_order() -> None:
    """2026-11-01 in New York: 01:30 comes twice; the second is later, and both are the same day."""
    first, second = (local("2026-11-01 01:30", NEW_YORK, fold) for fold in (0, 1))
    assert second.astimezone(UTC) - first.astimezone(UTC) == HOUR
    contacts = [american("z", first.astimezone(UTC)), american("a", second.astimezone(UTC), answered=False)]
    assert breaches(contacts, "cool-down") == {"a": ["cool-down"]}
    assert evidence(contacts, "a", "cool-down").facts["since"] == "2026-11-01 01:30"


@pytest.mark.parametrize(
    ("moment", "found"),
    [
        # Winter: 08:00 is 13:00Z. Summer: 08:00 is 12:00Z, from the 8th on.
        ("2026-03-07T12:59:00Z", True),
        ("2026-03-07T13:00:00Z", False),
        ("2026-03-08T11:59:00Z", True),
        ("2026-03-08T12:00:00Z", False),
        ("2026-10-31T12:00:00Z", False),
        ("2026-11-01T12:59:00Z", True),
        ("2026-11-01T13:00:00Z", False),
        # 21:00 is 02:00Z in winter, 01:00Z in summer.
        ("2026-03-08T01:59:00Z", False),
        ("2026-03-08T02:00:00Z", True),
        ("2026-03-09T00:59:00Z", False),
        ("2026-03-09T01:00:00Z", True),
    ],
)
def test_hours_of_a_call_without_a_recording_follow_daylight_saving(moment: str, found: bool) -> None:
    contact = american("c", datetime.fromisoformat(moment), answered=False)
    assert breaches([contact]) == ({"c": ["hours"]} if found else {})


@pytest.mark.parametrize(("clock", "found"), [("07:59", True), ("08:00", False), ("21:59", False), ("22:00", True)])
def test_hours_of_a_call_without_a_recording_are_those_of_its_pack(clock: str, found: bool) -> None:
    assert breaches([dialled("c", local(f"2026-03-02 {clock}"), answered=False)]) == ({"c": ["hours"]} if found else {})


def test_the_hour_of_a_recorded_call_is_not_found_twice() -> None:
    night = local("2026-03-02 23:00")
    assert breaches([dialled("c", night, recorded=True)]) == {}
    assert breaches([dialled("c", night)])["c"] == ["hours"]
    assert breaches([dialled("c", night, direction=Direction.INBOUND)]) == {}
    assert breaches([dialled("c", night, zone=None)]) == {}


def test_consent_to_an_hour_holds_from_the_call_in_which_it_is_known() -> None:
    nights = [local(f"2026-03-0{day} 23:00") for day in (2, 3, 4, 5)]
    contacts = [
        dialled("before", nights[0], answered=False),
        dialled("told", nights[1], facts={"consented_hours": True}, recorded=True),
        dialled("after", nights[2], answered=False),
        dialled("revoked", nights[3], answered=False, facts={"consented_hours": False}),
    ]
    assert breaches(contacts) == {"before": ["hours"], "revoked": ["hours"]}


# --- what is not known ------------------------------------------------------------------------------------------------


def test_without_a_zone_the_clocks_are_the_callers_and_the_finding_only_possible() -> None:
    contacts = [dialled(f"c{n}", at, zone=None) for n, at in enumerate(every(HOUR, MORNING, 4))]
    assert finding_of(contacts, "c3", "conversations-a-day").status is FindingStatus.POSSIBLE
    contacts = [dialled(f"c{n}", at, zone=None, jurisdiction=Jurisdiction.TW) for n, at in enumerate([MORNING] * 9)]
    assert breaches(contacts) == {}


def test_what_has_no_time_takes_no_part() -> None:
    contacts = [dialled(f"c{n}", at) for n, at in enumerate([None, *every(HOUR, MORNING, 3), None])]
    assert breaches(contacts) == {}
    assert breaches([dialled("c", datetime(2026, 3, 2, 23))]) == {}, "a time without its offset is no moment"


# --- after something --------------------------------------------------------------------------------------------------


def test_a_call_after_a_request_to_stop() -> None:
    at = local("2026-03-02 12:00", NEW_YORK)
    asked = american("asked", at, "distress.refusal_to_be_contacted")
    later = american("later", at + DAY * 30, answered=False)
    assert breaches([asked, later]) == {"later": ["stop-asked"]}
    found = finding_of([asked, later], "later", "stop-asked")
    assert (found.status, found.probability, found.detectors) == (FindingStatus.VIOLATION, 0.9, ("lexicon",))
    assert evidence([asked, later], "later", "stop-asked").calls == ("asked",)
    earlier = american("earlier", at - DAY * 30)
    assert breaches([earlier, asked]) == {}
    inbound = american("inbound", at + DAY * 30, direction=Direction.INBOUND)
    assert breaches([asked, inbound]) == {}


def test_a_request_that_is_only_perhaps_one_makes_only_a_possible_breach() -> None:
    at = local("2026-03-02 12:00", NEW_YORK)
    later = american("later", at + DAY * 30, answered=False)
    for heard in (
        said("distress.refusal_to_be_contacted", role=Role.UNKNOWN),
        said("distress.refusal_to_be_contacted", features=("mishearing",)),
    ):
        found = finding_of([american("asked", at, heard), later], "later", "stop-asked")
        assert found.status is FindingStatus.POSSIBLE
    for heard in (
        said("distress.refusal_to_be_contacted", probability=0.5),
        said("distress.refusal_to_be_contacted", role=Role.AGENT),
    ):
        assert breaches([american("asked", at, heard), later]) == {}


def test_a_request_on_file_binds_until_the_file_says_otherwise() -> None:
    at = local("2026-03-02 12:00", NEW_YORK)
    contacts = [
        american("c1", at, answered=False),
        american("c2", at + DAY, answered=False, facts={"contact_refused": True}),
        american("c3", at + DAY * 2, answered=False),
        american("c4", at + DAY * 3, answered=False, facts={"contact_refused": False}),
        american("c5", at + DAY * 4, answered=False),
    ]
    assert breaches(contacts) == {"c2": ["stop-asked"], "c3": ["stop-asked"]}
    assert evidence(contacts, "c3", "stop-asked").facts["contact_refused"] == "true"
    asked = american("asked", at - DAY * 9, "distress.refusal_to_be_contacted")
    assert "c4" not in breaches([asked, *contacts], "stop-asked")


def test_in_the_mainland_a_third_person_may_refuse_and_the_debtor_may_not() -> None:
    debtor = dialled("asked", MORNING, "distress.refusal_to_be_contacted")
    assert breaches([debtor, dialled("later", MORNING + DAY)]) == {}
    mother = dialled("asked", MORNING, "distress.refusal_to_be_contacted", party="third_person", number="n2")
    again = dialled("later", MORNING + DAY, answered=False, number="n2")
    assert breaches([mother, again]) == {"later": ["third-person-refused"]}
    assert breaches([mother, dialled("later", MORNING + DAY)]) == {}, "the debtor's own number"


def test_who_answers_tells_whose_number_it_is() -> None:
    wrong = dialled("wrong", MORNING, "distress.wrong_party", answered=None, party_ref="P1")
    again = dialled("again", MORNING + DAY, answered=False, party_ref="P1")
    assert breaches([wrong, again]) == {"again": ["third-person-refused"]}
    debtor = dialled("debtor", MORNING + HOUR, "cue.confirms_identity", party_ref="P1")
    assert breaches([wrong, debtor, again]) == {}, "the debtor answers there too"


def test_a_third_person_spoken_to_twice() -> None:
    at = local("2026-03-02 12:00", NEW_YORK)
    first = american("first", at, party="relative", number="n2")
    second = american("second", at + DAY * 60, party="relative", number="n2")
    other = american("other", at + DAY * 61, party="employer", number="n3")
    assert breaches([first, second, other], "third-person-again") == {"second": ["third-person-again"]}
    chinese = [dialled(f"c{n}", MORNING + DAY * n, party="联系人", number="n2") for n in range(2)]
    assert finding_of(chinese, "c1", "third-person-again").status is FindingStatus.POSSIBLE
    unreachable = [replace(c, context=replace(c.context, facts={"unreachable": True})) for c in chinese]
    assert breaches(unreachable) == {}


def test_a_debtor_with_a_lawyer_is_not_called_but_the_lawyer_is() -> None:
    at = local("2026-03-02 12:00", NEW_YORK)
    told = american("told", at, "distress.attorney_represented")
    debtor = american("debtor", at + DAY * 8, answered=False)
    lawyer = american("lawyer", at + DAY * 8, party="attorney", number="n9")
    assert breaches([told, debtor, lawyer]) == {"debtor": ["represented"]}
    on_file = american("debtor", at, facts={"represented": True})
    assert breaches([on_file]) == {"debtor": ["represented"]}


def test_a_dispute_that_nobody_dealt_with() -> None:
    disputed = dialled("disputed", MORNING, "distress.dispute_debt")
    demand = dialled("demand", MORNING + DAY, "cue.demand")
    assert breaches([disputed, demand]) == {"demand": ["disputed"]}
    assert finding_of([disputed, demand], "demand", "disputed").probability == pytest.approx(0.81)
    handled = dialled("disputed", MORNING, "distress.dispute_debt", "respect.dispute_handling")
    assert breaches([handled, demand]) == {}
    later = dialled("later", MORNING + HOUR, "respect.dispute_handling")
    assert breaches([disputed, later, demand]) == {}
    again = dialled("again", MORNING + HOUR * 2, "distress.dispute_debt")
    assert breaches([disputed, later, again, demand]) == {"demand": ["disputed"]}
    harmless = dialled("harmless", MORNING + DAY, "courtesy.professional")
    assert breaches([disputed, harmless, dialled("unheard", MORNING + DAY)]) == {}
    other_debt = [replace(c, context=replace(c.context, debt_ref=c.id)) for c in (disputed, demand)]
    assert breaches(other_debt) == {}


@pytest.mark.parametrize(("days", "found"), [(1, True), (14, True), (15, False)])
def test_a_demand_soon_after_a_bereavement(days: int, found: bool) -> None:
    told = dialled("told", local("2026-03-02 08:00"), "distress.bereavement")
    demand = dialled("demand", local("2026-03-02 21:00") + DAY * days, "cue.demand_full")
    assert (breaches([told, demand]) == {"demand": ["bereaved"]}) is found
    assert [c.ref for f in judge_timeline([told, demand], load_registry()).get("demand", ()) for c in f.clauses] == (
        ["house"] if found else []
    )


def test_a_plan_that_the_creditor_breaks() -> None:
    agreed = dialled("agreed", MORNING, "solution.instalment_plan", "closing.summary_confirm")
    demand = dialled("demand", MORNING + DAY * 20, "cue.demand_full")
    found = finding_of([agreed, demand], "demand", "promise-broken")
    assert (found.status, found.probability) == (FindingStatus.POSSIBLE, pytest.approx(0.81))
    kept = replace(demand, context=replace(demand.context, facts={"plan_broken": False}))
    assert finding_of([agreed, kept], "demand", "promise-broken").status is FindingStatus.VIOLATION
    broken = replace(demand, context=replace(demand.context, facts={"plan_broken": True}))
    assert breaches([agreed, broken]) == {}
    assert breaches([demand, replace(agreed, context=replace(agreed.context, started_at=MORNING + DAY * 30))]) == {}
    for then in ("pressure.unaffordable_payment", "threat.litigation_false"):
        assert "demand" in breaches([agreed, dialled("demand", MORNING + DAY, then)], "promise-broken")


# --- order ------------------------------------------------------------------------------------------------------------


def busy_account() -> list[Contact]:
    """A month in which nearly every rule is met, with ties in time and gaps in what is known."""
    rng = random.Random(4)
    keys = [
        *("distress.refusal_to_be_contacted", "distress.wrong_party", "distress.dispute_debt", "cue.demand_full"),
        *("distress.attorney_represented", "solution.instalment_plan", "respect.dispute_handling", "cue.demand"),
    ]
    contacts = []
    for n in range(60):
        at = local("2026-03-01 06:00", NEW_YORK) + timedelta(hours=rng.randrange(0, 24 * 20))
        make = rng.choice([american, dialled])
        contacts.append(
            make(
                f"c{n:02}",
                rng.choice([at, at, at, None]),
                *rng.sample(keys, rng.choice([0, 0, 0, 1, 2])),
                answered=rng.choice([True, False, None]),
                number=rng.choice(["n1", "n2", None]),
                party=rng.choice([None, None, "debtor", "third_person"]),
                debt_ref=rng.choice(["D1", "D2", None]),
                facts=rng.choice([{}, {}, {"contact_refused": True}, {"contact_refused": False}]),
            )
        )
    return contacts


BUSY = busy_account()
EXPECTED = judge_timeline(BUSY, load_registry())


@settings(max_examples=25, deadline=None)
@given(st.permutations(BUSY))
def test_the_same_contacts_give_the_same_findings_in_any_order(contacts: list[Contact]) -> None:
    assert judge_timeline(contacts, load_registry()) == EXPECTED


def test_the_busy_account_meets_many_rules() -> None:
    assert len({f.rule for findings in EXPECTED.values() for f in findings}) >= 8
