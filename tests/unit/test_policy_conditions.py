"""Conditions: the parts of a call they can be limited to, their relations, how they combine, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.policy.conditions import holds
from pipeline.policy.evaluating import Why
from pipeline.policy.source import BadPolicy
from tests.unit.signalled import answers, call, rule, utterances

HARDSHIP, DEMAND, OFFER = "distress.job_loss", "cue.demand_full", "solution.instalment_plan"


def met(tmp_path: Path, conditions: str, *lines: str, when: str = "a", **about: object) -> list[int]:
    """Where the condition `a` is met, when the rule holds; else nothing."""
    found = rule(tmp_path, f"category: pressure.false_urgency\nwhen: {when}\nevidence: a\nconditions: {conditions}")
    given = answers(found, call(*lines, **about))  # type: ignore[arg-type]
    return utterances(given["a"]) if holds(found.when, {name: one.met for name, one in given.items()}) else []


FOUR = ("agent: cue.demand", "customer:", "agent: cue.demand", "customer: cue.demand")


@pytest.mark.parametrize(
    ("scope", "where"),
    [
        ("", [0, 2, 3]),
        (", by: agent", [0, 2]),
        (", by: [customer, unknown]", [3]),
        (", first_s: 9.9", [0]),
        (", first_s: 10", [0, 2]),
        (", last_s: 10", [2, 3]),
        (", last_s: 9.9", [3]),
        (", first_turns: 2", [0]),
        (", first_turns: 3", [0, 2]),
        (", last_turns: 1", [3]),
        (", last_turns: 2", [2, 3]),
        (", at_least: 3", [0, 2, 3]),
        (", at_least: 4", []),
        (", threshold: 0.95", []),
    ],
)
def test_which_part_of_a_call_counts(tmp_path: Path, scope: str, where: list[int]) -> None:
    assert met(tmp_path, f"{{a: {{said: cue.demand{scope}}}}}", *FOUR) == where


def test_how_it_was_said_excuses_or_is_required(tmp_path: Path) -> None:
    lines = ("agent: cue.demand quoted", "agent: cue.demand negated", "agent: cue.demand question", "agent: cue.demand")
    assert met(tmp_path, "{a: {said: cue.demand}}", *lines) == [2, 3]
    assert met(tmp_path, "{a: {said: cue.demand, excuses: []}}", *lines) == [0, 1, 2, 3]
    assert met(tmp_path, "{a: {said: cue.demand, excuses: [question]}}", *lines) == [0, 1, 3]
    assert met(tmp_path, "{a: {said: cue.demand, requires: [question]}}", *lines) == [2]


LONG = (
    "customer: distress.job_loss",  # 0
    "agent: cue.demand_full",  # 1: one turn after
    "customer:",
    "agent: cue.demand_full",  # 3: two turns after
    "customer: distress.job_loss",  # 4
    "agent: solution.instalment_plan",  # 5
    "customer:",
    "agent: cue.demand_full",  # 7: two turns after the second, with an offer in between
)


@pytest.mark.parametrize(
    ("anchor", "where"),
    [
        ("after: h", [1, 3, 7]),
        ("after: {of: h, within_turns: 1}", [1]),
        ("after: {of: h, within_turns: 2}", [1, 3, 7]),
        ("after: {of: h, within_s: 5}", [1]),
        ("after: {of: h, hit: 2}", [7]),
        ("after: {of: h, hit: 1, within_turns: 2}", [1, 3]),
        ("after: {of: h, hit: -1}", [7]),
        ("after: {of: h, hit: 3}", []),
        ("after: {of: h, unless: [o]}", [1, 3]),
        ("before: h", [1, 3]),
        ("before: {of: h, within_turns: 1}", [3]),
        ("not_after: [o]", [1, 3]),
        ("before: o", [1, 3]),
    ],
)
def test_relations_to_another_condition(tmp_path: Path, anchor: str, where: list[int]) -> None:
    conditions = f"{{h: {{said: {HARDSHIP}}}, o: {{said: {OFFER}}}, a: {{said: {DEMAND}, by: agent, {anchor}}}}}"
    assert met(tmp_path, conditions, *LONG) == where


def test_the_trace_says_why_a_signal_did_not_count(tmp_path: Path) -> None:
    anchor = "{of: h, within_turns: 3, unless: [o]}"
    asked = f"{{said: {DEMAND}, by: agent, first_s: 60, after: {anchor}}}"
    conditions = f"{{h: {{said: {HARDSHIP}}}, o: {{said: {OFFER}}}, a: {asked}}}"
    found = rule(tmp_path, f"category: pressure.false_urgency\nwhen: a\nconditions: {conditions}")
    seen = call(
        "agent: cue.demand_full",
        "customer: distress.job_loss, cue.demand_full",
        "agent: cue.demand_full 0.3",
        "agent: cue.demand_full quoted",
        "agent: cue.demand_full, solution.instalment_plan",
        *("customer:", "agent:") * 4,
        "customer:",
        "agent: cue.demand_full",
    )
    rejected = {(one.signal.span.utterance): (one.why, one.detail) for one in answers(found, seen)["a"].rejected}
    assert rejected == {
        0: (Why.NOT_AFTER, "h"),
        1: (Why.ROLE, "customer"),
        2: (Why.UNSURE, "0.30 < 0.60"),
        3: (Why.EXCUSED, "quoted"),
        4: (Why.CALLED_OFF, "o"),
        14: (Why.OUTSIDE_PART, "first 60 s"),
    }


@pytest.mark.parametrize(
    ("when", "yes"),
    [
        ("{all: [a, h]}", True),
        ("{all: [a, o]}", False),
        ("{any: [o, a]}", True),
        ("{not: o}", True),
        ("{not: h}", False),
        ("{at_least: 2, of: [a, h, o]}", True),
        ("{at_least: 3, of: [a, h, o]}", False),
        ("{all: [a, {not: {any: [o]}}]}", True),
    ],
)
def test_conditions_combine(tmp_path: Path, when: str, yes: bool) -> None:
    conditions = f"{{a: {{said: {DEMAND}}}, h: {{said: {HARDSHIP}}}, o: {{said: {OFFER}}}}}"
    lines = ("agent: cue.demand_full", "customer: distress.job_loss")
    assert met(tmp_path, conditions, *lines, when=when) == ([0] if yes else [])


@pytest.mark.parametrize(
    ("condition", "facts", "yes"),
    [
        ("{fact: suit_filed, is: true}", {"suit_filed": True}, True),
        ("{fact: suit_filed, is: true}", {"suit_filed": False}, False),
        ("{fact: suit_filed, is: true}", {}, False),
        ("{fact: suit_filed, known: false}", {}, True),
        ("{fact: suit_filed, known: true}", {"suit_filed": False}, True),
        ("{fact: balance, over: 1000}", {"balance": 1000.5}, True),
        ("{fact: balance, under: 1000}", {"balance": "1000"}, False),
    ],
)
def test_facts(tmp_path: Path, condition: str, facts: dict[str, object], yes: bool) -> None:
    conditions = f"{{a: {{said: {DEMAND}}}, f: {condition}}}"
    found = met(tmp_path, conditions, "agent: cue.demand_full", when="{all: [a, f]}", facts=facts)
    assert found == ([0] if yes else [])


def test_metadata(tmp_path: Path) -> None:
    conditions = (
        f"{{a: {{said: {DEMAND}}}, p: {{about: product, one_of: [card, loan]}}, d: {{about: days_past_due, over: 90}}}}"
    )
    for product, days, yes in (("Card", 91, True), ("card", 90, False), ("mortgage", 91, False), (None, 91, False)):
        about = {"product": product, "days_past_due": days}
        found = met(tmp_path, conditions, "agent: cue.demand_full", when="{all: [a, p, d]}", **about)
        assert found == ([0] if yes else [])


class TestMissing:
    CONDITIONS = "{h: {said: distress.self_harm}, a: {missing: [safety.crisis_response], after: h, within_turns: 2}}"

    def windows(self, tmp_path: Path, conditions: str, *lines: str) -> list[tuple[int, int]]:
        found = rule(tmp_path, f"category: abuse.self_harm_dismissal\nwhen: a\nconditions: {conditions}")
        return [(w.window_start_ms, w.window_end_ms) for w in answers(found, call(*lines))["a"].windows]

    def test_in_turns(self, tmp_path: Path) -> None:
        begin = ("agent:", "customer: distress.self_harm")
        assert self.windows(tmp_path, self.CONDITIONS, *begin, "agent:", "customer:", "agent:") == [(9500, 24500)]
        answered = (*begin, "agent:", "customer:", "agent: safety.crisis_response")
        assert self.windows(tmp_path, self.CONDITIONS, *answered) == []
        late = (*begin, "agent:", "customer:", "agent:", "customer:", "agent: safety.crisis_response")
        assert len(self.windows(tmp_path, self.CONDITIONS, *late)) == 1
        assert self.windows(tmp_path, self.CONDITIONS, *begin, "agent:") == [], "one utterance is no chance"
        assert self.windows(tmp_path, self.CONDITIONS, "agent:", "customer:", "agent:", "customer:", "agent:") == []

    def test_in_time(self, tmp_path: Path) -> None:
        conditions = (
            "{never: {said: distress.wrong_party}, a: {missing: [disclosure.identity], within_s: 10, never: [never]}}"
        )
        assert self.windows(tmp_path, conditions, *("agent:",) * 4) == [(0, 10_000)]
        assert self.windows(tmp_path, conditions, "agent:", "agent: disclosure.identity", "agent:") == []
        assert len(self.windows(tmp_path, conditions, "agent:", "agent:", "agent: disclosure.identity")) == 1
        assert self.windows(tmp_path, conditions, "customer: distress.wrong_party", *("agent:",) * 4) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("when: {some: [a]}\nconditions: {a: {said: cue.demand}}", r"rule\.yaml:2: unknown operator 'some'"),
        ("when: {anny: [a]}\nconditions: {a: {said: cue.demand}}", "did you mean 'any'"),
        ("when: b\nconditions: {a: {said: cue.demand}}", "there is no condition 'b'"),
        ("when: a\nconditions: {a: {said: cue.demnd}}", "did you mean 'cue.demand'"),
        (
            "when: a\nconditions: {a: {said: cue.demand, after: b}, b: {said: cue.demand, after: a}}",
            "in a circle: .*a.*b",
        ),
        ("when: a\nconditions: {a: {said: cue.demand, after: a}}", "in a circle"),
        ("when: a\nconditions: {a: {said: cue.demand, after: bb}, b: {said: cue.demand}}", "'bb', which is none"),
        ("when: {all: [a, {not: a}]}\nconditions: {a: {said: cue.demand}}", "can never hit: 'when' contradicts itself"),
        ("when: {not: a}\nevidence: a\nconditions: {a: {said: cue.demand}}", "can never hit"),
        (
            "when: a\nconditions: {a: {said: cue.demand, excuses: [joke], requires: [joke]}}",
            "requires what also excuses",
        ),
        ("earliest: '22:00'\nlatest: '08:00'", "'earliest' is not before 'latest'"),
        ("when: a\nconditions: {a: {fact: suit_filed, is: true}}", "no evidence of anything said"),
        ("when: a\nconditions: {a: {fact: suit_fled, is: true}}", "suit_filed"),
        ("when: a\nconditions: {a: {missing: [disclosure.identity]}}", "either 'within_s' or 'within_turns'"),
        ("when: a\nconditions: {a: {sayd: cue.demand}}", "a condition is one of said, missing"),
        ("when: a\nconditions: {a: {said: cue.demand, after: {of: a, hit: 0}}}", "counted from 1"),
        ("when: {at_least: 3, of: [a]}\nconditions: {a: {said: cue.demand}}", "outside 1 to 1"),
        ("when: {all: []}\nconditions: {a: {said: cue.demand}}", "needs at least one condition"),
        ("sayd: cue.demand", "a rule has one of when, said"),
    ],
)
def test_a_bad_rule_is_refused_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadPolicy, match=message) as caught:
        rule(tmp_path, f"category: pressure.false_urgency\n{text}")
    assert caught.value.message.startswith("rule.yaml:")
