"""Packs over packs: what an upper layer adds, replaces and switches off, its own words, and what is refused."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from pipeline.policy.conditions import Said
from pipeline.policy.differences import Change, differences
from pipeline.policy.pack import PACKS_DIR, Pack, read_pack
from pipeline.policy.registry import load_registry
from pipeline.policy.source import BadPolicy
from pipeline.records import CallContext, FindingStatus, ModelStamp, Role, Signal, Span
from pipeline.stages.explain import DialogueJudge

BANK = """
    pack: bank
    version: "1"
    extends: cn
    clauses:
      bank.tone: {cite: "Conduct manual 4.2", zh: "通话须保持礼貌。", en: "Calls stay polite.", status: house}
    categories:
      abuse.hostile_tone: [bank.tone]
    lexicon:
      zh:
        abuse.hostile_tone:
          sigh: {score: 0.8, say: "跟你说话真费劲"}
        solution.instalment_plan:
          ours: {score: 0.8, like: ["我们有一个安心还计划可以帮您分成几期"]}
    rules:
      abuse.profanity: off
      sighs:
        {category: abuse.hostile_tone, said: abuse.hostile_tone, severity: medium, reason_zh: "生硬", reason_en: "Rude"}
"""


def write(folder: Path, text: str, name: str = "bank.yaml") -> Path:
    path = folder / name
    path.write_text(dedent(text), encoding="utf-8")
    return path


def found(pack: Pack, *lines: str) -> dict[str, FindingStatus]:
    spoken = [(Role(role), text) for role, text in (line.split(": ", 1) for line in lines)]
    judgement = DialogueJudge(pack, load_registry()).judge(spoken, CallContext())
    return {finding.category: finding.status for finding in judgement.findings}


def test_an_upper_layer_adds_replaces_and_switches_off(tmp_path: Path) -> None:
    pack, below = read_pack(write(tmp_path, BANK)), load_registry().packs["CN"]  # type: ignore[index]
    assert (pack.name, pack.jurisdiction, pack.extends) == ("bank", below.jurisdiction, ("cn",))
    assert pack.version.startswith("1+") and pack.version != below.version
    ids = {rule.id for rule in pack.rules}
    assert "bank.sighs" in ids and "bank.abuse.profanity" not in ids and "bank.threat.violence" in ids
    assert [c.ref for c in pack.cited["abuse.hostile_tone"]] == ["bank.tone"]
    assert pack.origin["bank.sighs"] == "bank" and pack.origin["bank.threat.violence"] == "cn"


def test_its_own_words_are_found_by_pattern_and_by_likeness(tmp_path: Path) -> None:
    pack = read_pack(write(tmp_path, BANK))
    said = found(pack, "agent: 哎呀，跟你说话真费劲。", "agent: 我们有个安心还的计划，可以帮您分成几期来还。")
    assert said["abuse.hostile_tone"] is FindingStatus.VIOLATION
    assert said["solution.instalment_plan"] is FindingStatus.POSITIVE
    assert "abuse.hostile_tone" not in found(load_registry().packs["CN"], "agent: 哎呀，跟你说话真费劲。")  # type: ignore[index]


def test_differences_are_told_by_field(tmp_path: Path) -> None:
    below = load_registry().packs["CN"]  # type: ignore[index]
    told = {(d.kind, d.id): d for d in differences(below, read_pack(write(tmp_path, BANK)))}
    assert told["rule", "sighs"].change is Change.ADDED
    assert told["rule", "abuse.profanity"].change is Change.REMOVED
    tone = told["rule", "abuse.hostile_tone"]
    assert tone.change is Change.CHANGED and [field for field, _, _ in tone.details] == ["clauses"]
    assert told["clause", "bank.tone"].change is Change.ADDED
    assert ("rule", "threat.violence") not in told


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pack: a\nversion: '1'\nextends: cnn", r"bank\.yaml:3: there is no pack 'cnn' to extend; did you mean 'cn'"),
        ("pack: a\nversion: '1'", "'jurisdiction' is missing"),
        (
            "pack: a\nversion: '1'\nextends: cn\nrules: {r: {category: threat.veiled, said: cue.fasst}}",
            "did you mean 'cue.fast'",
        ),
        ("pack: a\nversion: '1'\nextends: cn\nlexicon: {fr: {}}", "'fr' is not one of zh, en"),
        (
            "pack: a\nversion: '1'\nextends: cn\nlexicon: {zh: {threat.veiled: {x: {score: 1}}}}",
            "needs patterns .'say'. or example sentences",
        ),
        ("pack: a\nversion: '1'\nextends: cn\ninclude: [../../secret.yaml]", "files of its own folder only"),
        (
            "pack: a\nversion: '1'\nextends: cn\nlexicon: {zh: {threat.veiled: {x: {score: 1, say: '(a'}}}}",
            "not an RE2 pattern",
        ),
        (
            "pack: a\nversion: '1'\nextends: cn\nsounds: {cue.loud: {x: {measure: loudness_db, score: 0.5}}}",
            "over or under",
        ),
        (
            "pack: a\nversion: '1'\nextends: cn\nsounds: {cue.loud: {x: {measure: tremor, over: 1, score: 0.5}}}",
            r"bank\.yaml:4: 'tremor' may mean something of a customer only",
        ),
        (
            "pack: a\nversion: '1'\nextends: cn\n"
            "sounds: {abuse.hostile_tone: {x: {measure: pitch_ratio_st, over: 1, score: 0.5, role: customer}}}",
            "a customer only",
        ),
        (
            "pack: a\nversion: '1'\nextends: cn\n"
            "sounds: {distress.crying: {x: {measure: sobs, over: 1, score: 0.5, role: unknown}}}",
            "talk_over_ms, pause_before_ms, rate, rate_ratio, loudness_db",
        ),
        ("pack: a\nversion: '1'\nextends: cn\ncustomer_voice: none", "'none' is not one of on, off"),
    ],
)
def test_a_bad_pack_is_refused_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadPolicy, match=message):
        read_pack(write(tmp_path, text))


def test_a_region_switches_the_customers_voice_off_and_a_pack_over_it_on(tmp_path: Path) -> None:
    own = "sounds: {distress.crying: {x: {measure: sobs, over: 3, score: 0.5}}}"
    off = read_pack(write(tmp_path, f"pack: a\nversion: '1'\nextends: cn\ncustomer_voice: off\n{own}", "a.yaml"))
    assert not off.customer_voice
    assert {e.category for e in off.sounds} == {"cue.talk_over", "cue.loud", "cue.fast", "cue.long_silence"}
    on = read_pack(write(tmp_path, "pack: b\nversion: '1'\nextends: a\ncustomer_voice: on", "b.yaml"))
    assert on.customer_voice and "sound.distress.crying.x" in {e.id for e in on.sounds}
    assert [d.id for d in differences(off, on) if d.kind == "setting"] == ["customer_voice"]


def test_packs_that_extend_each_other_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "pack: a\nversion: '1'\nextends: b", "a.yaml")
    other = write(tmp_path, "pack: b\nversion: '1'\nextends: a", "b.yaml")
    with pytest.raises(BadPolicy, match="can't stand on itself"):
        read_pack(other)


def test_a_rule_on_what_nothing_can_say_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "packs"
    folder.mkdir()
    text = (PACKS_DIR / "shared" / "rules.yaml").read_text(encoding="utf-8")
    assert "cue.talk_over: {cuts-in" in text
    silent = """
        pack: quiet
        version: "1"
        jurisdiction: CN
        lexicons: [zh, en]
        flag_possible_over: 0.7
        rules: {r: {category: abuse.hostile_tone, said: cue.loud}}
    """
    with pytest.raises(BadPolicy, match=r"can never hit: nothing .* says cue\.loud"):
        read_pack(write(folder, silent))


def test_a_pack_says_from_which_probability_a_signal_counts(tmp_path: Path) -> None:
    """A category's own threshold stands before its group's, and a rule's before both."""
    text = BANK + "    thresholds: {abuse: 0.9, threat: 0.3, threat.arrest: 0.4}\n"
    pack = read_pack(write(tmp_path, text))

    def needed(category: str, **parts: float) -> float:
        said = pack.rule(f"bank.{category}").conditions["said"]
        assert isinstance(said, Said)
        span = Span(utterance=0, word_start=0, word_end=1)
        stamp = ModelStamp(name="m", version="1")
        return said.needed(
            Signal(category=category, detector="d", span=span, score=1, probability=1, model=stamp, parts=parts)
        )

    assert needed("threat.arrest", text=0.5) == 0.4
    assert needed("threat.violence", text=0.5) == 0.3
    assert needed("pressure.borrow_to_pay", text=0.5) == 0.25, "what ships stands below"
    assert needed("contact.after_refusal", text=0.5) == 0.7
    assert needed("threat.violence") == 0.6, "a certainty of the lexicon alone is no probability"
    changed = differences(read_pack(write(tmp_path, BANK)), pack)
    assert {d.id for d in changed if d.kind == "setting"} == {
        "threshold abuse",
        "threshold threat",
        "threshold threat.arrest",
    }
    with pytest.raises(BadPolicy, match="threats"):
        read_pack(write(tmp_path, BANK + "    thresholds: {threats: 0.5}\n"))
