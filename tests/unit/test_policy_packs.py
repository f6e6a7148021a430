"""The packs that ship: complete, cited, versioned by content; and what a bad one is told."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline.policy.categories import CUES, Kind, categories
from pipeline.policy.citations import STATUSES
from pipeline.policy.conditions import Hours, Missing, Said
from pipeline.policy.registry import PACKS_DIR, Registry, load_registry, read_pack
from pipeline.policy.rules import Truth
from pipeline.policy.source import BadPolicy
from pipeline.records import CallContext, FindingStatus, Jurisdiction

SOUNDS = {
    *("cue.talk_over", "cue.loud", "cue.fast", "cue.long_silence"),
    *("cue.voice_raised", "cue.voice_trembling", "cue.voice_crying"),
}
PACKS = list(load_registry().packs.values())


def test_a_pack_ships_for_every_jurisdiction() -> None:
    assert set(load_registry().packs) == set(Jurisdiction)


@pytest.mark.parametrize("pack", PACKS, ids=lambda p: p.name)
def test_every_clause_is_paraphrased_in_both_languages(pack) -> None:  # type: ignore[no-untyped-def]
    assert pack.clauses
    for ref, clause in pack.clauses.items():
        assert ref.startswith(pack.name + ".")
        assert clause.cite and clause.paraphrase_en and any("\u4e00" <= c <= "\u9fff" for c in clause.paraphrase_zh)
        assert clause.status in STATUSES and clause.jurisdiction is pack.jurisdiction


@pytest.mark.parametrize("pack", PACKS, ids=lambda p: p.name)
def test_every_rule_cites_something_and_says_why(pack) -> None:  # type: ignore[no-untyped-def]
    assert len({rule.id for rule in pack.rules}) == len(pack.rules)
    for rule in pack.rules:
        assert rule.clauses and rule.id.startswith(pack.name + ".")
        if categories()[rule.category].kind is Kind.VIOLATION:
            assert rule.reason_zh and rule.reason_en


@pytest.mark.parametrize("pack", PACKS, ids=lambda p: p.name)
def test_every_violation_and_signal_has_a_rule(pack) -> None:  # type: ignore[no-untyped-def]
    ruled = {rule.category for rule in pack.rules}
    for key, category in categories().items():
        if category.kind in (Kind.VIOLATION, Kind.SIGNAL, Kind.POSITIVE):
            assert key in ruled


@pytest.mark.parametrize("pack", PACKS, ids=lambda p: p.name)
def test_every_rule_can_hit(pack) -> None:  # type: ignore[no-untyped-def]
    """What a rule looks at is said by some entry of the pack's lexicons."""
    said = {entry.category for lexicon in pack.lexicons for entry in lexicon.entries}
    said |= {entry.category for entry in pack.sounds}
    for rule in pack.rules:
        for condition in rule.conditions.values():
            match condition:
                case Said() | Missing():
                    assert said.issuperset(condition.signals)
                case Hours():
                    assert condition.earliest < condition.latest


def test_both_languages_can_say_every_category_that_words_show() -> None:
    for lexicon in load_registry().lexicons:
        said = {entry.category for entry in lexicon.entries}
        missing = set(categories()) - said
        assert not missing, f"{lexicon.lang} has no entry for {sorted(missing)}"
        assert set(CUES) - SOUNDS <= said


def test_a_pack_is_found_by_jurisdiction_else_the_default() -> None:
    registry = load_registry("TW")
    assert registry.pack_for(CallContext(jurisdiction=Jurisdiction.US)).name == "us"
    assert registry.pack_for(CallContext()).name == "tw"
    without_uk = Registry({key: p for key, p in registry.packs.items() if key is not Jurisdiction.UK}, Jurisdiction.TW)
    assert without_uk.pack_for(CallContext(jurisdiction=Jurisdiction.UK)).name == "tw"
    assert len(registry.lexicons) == 2


def test_a_default_that_is_no_jurisdiction_is_refused() -> None:
    with pytest.raises(BadPolicy, match="is no jurisdiction"):
        load_registry("XX")


def copied(tmp_path: Path) -> Path:
    folder = tmp_path / "packs"
    shutil.copytree(PACKS_DIR, folder)
    return folder / "cn.yaml"


def test_the_version_follows_the_content(tmp_path: Path) -> None:
    path = copied(tmp_path)
    before = read_pack(path).version
    assert before == load_registry().packs[Jurisdiction.CN].version
    shared = path.parent / "shared" / "rules.yaml"
    shared.write_text(shared.read_text(encoding="utf-8") + "# a remark\n", encoding="utf-8")
    after = read_pack(path).version
    assert after != before and after.split("+")[0] == before.split("+")[0]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("status: verified_primary", "status: sworn", r"cn\.yaml:\d+: 'sworn' is not one of"),
        ('earliest: "08:00"', 'earliest: "8 am"', "not a time of day"),
        ("clauses: [cn.gbt_time, cn.cba_time]", "clauses: [cn.gbt_tme]", "did you mean 'cn.gbt_time'"),
        (
            "required: [disclosure.validation_notice]",
            "required: [disclosure.validation]",
            "there is no category or cue",
        ),
        ("jurisdiction: CN", "jurisdiction: China", "'China' is not one of"),
        ("  contact.time: [", "  contact.tme: [", "there is no category 'contact.tme'"),
        ("flag_possible_over: 0.7", "flag_possible_over: 7", "outside 0 to 1"),
    ],
)
def test_a_bad_edit_is_refused_with_its_place(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = copied(tmp_path)
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BadPolicy, match=message):
        read_pack(path)


def test_a_pack_can_switch_a_shared_rule_off_and_replace_one(tmp_path: Path) -> None:
    path = copied(tmp_path)
    own = "  abuse.hostile_tone: off\n"
    own += "  abuse.profanity: {category: abuse.profanity, said: abuse.profanity, severity: low}\n"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("\nrules:\n", f"\nrules:\n{own}", 1), encoding="utf-8")
    pack = read_pack(path)
    assert "cn.abuse.hostile_tone" not in {rule.id for rule in pack.rules}
    assert pack.rule("cn.abuse.profanity").severity == "low"
    with pytest.raises(BadPolicy, match="has no rule"):
        pack.rule("cn.abuse.hostile_tone")


def test_facts_decide_what_is_lawful() -> None:
    truth = Truth(lawful_if=("suit_authorised", "suit_filed"))
    assert truth.status({}) is FindingStatus.POSSIBLE
    assert truth.status({"suit_authorised": False}) is FindingStatus.POSSIBLE
    assert truth.status({"suit_authorised": False, "suit_filed": False}) is FindingStatus.VIOLATION
    assert truth.status({"suit_filed": True}) is None


def test_a_registry_is_a_value() -> None:
    registry = load_registry()
    assert Registry(registry.packs, registry.default) == registry
