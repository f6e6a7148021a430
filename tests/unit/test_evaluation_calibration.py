"""Calibration over turns and groups, against values worked out by hand."""

from __future__ import annotations

import pytest

from models.metrics import Bin
from pipeline.evaluation.calibration import Calibration, calibration
from pipeline.evaluation.groups import ROLE_GROUPS
from pipeline.evaluation.judged import by_language
from pipeline.evaluation.predictions import Prediction
from pipeline.evaluation.turns import LabelledTurn, TurnLanguage
from pipeline.records import Role

A, C = Role.AGENT, Role.CUSTOMER


def weighed(*rows: tuple[Role, set[str], dict[str, float], set[str]]) -> Calibration:
    turns = [
        LabelledTurn(id=place, language=TurnLanguage.EN, role=row[0], text="…", labels=frozenset(row[1]))
        for place, row in enumerate(rows)
    ]
    found = [Prediction(id=place, labels=row[2], decided=tuple(row[3])) for place, row in enumerate(rows)]
    return calibration(by_language(turns, found).get("en", []))


def test_who_can_belong_to_which_group() -> None:
    assert ROLE_GROUPS == {A: ("threat", "abuse", "pressure"), C: ("distress",)}


def test_pairs_bins_and_scores_by_hand() -> None:
    found = weighed(
        # Contact is of the group pressure; its probability is the highest of the group's.
        (A, {"contact.time"}, {"contact.time": 0.6, "pressure.false_promise": 0.8}, {"pressure.false_promise"}),
        (A, set(), {"threat.arrest": 0.4, "distress.fear": 0.9}, set()),
        # A label and a claim that a customer's turn can't have are no pairs.
        (C, {"distress", "threat.arrest"}, {"distress.crying": 0.49, "threat.arrest": 0.9}, set()),
        (C, set(), {"distress.fear": 0.04}, set()),
    )
    # Eight pairs: three groups of two agents' turns, one of two customers'.
    assert (found.pairs, found.likely) == (8, 3)
    assert found.bins == (
        Bin(count=1, probability=0.4, share=0.0),
        Bin(count=1, probability=0.49, share=1.0),
        Bin(count=1, probability=0.8, share=1.0),
    )
    assert found.error == pytest.approx((0.4 + 0.51 + 0.2) / 3)
    assert found.brier == pytest.approx((0.2**2 + 0.4**2 + 0.51**2 + 0.04**2) / 8)
    # Only the customer's distress was decided wrongly.
    assert found.brier_of_decisions == pytest.approx(1 / 8)


def test_nothing_likely_and_nothing_at_all() -> None:
    quiet = weighed((A, set(), {}, set()))
    assert (quiet.pairs, quiet.likely, quiet.error, quiet.brier, quiet.bins) == (3, 0, None, 0.0, ())
    nothing = weighed()
    assert (nothing.pairs, nothing.error, nothing.brier, nothing.brier_of_decisions) == (0, None, None, None)


def test_ten_bins_of_equal_mass() -> None:
    found = weighed(*((C, set(), {"distress.fear": 0.05 + place / 100}, set()) for place in range(57)))
    assert len(found.bins) == 10 and sum(each.count for each in found.bins) == 57
    assert {each.count for each in found.bins} == {5, 6}
