"""Patterns of a whole call: steps in order, optional ones, absences; good and bad."""

from __future__ import annotations

import pytest

from pipeline.policy.outcomes import outcomes_of
from pipeline.policy.registry import load_registry
from pipeline.records import Polarity
from tests.unit.dialogue import judged
from tests.unit.signalled import call

PATTERNS = load_registry().packs["CN"].patterns  # type: ignore[index]


def patterns(*lines: str) -> set[str]:
    return {outcome.pattern for outcome in outcomes_of(PATTERNS, call(*lines))}


@pytest.mark.parametrize(
    ("lines", "pattern", "there"),
    [
        (("customer: distress.job_loss", "agent: solution.instalment_plan"), "hardship_success", True),
        (("agent: solution.instalment_plan", "customer: distress.job_loss"), "hardship_success", False),
        (("customer: distress.job_loss", "agent: solution.instalment_plan negated"), "hardship_success", False),
        (("agent: distress.job_loss", "agent: solution.instalment_plan"), "hardship_success", False),
        (("agent: threat.litigation_false", "customer: distress.agitation"), "failure_escalation", True),
        (("customer: distress.agitation", "agent: threat.litigation_false"), "failure_escalation", False),
        (("customer: distress.self_harm", "agent:", "customer:", "agent:"), "crisis_ignored", True),
        (("customer: distress.self_harm", "agent:", "agent: safety.crisis_response"), "crisis_ignored", False),
        (("customer: distress.self_harm", "agent:"), "crisis_ignored", False),
    ],
)
def test_steps_count_in_their_order(lines: tuple[str, ...], pattern: str, there: bool) -> None:
    assert (pattern in patterns(*lines)) == there


def test_each_step_points_at_its_words() -> None:
    seen = call(
        "agent: abuse.hostile_tone",
        "agent: threat.litigation_false",
        "customer: distress.agitation",
        "customer: distress.complaint_intent",
    )
    outcome = next(o for o in outcomes_of(PATTERNS, seen) if o.pattern == "failure_escalation")
    assert outcome.polarity is Polarity.NEGATIVE and outcome.name_zh and outcome.name_en
    assert [(s.category, s.span.utterance) for s in outcome.steps] == [
        ("abuse.hostile_tone", 0),
        ("threat.litigation_false", 1),
        ("distress.agitation", 2),
        ("distress.complaint_intent", 3),
    ]


def test_the_two_cases_that_matter_most_are_told_of_a_whole_call() -> None:
    kind = judged(
        "customer: 我失业了，真的还不上。",
        "agent: 我理解您的难处，您每个月大概能承受多少？我们可以申请分期还款，分十二期。",
    )
    assert [o.pattern for o in kind.outcomes] == ["hardship_success"] and not kind.flagged
    stern = judged("agent: 少废话，今天不还马上起诉你！", "customer: 你们凭什么这么凶，我要投诉你们！")
    assert "failure_escalation" in {o.pattern for o in stern.outcomes}
