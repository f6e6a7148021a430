"""What being wrong costs, and which turns are shown for it."""

from __future__ import annotations

import pytest

from pipeline.evaluation.judged import JudgedTurn
from pipeline.evaluation.misses import LENGTH, Kind, costliest, shown
from pipeline.evaluation.predictions import Prediction
from pipeline.evaluation.turns import LabelledTurn, TurnLanguage
from pipeline.records import Role

A, C = Role.AGENT, Role.CUSTOMER


def judged(
    role: Role, labels: set[str], found: dict[str, float], decided: set[str] | None = None, *, text: str = "…"
) -> JudgedTurn:
    """By default what is at even odds or more is decided."""
    decided = {key for key, p in found.items() if p >= 0.5} if decided is None else decided
    turn = LabelledTurn(id=text, language=TurnLanguage.EN, role=role, text=text, labels=frozenset(labels))
    prediction = Prediction(id=text, labels=found, decided=tuple(sorted(decided)))
    return JudgedTurn(turn=turn, prediction=prediction, labels=frozenset(labels), decided=frozenset(decided))


@pytest.mark.parametrize(
    ("turn", "kind", "cost", "probability"),
    [
        (judged(C, {"distress.self_harm"}, {}), Kind.MISSED, 8.0, 0.0),
        (judged(C, {"distress.self_harm"}, {"distress.self_harm": 0.25}), Kind.MISSED, 6.0, 0.25),
        # Called by another name is missed all the same.
        (judged(C, {"distress.self_harm"}, {"distress.bereavement": 0.9}), Kind.MISSED, 8.0, 0.0),
        # A group costs what its worst category does, and is as probable as its likeliest.
        (judged(A, {"threat"}, {"threat.veiled": 0.4}), Kind.MISSED, 4.8, 0.4),
        (judged(C, set(), {"distress.fear": 0.7}), Kind.ALARM, 0.7, 0.7),
        (judged(A, {"abuse.profanity"}, {"abuse.profanity": 0.9, "threat.arrest": 0.6}), Kind.ALARM, 0.6, 0.6),
    ],
)
def test_what_a_mistake_costs(turn: JudgedTurn, kind: Kind, cost: float, probability: float) -> None:
    (miss,) = costliest([turn], 10)
    assert (miss.kind, miss.cost, miss.probability) == (kind, pytest.approx(cost), probability)


@pytest.mark.parametrize(
    "turn",
    [
        judged(A, {"threat.arrest"}, {"threat.arrest": 0.9}),
        judged(A, {"threat"}, {"threat.arrest": 0.9}),
        # The right turn, under another name of the right group as well.
        judged(A, {"contact.time"}, {"contact.time": 0.9, "pressure.false_promise": 0.9}),
        # Good practice overlooked or made up harms nobody, and a customer can't commit an agent's violation.
        judged(A, {"empathy.acknowledge"}, {}),
        judged(A, set(), {"courtesy.professional": 0.9}),
        judged(C, set(), {"threat.arrest": 0.9}),
    ],
)
def test_what_costs_nothing_is_not_shown(turn: JudgedTurn) -> None:
    assert costliest([turn], 10) == ()


def test_the_worst_first_and_no_more_than_wanted() -> None:
    turns = [
        judged(C, set(), {"distress.fear": 0.6}, text="alarm"),
        judged(C, {"distress.self_harm"}, {}, text="worst"),
        judged(A, {"threat.litigation_false"}, {}, text="bad"),
        judged(A, {"threat.litigation_false"}, {}, text="bad too"),
    ]
    assert [miss.id for miss in costliest(turns, 10)] == ["worst", "bad", "bad too", "alarm"]
    assert [miss.id for miss in costliest(turns, 2)] == ["worst", "bad"] and costliest(turns, 0) == ()


def test_a_text_is_one_line_that_steers_no_terminal() -> None:
    assert shown("a\n b\x1b[31mc\r") == "a b [31mc"
    assert shown("长" * LENGTH) == "长" * LENGTH
    assert shown("长" * (LENGTH + 1)) == "长" * (LENGTH - 1) + "…"
