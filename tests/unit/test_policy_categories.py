"""The categories' one home."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from pipeline.policy.categories import (
    CUES,
    GROUPS,
    PRESENT_DISTRESS,
    Kind,
    categories,
    category,
    check_labels,
    distress_of,
    read_categories,
)
from pipeline.policy.source import BadPolicy
from pipeline.records import Distress, FindingStatus, Role, Severity


def test_all_categories_are_there_in_both_languages() -> None:
    found = categories()
    assert len(found) == 67
    assert Counter(c.kind for c in found.values()) == {
        Kind.VIOLATION: 33,
        Kind.REQUIRED_STATEMENT: 4,
        Kind.SIGNAL: 17,
        Kind.POSITIVE: 12,
        Kind.NEUTRAL: 1,
    }
    for c in found.values():
        assert c.group == c.key.split(".")[0] and c.group in GROUPS
        for text in (c.name_zh, c.name_en, c.definition_zh, c.definition_en, c.action_zh, c.action_en):
            assert text.strip()
        assert c.not_zh and c.not_en


def test_customers_show_signals_and_agents_everything_else() -> None:
    for c in categories().values():
        assert (c.role is Role.CUSTOMER) == (c.kind is Kind.SIGNAL) == c.key.startswith("distress.")


def test_a_kind_says_what_presence_means() -> None:
    assert Kind.VIOLATION.status is FindingStatus.VIOLATION
    assert Kind.SIGNAL.status is FindingStatus.SIGNAL
    assert Kind.POSITIVE.status is FindingStatus.POSITIVE
    assert category("threat.violence").severity is Severity.CRITICAL


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([], Distress.NONE),
        (["distress.dispute_debt", "distress.wrong_party", "distress.complaint_intent"], Distress.NONE),
        (["distress.refusal_to_pay", "distress.inconvenient_time"], Distress.NONE),
        (["distress.crying"], Distress.PRESENT),
        (["distress.fear", "distress.self_harm"], Distress.CRITICAL),
    ],
)
def test_only_some_signals_count_as_distress(found: list[str], expected: Distress) -> None:
    assert distress_of(found) is expected


def test_what_counts_as_distress_are_signals() -> None:
    assert len(PRESENT_DISTRESS) == 9
    assert all(category(key).kind is Kind.SIGNAL for key in PRESENT_DISTRESS)


def test_cues_are_no_categories() -> None:
    assert not set(CUES) & set(categories())


def test_an_unknown_key_names_the_nearest() -> None:
    with pytest.raises(BadPolicy, match=r"did you mean 'threat\.violence'"):
        category("threat.violense")
    with pytest.raises(BadPolicy, match="text model names"):
        check_labels(["threat.arrest", "threat.arest"], owner="text model")
    check_labels(["threat.arrest"], owner="text model")


def test_a_mistake_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "categories.yaml"
    file.write_text("categories:\n  a.b:\n    group: nonsense\n    kind: violation\n", encoding="utf-8")
    with pytest.raises(BadPolicy, match=r"categories\.yaml:3: 'role' is missing"):
        read_categories(file)
