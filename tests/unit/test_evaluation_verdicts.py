"""Reviewers' verdicts as turns: what is written is read back as the same truth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import InvalidInput
from pipeline.evaluation.turns import SpokenLine, TurnLanguage, as_json_line, parse_turn, read_turns
from pipeline.evaluation.verdicts import BEFORE, Verdict, verdict_lines
from pipeline.records import Role, Transcript
from tests.unit.dialogue import transcript

CALL = transcript(
    "agent: 您好。",
    "customer: 我失业了，\n 没钱。",
    "agent: 再不还钱就等着坐牢吧。",
    "customer: 你骂我？",
)


def upheld(utterance: int, category: str) -> Verdict:
    return Verdict(utterance=utterance, category=category, upheld=True)


def rejected(utterance: int, category: str) -> Verdict:
    return Verdict(utterance=utterance, category=category, upheld=False)


def test_verdicts_are_read_back_as_the_same_labels(tmp_path: Path) -> None:
    verdicts = [
        upheld(2, "threat.arrest"),
        upheld(2, "abuse.hostile_tone"),
        rejected(2, "threat.violence"),
        upheld(1, "distress.job_loss"),
        rejected(3, "distress.agitation"),
        upheld(2, "threat.arrest"),
    ]
    file = tmp_path / "reviewed.jsonl"
    file.write_text("\n".join(verdict_lines("c1", CALL, verdicts)) + "\n", encoding="utf-8")
    found = read_turns(file)
    assert not found.bad
    assert [(turn.id, turn.role, set(turn.labels or ())) for turn in found.turns] == [
        ("c1/1", Role.CUSTOMER, {"distress.job_loss"}),
        ("c1/2", Role.AGENT, {"threat.arrest", "abuse.hostile_tone"}),
        ("c1/3", Role.CUSTOMER, set()),
    ]
    assert [turn.text for turn in found.turns] == [u.text for u in CALL.utterances[1:]]
    assert found.turns[0].previous == (SpokenLine(role=Role.AGENT, text="您好。"),)
    assert all(turn.labels is not None and turn.language is TurnLanguage.ZH for turn in found.turns)


def test_only_the_last_utterances_before_it_go_with_it() -> None:
    long = transcript(*(f"customer: 第{place}句" for place in range(BEFORE + 3)))
    (line,) = verdict_lines("c", long, [upheld(BEFORE + 2, "distress.fear")])
    assert [said.text for said in parse_turn(line.encode(), 1).previous] == [f"第{n}句" for n in range(2, BEFORE + 2)]


def test_what_nobody_reviewed_is_in_no_line() -> None:
    assert verdict_lines("c", CALL, []) == []


@pytest.mark.parametrize(
    ("verdicts", "reason"),
    [
        ([upheld(4, "threat.arrest")], "utterance 4: the call has no such utterance"),
        ([upheld(-1, "threat.arrest")], "utterance -1: the call has no such utterance"),
        ([upheld(2, "threat.arest")], "there is no category 'threat.arest'"),
        ([upheld(2, "就等着坐牢")], r"there is no category \(not a name\)"),
        ([upheld(2, "threat")], "there is no category 'threat'"),
        ([upheld(2, "threat.arrest"), rejected(2, "threat.arrest")], "threat.arrest is upheld and not upheld"),
    ],
)
def test_a_verdict_that_makes_no_sense_is_refused_without_words(verdicts: list[Verdict], reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason) as caught:
        verdict_lines("c", CALL, verdicts)
    assert "坐牢" not in caught.value.message


def test_whose_words_they_were_has_to_be_known() -> None:
    unknown = replace(CALL.utterances[2], role=Role.UNKNOWN)
    call = Transcript(utterances=(*CALL.utterances[:2], unknown, CALL.utterances[3]), model=CALL.model)
    with pytest.raises(InvalidInput, match="it is not known who speaks"):
        verdict_lines("c", call, [upheld(2, "threat.arrest")])
    (line,) = verdict_lines("c", call, [upheld(3, "distress.fear")])
    assert len(parse_turn(line.encode(), 1).previous) == 2


def test_a_turn_without_labels_has_no_key_for_them() -> None:
    turn = parse_turn(
        b'{"id": 7, "lang": "zh-Hant", "spk": "agent", "prev": ["customer: \xe5\x96\x82"], "text": "a"}', 1
    )
    assert parse_turn(as_json_line(turn).encode(), 1) == turn and "labels" not in as_json_line(turn)
