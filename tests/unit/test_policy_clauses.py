"""Clauses of the packs that ship: where each was read and since when it holds; and the lines for a person in danger."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from pipeline.encoding import decode, encode
from pipeline.policy.categories import categories
from pipeline.policy.citations import HOUSE, UNKNOWN
from pipeline.policy.registry import PACKS_DIR, load_registry, read_pack
from pipeline.policy.rules import Rule
from pipeline.policy.safety import SafetyLine, ShownLine, shown_line
from pipeline.policy.source import BadPolicy, read
from pipeline.records import Citation, FindingStatus, Jurisdiction

PACKS = load_registry().packs

DATED = {"cn.psapl50": "2026-01-01", "cn.psapl_imp": "2026-01-01", "cn.cfc": "2024-04-18"}
"""The only clauses whose day of effect something that was read states; no other may be given one without a source."""


@pytest.mark.parametrize("pack", PACKS.values(), ids=lambda p: p.name)
def test_all_categories_stand_in_the_pack(pack) -> None:  # type: ignore[no-untyped-def]
    stated = read(PACKS_DIR / f"{pack.name}.yaml").mapping()["categories"].mapping()
    assert len(categories()) == 67
    assert set(stated) == set(categories())
    for key, node in stated.items():
        rules = [rule for rule in pack.rules if rule.category == key]
        assert bool(node.texts()) or all(rule.clauses == (HOUSE,) for rule in rules)


@pytest.mark.parametrize("pack", PACKS.values(), ids=lambda p: p.name)
def test_every_clause_was_read_somewhere_or_says_that_it_was_not(pack) -> None:  # type: ignore[no-untyped-def]
    for clause in pack.clauses.values():
        assert clause.source or clause.status == "memory"
        assert not clause.source.startswith("S_")
        assert clause.effective_from == DATED.get(clause.ref, UNKNOWN) and clause.effective_until is None
    assert set(pack.clauses) <= {ref for node in _cited(pack.name) for ref in node}


def _cited(name: str) -> list[tuple[str, ...]]:
    nodes = read(PACKS_DIR / f"{name}.yaml").mapping()["categories"].mapping()
    return [node.texts() for node in nodes.values()]


def copied(tmp_path: Path) -> Path:
    folder = tmp_path / "packs"
    shutil.copytree(PACKS_DIR, folder)
    return folder / "cn.yaml"


@pytest.mark.parametrize(
    ("new", "message"),
    [
        ("from: 2024-04-18}", r"cn\.yaml:\d+: the clause 'cn.cfc' has neither a source nor a status"),
        ("status: verified_primary}", r"cn\.yaml:\d+: the clause 'cn.cfc' is verified_primary and names no source"),
        ("status: memory, from: soon}", r"cn\.yaml:\d+: 'soon' is no date such as"),
        ("status: memory, from: 2024-04-18, until: 2024-04-17}", "2024-04-17 lies before 2024-04-18"),
        ("status: memory, since: 2024-04-18}", r"unknown key 'since'"),
    ],
)
def test_a_clause_that_nobody_can_check_is_refused_with_its_place(tmp_path: Path, new: str, message: str) -> None:
    path = copied(tmp_path)
    _replace_clause(path, "cn.cfc", '{cite: "x", zh: "甲", en: "a", ' + new)
    with pytest.raises(BadPolicy, match=message):
        read_pack(path)


@pytest.mark.parametrize(
    ("new", "clause"),
    [
        ('source: "a paper"}', ("memory", UNKNOWN, None, "a paper")),
        ("status: memory}", ("memory", UNKNOWN, None, "")),
        ("status: house}", ("house", UNKNOWN, None, "")),
        (
            "status: verified_primary, source: [a, b], from: 2024-04-18, until: 2025-01-01}",
            ("verified_primary", "2024-04-18", "2025-01-01", "a; b"),
        ),
    ],
)
def test_a_clause_with_a_source_but_no_status_is_unverified(
    tmp_path: Path, new: str, clause: tuple[str | None, ...]
) -> None:
    path = copied(tmp_path)
    _replace_clause(path, "cn.cfc", '{cite: "x", zh: "甲", en: "a", ' + new)
    found = read_pack(path).clauses["cn.cfc"]
    assert (found.status, found.effective_from, found.effective_until, found.source) == clause


def _replace_clause(path: Path, ref: str, flow: str) -> None:
    """The clause's lines in the file, exchanged for one."""
    lines = path.read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"  {ref}: {{"))
    end = next(i for i in range(start, len(lines)) if lines[i].endswith("}")) + 1
    path.write_text("\n".join([*lines[:start], f"  {ref}: {flow}", *lines[end:]]) + "\n", encoding="utf-8")


def test_clauses_kept_before_they_had_dates_and_sources_are_still_read() -> None:
    old = b'{"ref": "a", "cite": "A 1", "paraphrase_zh": "\xe7\x94\xb2", "paraphrase_en": "a", "status": "memory"}'
    clause = decode(Citation, old)
    assert (clause.effective_from, clause.effective_until, clause.source) == (UNKNOWN, None, "")
    assert decode(Citation, encode(clause)) == clause
    date.fromisoformat(DATED["cn.cfc"])


# --- packs made of less ---


def _rule(pack: str, name: str) -> Rule:
    return PACKS[Jurisdiction(pack.upper())].rule(f"{pack}.{name}")


@pytest.mark.parametrize("pack", ["uk", "hk"])
def test_hours_that_no_law_sets_are_house_policy_and_only_possible(pack: str) -> None:
    hours = _rule(pack, "hours")
    assert hours.status is FindingStatus.POSSIBLE
    assert hours.clauses[0].ref == f"{pack}.hours_default" and hours.clauses[0].status == "memory"


@pytest.mark.parametrize(
    ("name", "clause"),
    [
        ("debt-before-check", "uk.conc7_9_10"),
        ("hardship-full-sum", "uk.conc7_3_10"),
        ("dispute-demanded", "uk.conc7_14"),
    ],
)
def test_the_united_kingdom_has_rules_of_its_own(name: str, clause: str) -> None:
    assert _rule("uk", name).clauses[0].ref == clause


def test_hong_kong_says_which_languages_it_covers() -> None:
    pack = PACKS[Jurisdiction.HK]
    assert "Cantonese is not covered" in pack.note_en and "粤语" in pack.note_zh
    assert "hk.recording-missing" not in {rule.id for rule in pack.rules}
    assert PACKS[Jurisdiction.CN].note_en == ""


# --- whom to call ---


def test_a_number_that_nobody_checked_is_not_shown_until_it_is_entered() -> None:
    shown = {key: shown_line(pack.safety) for key, pack in PACKS.items()}
    assert shown[Jurisdiction.US] == ShownLine(crisis="988", emergency="911")
    assert shown[Jurisdiction.TW] == ShownLine(crisis="1925", emergency="119")
    for key in (Jurisdiction.CN, Jurisdiction.UK, Jurisdiction.HK):
        assert PACKS[key].safety is not None
        assert shown[key] == ShownLine(crisis="", emergency="")
        assert shown_line(PACKS[key].safety, "116 123") == ShownLine(crisis="116 123", emergency="")
    own = SafetyLine(crisis="988", emergency="911", status="verified_secondary")
    assert shown_line(own, "1800 1") == ShownLine(crisis="1800 1", emergency="911")
    assert shown_line(None) == ShownLine(crisis="", emergency="")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('crisis: "12356"', "crisis: call us", r"cn\.yaml:\d+: 'call us' is no telephone number"),
        ('emergency: "120", ', "", "'emergency' is missing"),
        ('"120", status: memory', '"120", status: sure', "'sure' is not one of"),
    ],
)
def test_a_wrong_line_is_refused_with_its_place(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = copied(tmp_path)
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BadPolicy, match=message):
        read_pack(path)
