"""The regression cases that ship with the packs: all of them judged, and what a badly written one is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.policy.cases import CASES_DIR, Case, Line, Outcome, cases_of, read_cases, run
from pipeline.policy.categories import Kind, categories
from pipeline.policy.conditions import Said
from pipeline.policy.registry import PACKS_DIR, Pack, load_registry
from pipeline.policy.source import BadPolicy
from pipeline.records import CallContext, FindingStatus, Judgement, Jurisdiction, Role
from tests.unit.dialogue import judged

CASES = [case for pack in load_registry().packs.values() for case in cases_of(pack.name)]


def judge_dialogue(dialogue: tuple[Line, ...], context: CallContext) -> Judgement:
    return judged(*(f"{line.role}: {line.text}" for line in dialogue), about=context)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.pack}-{case.name}")
def test_the_case_comes_out_as_it_says(case: Case) -> None:
    outcome = run(case, judge_dialogue)
    if case.known_gap:
        if not outcome.passed:
            pytest.xfail(f"{case.place}: known gap")
        pytest.fail(f"{case.place}: the gap is closed; take known_gap off and lock the case")
    assert outcome.passed, f"{case.place}: missing {outcome.missing}, forbidden {outcome.forbidden}"


@pytest.mark.parametrize("pack", load_registry().packs.values(), ids=lambda pack: pack.name)
def test_every_pack_has_cases_of_what_is_wrong_and_of_what_is_not(pack) -> None:  # type: ignore[no-untyped-def]
    cases = [case for case in cases_of(pack.name) if case.locked]
    assert len(cases) >= 12
    assert {case.context.jurisdiction for case in cases} == {pack.jurisdiction}
    statuses = {wanted.status for case in cases for wanted in case.expect}
    assert {FindingStatus.VIOLATION, FindingStatus.POSITIVE, FindingStatus.SIGNAL} <= statuses
    clean = [case for case in cases if not any(w.status is FindingStatus.VIOLATION for w in case.expect)]
    assert len(clean) >= 4 and len(cases) - len(clean) >= 4


@pytest.mark.parametrize("pack", load_registry().packs.values(), ids=lambda pack: pack.name)
def test_locked_cases_expect_all_that_words_can_break_or_tell(pack: Pack) -> None:
    found_by_words = {rule.category for rule in pack.rules if isinstance(rule.conditions[rule.evidence], Said)}
    wanted = {
        key
        for key in found_by_words
        if categories()[key].kind is Kind.VIOLATION or categories()[key].group == "distress"
    }
    expected = {outcome.category for case in cases_of(pack.name) if case.locked for outcome in case.expect}
    assert wanted - expected == set()


def test_there_is_a_file_of_cases_for_every_pack_and_for_no_other() -> None:
    assert {path.name for path in CASES_DIR.glob("*.yaml")} == {path.name for path in PACKS_DIR.glob("*.yaml")}
    assert cases_of("nowhere") == ()


WRONG = """
pack: cn
jurisdiction: CN
cases:
  - name: first
    locked: true
    dialogue: ["agent: 再不还就等着坐牢。"]
    expect: [{category: threat.arrest, status: violation}]
    never: [abuse.*]
  - name: second
    locked: false
    context: {facts: {suit_filed: false, due_date: 2026-03-01, balance: 12.5}, started_at: "2026-03-01T09:00:00+08:00"}
    dialogue: ["customer: 好。"]
    never: [threat.arrest]
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "cases.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_case_is_read_with_its_place_and_plain_values(tmp_path: Path) -> None:
    first, second = read_cases(written(tmp_path, WRONG))
    assert first.place == f"{tmp_path.name}/cases.yaml:5"
    assert (first.pack, first.locked, first.known_gap) == ("cn", True, False)
    assert first.dialogue == (Line(role=Role.AGENT, text="再不还就等着坐牢。"),)
    assert "abuse.profanity" in first.never and "threat.arrest" not in first.never
    assert second.context.jurisdiction is Jurisdiction.CN
    assert second.context.facts == {"suit_filed": False, "due_date": "2026-03-01", "balance": 12.5}
    assert second.context.started_at is not None and second.context.started_at.hour == 9


def test_the_outcome_says_what_is_missing_and_what_is_forbidden(tmp_path: Path) -> None:
    first, second = read_cases(written(tmp_path, WRONG))
    arrest = Outcome(category="threat.arrest", status=FindingStatus.VIOLATION)
    met = run(first, judge_dialogue)
    assert met.passed and met.found == (arrest,)
    silent = run(first, lambda dialogue, context: judge_dialogue((Line(role=Role.AGENT, text="好的。"),), context))
    assert not silent.passed and silent.missing == (arrest,) and not silent.found
    loud = run(second, lambda dialogue, context: judge_dialogue(first.dialogue, context))
    assert not loud.passed and loud.forbidden == (arrest,)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name: second", "name: first", r"cases\.yaml:10: the case 'first' stands twice"),
        ("[threat.arrest]", "[threat.arest]", r"cases\.yaml:14: .*did you mean 'threat.arrest'"),
        ("[abuse.*]", "[abuses.*]", "there is no category"),
        ("[abuse.*]", "[threat.*]", "'threat.arrest' is expected as well"),
        ("status: violation", "status: violated", "'violated' is not one of"),
        ("suit_filed: false", "suit_fild: false", "did you mean 'suit_filed'"),
        ("suit_filed: false", "suit_filed: nope", "takes true or false"),
        ("+08:00", "", "needs its offset"),
        ("agent: 再", "boss: 再", "a line is 'agent: …'"),
        ("    never: [threat.arrest]\n", "", "asserts nothing"),
        ("locked: true\n", "locked: true\n    known_gap: true\n", "a known gap can't be locked"),
        ("customer: 好。", "customer:", "a line is 'agent: …'"),
    ],
)
def test_a_bad_case_is_refused_with_its_place(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in WRONG
    with pytest.raises(BadPolicy, match=message):
        read_cases(written(tmp_path, WRONG.replace(old, new, 1)))
