"""The list of account facts: complete for what rules name, documented, and its types checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import BadMetadata
from pipeline.policy.facts import Fact, FactType, check_fact, facts, misfit, read_facts
from pipeline.policy.source import BadPolicy, read
from pipeline.records import Jurisdiction
from pipeline.services.metadata import parse_metadata

DOCS = Path(__file__).resolve().parents[2] / "docs"

ASKED_FOR = (
    *("suit_authorised", "suit_filed", "judgment_exists", "secured_debt", "limitation_status", "reported_to_bureau"),
    *("balance", "fee_schedule", "due_date", "offer_expiry", "official_accounts", "official_channels"),
    *("waiver_authority", "dispute_open", "represented", "contact_refused", "consented_hours", "preferred_time"),
    *("first_communication", "validation_sent", "guarantors", "authorised_persons", "employer_forbids_calls"),
    *("estate", "vulnerable"),
)


def test_the_facts_that_law_turns_on_are_there_in_both_languages() -> None:
    assert set(ASKED_FOR) <= set(facts())
    for fact in facts().values():
        assert fact.en and any("\u4e00" <= c <= "\u9fff" for c in fact.zh)
        assert (fact.type is FactType.CHOICE) == bool(fact.values)


def _shown(fact: Fact) -> str:
    names = {FactType.BOOLEAN: "true or false", FactType.AMOUNT: "number"}
    if fact.type is FactType.CHOICE:
        return ", ".join(f"`{value}`" for value in fact.values)
    return names.get(fact.type, fact.type.value)


def test_the_documentation_says_what_the_list_says() -> None:
    page = (DOCS / "metadata.md").read_text(encoding="utf-8")
    table = [line for line in page.partition("## Facts of the account")[2].splitlines() if line.startswith("| `")]
    assert table == [f"| `{fact.name}` | {_shown(fact)} | {fact.en} | {fact.zh} |" for fact in facts().values()]


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("suit_authorised", [True, False, None], ["yes", "true", 1, 0, []]),
        ("due_date", ["2026-03-01", None], ["2026-3-1", "01/03/2026", "2026-02-30", "20260301", 20260301, True]),
        ("balance", [0, 1250.5, -3, "1250.50", None], ["1,250", "CNY 5", True, float("inf"), [], ""]),
        ("preferred_time", ["18:00-20:00", None], [18, True, ["18:00"]]),
        ("official_channels", [[], ["app", "counter"], None], ["app", {"a": 1}, True]),
        ("limitation_status", ["running", "expired", None], ["over", True, 3]),
    ],
)
def test_each_type_takes_its_own_values_and_no_others(name: str, good: list[Any], bad: list[Any]) -> None:
    fact = facts()[name]
    assert all(fact.accepts(value) for value in good)
    assert not any(fact.accepts(value) for value in bad)
    assert misfit({name: bad[0]}) is fact and misfit({name: good[0]}) is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"suit_filed": "no"}, "facts: suit_filed takes true or false."),
        ('{"due_date": "tomorrow"}', "facts: due_date takes a date such as 2026-03-01."),
        ({"limitation_status": "unclear"}, "facts: limitation_status takes one of running, expired, interrupted."),
        ({"guarantors": "two"}, "facts: guarantors takes a list."),
    ],
)
def test_intake_names_the_fact_and_the_type_it_takes(given: Any, message: str) -> None:
    with pytest.raises(BadMetadata) as caught:
        parse_metadata({"facts": given}, key=b"k", jurisdiction=Jurisdiction.CN)
    assert caught.value.message == message


def test_facts_of_other_names_are_kept_as_they_are() -> None:
    given = {"branch": 7, "suit_filed": False, "notes": ["x"], "balance": 10.25}
    context = parse_metadata({"facts": given}, key=b"k", jurisdiction=Jurisdiction.CN).context
    assert context.facts == given


def test_a_fact_that_does_not_exist_is_refused_with_its_place_and_the_nearest(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("a: suit_filed\nb: suit_fild\n", encoding="utf-8")
    nodes = read(path).mapping()
    assert check_fact(nodes["a"]) == "suit_filed"
    with pytest.raises(
        BadPolicy, match=r"x\.yaml:2: there is no account fact 'suit_fild'; did you mean 'suit_filed'\?"
    ):
        check_fact(nodes["b"])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a: {type: choice, zh: 甲, en: a}", "is a choice without values"),
        ("a: {type: boolean, values: [x], zh: 甲, en: a}", "only a choice has values"),
        ("a: {type: bool, zh: 甲, en: a}", "'bool' is not one of"),
        ("a: {type: boolean, en: a}", "'zh' is missing"),
    ],
)
def test_a_bad_list_is_refused(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "facts.yaml"
    path.write_text(f"facts:\n  {line}\n", encoding="utf-8")
    with pytest.raises(BadPolicy, match=message):
        read_facts(path)
