"""Scores of decided categories against values worked out by hand."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

from pipeline.evaluation.predictions import Prediction
from pipeline.evaluation.scoring import (
    Counts,
    Mistake,
    Share,
    TurnScore,
    f1_interval,
    macro_f1,
    macro_f1_interval,
    score_turns,
)
from pipeline.evaluation.turns import LabelledTurn, TurnLanguage
from pipeline.records import Role

Row = tuple[str, Role, set[str] | None, set[str]]
A, C = Role.AGENT, Role.CUSTOMER


def scores(*rows: Row, hard: frozenset[int] = frozenset()) -> dict[str, TurnScore]:
    turns = [
        LabelledTurn(
            id=place,
            language=TurnLanguage(lang),
            role=role,
            text="…",
            labels=None if labels is None else frozenset(labels),
            hard_negative=place in hard,
        )
        for place, (lang, role, labels, _) in enumerate(rows)
    ]
    predictions = [Prediction(id=place, labels={}, decided=tuple(row[3])) for place, row in enumerate(rows)]
    return {score.lang: score for score in score_turns(turns, predictions)}


EXAMPLE: tuple[Row, ...] = (
    ("zh", A, {"threat.arrest"}, {"threat.arrest"}),
    ("zh-Hans", A, {"threat.veiled"}, {"threat.arrest", "abuse.profanity"}),
    ("mixed", A, {"abuse.profanity"}, set()),
    ("zh", A, {"contact.time", "empathy.acknowledge"}, {"privacy.no_verification"}),
    ("zh", C, {"distress.fear"}, {"distress.fear"}),
    ("zh", C, set(), {"distress.crying"}),
    ("zh", A, {"disclosure.identity"}, {"disclosure.identity", "threat.arrest"}),
    ("zh", A, set(), set()),
)


def test_groups_alarms_and_exact_recall_by_hand() -> None:
    score = scores(*EXAMPLE)["zh"]
    assert score.turns == 8
    assert score.groups == {
        "threat": Counts(labelled=2, decided=3, right=2),
        "abuse": Counts(labelled=1, decided=1, right=0),
        "pressure": Counts(labelled=1, decided=1, right=1),
        "distress": Counts(labelled=1, decided=2, right=1),
    }
    # F1: 4/5, 0/2, 2/2, 2/3
    assert score.macro_f1 == pytest.approx((4 / 5 + 0 + 1 + 2 / 3) / 4)
    threat = score.groups["threat"]
    assert (threat.precision, threat.recall, threat.f1) == (pytest.approx(2 / 3), 1.0, pytest.approx(0.8))
    # Rows without an alarming label: the sixth, seventh and eighth; the last is quiet.
    assert score.alarms == Share(found=2, of=3) and score.alarms_over_all == Share(found=2, of=8)
    # Seven labels are categories; found are arrest, fear and identity.
    assert score.exact == Share(found=3, of=7)
    assert score.hard_negatives == Share(found=0, of=0)
    assert score.categories["threat.arrest"] == Counts(labelled=1, decided=3, right=1)
    assert score.categories["threat.veiled"].recall == 0.0 and score.categories["threat.veiled"].precision is None
    assert set(score.mistakes) == {
        Mistake(labelled="threat.veiled", decided="abuse.profanity", count=1),
        Mistake(labelled="threat.veiled", decided="threat.arrest", count=1),
        Mistake(labelled="abuse.profanity", decided=None, count=1),
        Mistake(labelled="contact.time", decided="privacy.no_verification", count=1),
        Mistake(labelled="empathy.acknowledge", decided="privacy.no_verification", count=1),
        Mistake(labelled=None, decided="distress.crying", count=1),
        Mistake(labelled=None, decided="threat.arrest", count=1),
    }


def test_languages_and_turns_without_labels() -> None:
    found = scores(
        ("zh", A, set(), set()),
        ("mixed", A, set(), set()),
        ("zh-Hant", A, {"threat.arrest"}, set()),
        ("en", A, None, {"threat.arrest"}),
    )
    assert {lang: score.turns for lang, score in found.items()} == {"zh": 3, "zh-Hant": 1}
    assert found["zh-Hant"].macro_f1 == 0.0
    assert scores(("en", A, None, set())) == {}


def test_a_label_may_name_a_group() -> None:
    score = scores(
        ("en", A, {"pressure"}, {"contact.time", "abuse.profanity"}),
        ("en", A, {"contact"}, {"pressure.false_promise"}),
        ("en", C, {"distress"}, set()),
        ("en", C, {"distress"}, {"distress.fear"}),
    )["en"]
    assert score.groups["pressure"] == Counts(labelled=2, decided=2, right=2)
    assert score.groups["distress"] == Counts(labelled=2, decided=1, right=1)
    assert score.exact == Share(found=0, of=0) and score.exact.value is None
    assert "contact.time" not in score.categories and "distress.fear" not in score.categories
    assert score.categories["pressure.false_promise"] == Counts(labelled=0, decided=1, right=0)
    assert set(score.mistakes) == {
        Mistake(labelled=None, decided="abuse.profanity", count=1),
        Mistake(labelled="contact", decided="pressure.false_promise", count=1),
        Mistake(labelled="distress", decided=None, count=1),
    }
    assert score.alarms == Share(found=0, of=0)


def test_a_decided_group_counts_for_its_group() -> None:
    score = scores(("en", A, {"threat.arrest"}, {"threat"}), ("en", A, set(), {"threat"}))["en"]
    assert score.groups["threat"] == Counts(labelled=1, decided=2, right=1)
    assert score.alarms == Share(found=1, of=1)


def test_alarms_depend_on_who_speaks() -> None:
    score = scores(
        ("en", C, set(), {"threat.arrest"}),
        ("en", A, set(), {"distress.fear"}),
        ("en", A, {"distress.fear"}, {"threat.arrest"}),
        ("en", A, set(), {"empathy.acknowledge", "disclosure.identity"}),
    )["en"]
    assert score.alarms == Share(found=1, of=4)


def test_marked_hard_negatives_are_held_to_their_own_label() -> None:
    score = scores(
        ("en", C, {"distress.fear"}, {"distress.fear"}),
        ("en", C, {"distress.fear"}, {"distress.fear", "distress.crying"}),
        ("en", A, set(), {"threat.arrest"}),
        ("en", A, {"threat.arrest"}, {"threat.arrest"}),
        hard=frozenset({0, 1, 2}),
    )["en"]
    assert score.hard_negatives == Share(found=2, of=3)
    assert score.alarms == Share(found=1, of=1)
    assert score.exact == Share(found=1, of=1)


def test_groups_that_nobody_speaks_of_are_left_out_of_the_mean() -> None:
    none = Counts(labelled=0, decided=0, right=0)
    assert macro_f1({"a": none, "b": Counts(labelled=1, decided=1, right=1)}) == 1.0
    assert macro_f1({"a": none}) is None
    assert scores(("en", A, set(), set()))["en"].macro_f1_interval is None


def test_the_bootstrap_is_the_same_for_the_same_seed_in_any_order() -> None:
    noise = np.random.default_rng(7)
    labelled = noise.random((300, 4)) < 0.2
    decided = labelled ^ (noise.random((300, 4)) < 0.1)
    interval = macro_f1_interval(labelled, decided, seed=1)
    order = noise.permutation(300)
    assert interval == macro_f1_interval(labelled, decided, seed=1)
    assert interval == macro_f1_interval(labelled[order], decided[order], seed=1)
    assert interval != macro_f1_interval(labelled, decided, seed=2)


def test_the_bootstrap_is_as_wide_as_drawing_turns_one_by_one() -> None:
    noise = np.random.default_rng(3)
    labelled = noise.random((200, 4)) < 0.25
    decided = labelled ^ (noise.random((200, 4)) < 0.1)
    drawn = []
    for _ in range(1_000):
        rows = noise.integers(0, 200, 200)
        true, said = labelled[rows], decided[rows]
        drawn.append(float(np.mean(2 * (true & said).sum(0) / (true.sum(0) + said.sum(0)))))
    low, high = macro_f1_interval(labelled, decided) or (0.0, 0.0)
    assert low == pytest.approx(np.quantile(drawn, 0.025), abs=0.01)
    assert high == pytest.approx(np.quantile(drawn, 0.975), abs=0.01)


def test_the_interval_of_one_f1_is_as_wide_as_drawing_turns_one_by_one() -> None:
    noise = np.random.default_rng(4)
    labelled = noise.random(300) < 0.15
    decided = labelled ^ (noise.random(300) < 0.05)
    drawn = []
    for _ in range(1_000):
        rows = noise.integers(0, 300, 300)
        true, said = labelled[rows], decided[rows]
        drawn.append(2 * (true & said).sum() / (true.sum() + said.sum()))
    counts = Counts(labelled=int(labelled.sum()), decided=int(decided.sum()), right=int((labelled & decided).sum()))
    low, high = f1_interval(counts, 300) or (0.0, 0.0)
    assert low == pytest.approx(np.quantile(drawn, 0.025), abs=0.02)
    assert high == pytest.approx(np.quantile(drawn, 0.975), abs=0.02)
    assert (low, high) == f1_interval(counts, 300) != f1_interval(counts, 300, seed=2)


def test_the_interval_of_one_f1_where_there_is_little_or_nothing() -> None:
    assert f1_interval(Counts(labelled=0, decided=0, right=0), 50) is None
    assert f1_interval(Counts(labelled=1, decided=1, right=1), 1) == (1.0, 1.0)
    assert f1_interval(Counts(labelled=1, decided=0, right=0), 50) == (0.0, 0.0)
    low, high = f1_interval(Counts(labelled=2, decided=2, right=1), 50) or (1.0, 0.0)
    assert low == 0.0 and high == 1.0


def test_the_intervals_of_sixty_categories_are_quick() -> None:
    began = time.process_time()
    for labelled in range(60):
        f1_interval(Counts(labelled=labelled + 1, decided=30, right=min(labelled, 20)), 600)
    assert time.process_time() - began < 1


def test_self_harm_is_counted_by_itself() -> None:
    score = scores(
        ("zh", C, {"distress.self_harm", "distress.fear"}, {"distress.self_harm"}),
        ("zh", C, {"distress.self_harm"}, {"distress.bereavement"}),
        ("zh", C, {"distress.self_harm"}, {"distress.self_harm"}),
        ("zh", C, {"distress"}, {"distress.self_harm"}),
        ("zh", C, set(), {"distress.self_harm"}),
        hard=frozenset({2}),
    )["zh"]
    assert score.self_harm == Share(found=2, of=3)


def test_a_perfect_and_a_hopeless_score_have_no_spread() -> None:
    all_of_them = np.ones((20, 4), dtype=bool)
    assert macro_f1_interval(all_of_them, all_of_them) == (1.0, 1.0)
    assert macro_f1_interval(all_of_them, ~all_of_them) == (0.0, 0.0)


def test_wilson_intervals() -> None:
    low, high = Share(found=5, of=50).interval or (0.0, 0.0)
    assert low == pytest.approx(0.0435, abs=5e-4) and high == pytest.approx(0.2136, abs=5e-4)
    low, high = Share(found=0, of=100).interval or (1.0, 1.0)
    assert low == 0.0 and high == pytest.approx(0.037, abs=1e-3)
    assert Share(found=0, of=0).interval is None and not math.isnan(high)
