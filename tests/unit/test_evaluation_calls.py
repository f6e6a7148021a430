"""Scores of judged calls beside their truth."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.evaluation.call_table import table
from pipeline.evaluation.calls import score, total, totals_by_language
from pipeline.evaluation.truth import read_truth, transcript_of
from pipeline.records import Channels, Direction, Distress, FindingStatus, Jurisdiction, Role
from tests.unit.dialogue import DETECT, JUDGE

CALL = {
    "id": "c1",
    "lang": "zh",
    "meta": {
        "started_at": "2025-11-05T09:40:05+08:00",
        "customer_tz": "Asia/Shanghai",
        "jurisdiction": "CN",
        "collector_type": "third_party",
    },
    "expect": {"flag": True, "categories": ["threat.arrest"], "distress": "present"},
    "duration_s": 20.0,
    "turns": [
        {"spk": "agent", "start": 1.0, "end": 4.0, "text": "您好。", "labels": ["courtesy.professional"]},
        {"spk": "customer", "start": 5.0, "end": 8.0, "text": "我失业了。", "labels": ["distress.job_loss"]},
        {"spk": "agent", "start": 9.0, "end": 12.0, "text": "那就等着坐牢吧。", "labels": ["threat.arrest"]},
        {"spk": "agent", "start": 13.0, "end": 16.0, "text": "自己想想。", "labels": ["threat.veiled"]},
    ],
}


def test_a_call_is_scored_by_where_its_evidence_stands(tmp_path: Path) -> None:
    file = tmp_path / "c1.json"
    file.write_text(json.dumps(CALL), encoding="utf-8")
    truth = read_truth(file)
    assert truth.context.jurisdiction is Jurisdiction.CN and truth.turns[1].role is Role.CUSTOMER
    spoken = transcript_of(truth)
    assert (spoken.utterances[2].start_ms, spoken.utterances[2].end_ms) == (9_000, 12_000)
    judgement = JUDGE(transcript=spoken, signals=DETECT(spoken), context=truth.context, duration_ms=truth.duration_ms)
    found = score(truth, judgement, flag_possible_over=0.7)
    assert found.flag_right and found.distress is Distress.PRESENT
    assert (found.conduct_turns, found.conduct_turns_met) == (2, 1)
    assert (found.findings, found.findings_on_conduct, found.findings_on_category) == (1, 1, 1)
    assert found.flagged_by == ("threat.arrest",)
    totals = total([found])
    assert totals.violating_flagged == (1, 1) and totals.clean_flagged == (0, 0)
    english = replace(found, id="c2", lang="en", flagged=False)
    by_language = totals_by_language([found, english])
    assert list(by_language) == ["zh", "en", "all"]
    assert [by_language[lang].flag_right for lang in by_language] == [(1, 1), (0, 1), (1, 2)]
    assert "c1" in table([found]) and "100%" in table([found])


def test_evidence_outside_its_turn_does_not_count(tmp_path: Path) -> None:
    late = {**CALL, "turns": [{**CALL["turns"][2], "text": "那就等着坐牢吧。", "labels": ["threat.arrest"]}]}  # type: ignore[index,dict-item]
    file = tmp_path / "c1.json"
    file.write_text(json.dumps(late), encoding="utf-8")
    truth = read_truth(file)
    spoken = transcript_of(truth)
    judgement = JUDGE(transcript=spoken, signals=DETECT(spoken), context=truth.context, duration_ms=20_000)
    moved = {**late, "turns": [{**late["turns"][0], "start": 14.0, "end": 18.0}]}  # type: ignore[index,dict-item]
    file.write_text(json.dumps(moved), encoding="utf-8")
    assert score(read_truth(file), judgement, flag_possible_over=0.7).conduct_turns_met == 0


def test_only_what_flags_a_call_stands_as_flagging_it(tmp_path: Path) -> None:
    file = tmp_path / "c1.json"
    file.write_text(json.dumps(CALL), encoding="utf-8")
    truth = read_truth(file)
    spoken = transcript_of(truth)
    judgement = JUDGE(transcript=spoken, signals=DETECT(spoken), context=truth.context, duration_ms=truth.duration_ms)
    (threat,) = (f for f in judgement.findings if f.category == "threat.arrest")
    possible = replace(threat, status=FindingStatus.POSSIBLE, probability=0.65)
    unflagged = replace(judgement, findings=(possible,), flagged=False)
    assert score(truth, unflagged, flag_possible_over=0.7).flagged_by == ()
    assert score(truth, replace(unflagged, flagged=True), flag_possible_over=0.6).flagged_by == ("threat.arrest",)
    together = score(truth, replace(unflagged, flagged=True), flag_possible_over=0.7)
    assert table([together]).splitlines()[1].endswith("two possible ones together")


def test_metadata_that_rules_and_roles_look_at_are_read(tmp_path: Path) -> None:
    file = tmp_path / "c1.json"
    said = {"direction": "Inbound", "outcome": "promise", "channels": "agent_right", "facts": {"suit_filed": True}}
    file.write_text(json.dumps({**CALL, "meta": {**CALL["meta"], **said}}), encoding="utf-8")  # type: ignore[dict-item]
    about = read_truth(file).context
    assert (about.direction, about.outcome, about.channels) == (Direction.INBOUND, "promise", Channels.AGENT_RIGHT)
    assert about.facts == {"suit_filed": True}
    file.write_text(json.dumps({**CALL, "meta": {**CALL["meta"], "direction": "up"}}), encoding="utf-8")  # type: ignore[dict-item]
    with pytest.raises(ValueError, match="up"):
        read_truth(file)
