"""What is predicted of one turn: the small call it stands in, what is decided, and with which probability."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from pipeline.evaluation import predictions
from pipeline.evaluation.predictions import Predictor, as_json_line, call_of, decided_on_turn
from pipeline.evaluation.turns import parse_turn
from pipeline.policy.features import NEGATED
from pipeline.records import (
    Finding,
    FindingStatus,
    ModelStamp,
    Role,
    Severity,
    Signal,
    Span,
    Transcript,
    UtteranceSound,
    WordsEvidence,
)
from pipeline.stages.detect import Detect
from tests.unit.dialogue import DETECT, JUDGE, REGISTRY

PREDICT = Predictor(detect=DETECT, judge=JUDGE, packs=tuple(REGISTRY.packs.values()))


def turn(text: str, *previous: str, spk: str = "agent", lang: str = "zh") -> Any:
    return parse_turn(json.dumps({"lang": lang, "spk": spk, "prev": previous, "text": text}).encode(), 1)


def finding(category: str, status: FindingStatus, probability: float | None = None) -> Finding:
    return Finding(
        category=category,
        status=status,
        severity=Severity.HIGH,
        role=Role.AGENT,
        evidence=WordsEvidence(span=Span(utterance=0, word_start=0, word_end=1), start_ms=0, end_ms=1),
        rule="r",
        pack="p",
        pack_version="1",
        probability=probability,
    )


def signal(category: str, probability: float, *features: str) -> Signal:
    return Signal(
        category=category,
        detector="d",
        span=Span(utterance=0, word_start=0, word_end=1),
        score=probability,
        probability=probability,
        model=ModelStamp(name="d", version="1"),
        features=features,
    )


@pytest.mark.parametrize(
    ("category", "status", "probability", "decided"),
    [
        ("threat.arrest", FindingStatus.VIOLATION, 0.3, True),
        ("threat.arrest", FindingStatus.VIOLATION, None, True),
        ("distress.fear", FindingStatus.SIGNAL, 0.6, True),
        ("empathy.acknowledge", FindingStatus.POSITIVE, 0.6, True),
        ("threat.litigation_false", FindingStatus.POSSIBLE, 0.5, True),
        ("threat.litigation_false", FindingStatus.POSSIBLE, 0.49, False),
        ("threat.litigation_false", FindingStatus.POSSIBLE, None, False),
        ("distress.fear", FindingStatus.POSSIBLE, 0.7, False),
        ("distress.fear", FindingStatus.POSSIBLE, 0.71, True),
    ],
)
def test_what_a_finding_decides(category: str, status: FindingStatus, probability: float | None, decided: bool) -> None:
    found = decided_on_turn([finding(category, status, probability)], [], flag_possible_over=0.7)
    assert found == ({category} if decided else set())


def test_a_low_threshold_of_the_pack_decides_more() -> None:
    weak = [finding("threat.litigation_false", FindingStatus.POSSIBLE, 0.4)]
    assert decided_on_turn(weak, [], flag_possible_over=0.3) == {"threat.litigation_false"}


def test_a_required_statement_is_decided_by_its_signal() -> None:
    made = [signal("disclosure.recording", 0.6), signal("disclosure.identity", 0.59), signal("threat.arrest", 0.9)]
    assert decided_on_turn([], made, flag_possible_over=0.7) == {"disclosure.recording"}
    assert not decided_on_turn([], [signal("disclosure.recording", 0.9, NEGATED)], flag_possible_over=0.7)


def test_a_turn_alone() -> None:
    found = PREDICT(turn("再不还钱就等着坐牢吧。"))
    assert found.decided == ("threat.arrest",) and found.labels["threat.arrest"] >= 0.6


class Prepared:
    """A detector that knows only what it was prepared for, as a text model reads many texts at once."""

    stamp = ModelStamp(name="prepared", version="1")

    def __init__(self) -> None:
        self.asked: list[int] = []
        self._known: dict[str, list[Signal]] = {}

    def prepare(self, transcripts: Sequence[Transcript]) -> None:
        self.asked.append(len(transcripts))
        for spoken in transcripts:
            last = spoken.utterances[-1]
            span = Span(utterance=last.index, word_start=0, word_end=len(last.words))
            self._known[last.text] = [replace(signal("threat.arrest", 0.9), span=span)]

    def __call__(self, transcript: Transcript, sounds: Sequence[UtteranceSound] = ()) -> list[Signal]:
        return self._known.pop(transcript.utterances[-1].text)


def test_many_turns_are_prepared_together_and_predicted_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictions, "AT_ONCE", 2)
    detector = Prepared()
    predict = Predictor(detect=Detect((*DETECT.detectors, detector)), judge=JUDGE, packs=PREDICT.packs[:1])
    turns = [replace(turn(text), id=place) for place, text in enumerate(("一。", "二。", "三。"))]
    found = predict.predict_many(turns)
    assert next(found).id == 0 and detector.asked == [2]
    assert [each.id for each in found] == [1, 2] and detector.asked == [2, 1]
    assert list(predict.predict_many([])) == []


def test_many_turns_are_predicted_as_each_by_itself() -> None:
    turns = [turn("再不还钱就等着坐牢吧。"), turn("好的。", "agent: 您好。", spk="customer")]
    assert list(PREDICT.predict_many(turns)) == [PREDICT(each) for each in turns]


def test_what_came_before_counts_but_is_not_predicted() -> None:
    demand = "今天必须一次性把全款还清。"
    alone = PREDICT(turn("我不管，" + demand))
    after = PREDICT(turn("我不管，" + demand, "agent: 您欠款五千元。", "customer: 我失业了，真的没有钱。"))
    assert "pressure.unaffordable_payment" in after.decided
    assert not {key for key in (*after.labels, *after.decided) if key.startswith("distress.")}
    assert after.labels["pressure.unaffordable_payment"] >= alone.labels.get("pressure.unaffordable_payment", 0.0)


def test_the_debt_told_to_somebody_else() -> None:
    told = "卡上欠款三万块，已经逾期两个月了。"
    assert "pressure.third_party_disclosure" in PREDICT(turn(told, "customer: 你打错了，我不是他。")).decided
    assert "pressure.third_party_disclosure" not in PREDICT(turn(told, "customer: 我是本人，你说。")).decided


def test_the_beginning_of_the_call_is_not_in_sight() -> None:
    """An excerpt does not show whether the identity was checked, so speaking of the debt is not held against it."""
    assert "privacy.no_verification" not in PREDICT(turn("您的信用卡欠款五千元已经逾期。")).decided


def test_what_is_denied_is_heard_but_neither_decided_nor_likely() -> None:
    found = PREDICT(turn("您放心，我们不会让您坐牢的。"))
    assert "threat.arrest" not in found.decided
    assert found.labels.get("threat.arrest", 0.0) <= 0.49


def test_cues_are_no_labels() -> None:
    assert not [key for key in PREDICT(turn("请您今天还款五千元。")).labels if key.startswith("cue.")]


def test_more_packs_find_no_less() -> None:
    spoken = turn("If you don't pay you are going to jail, and I'll call your boss.", lang="en")
    union = PREDICT(spoken)
    for pack in REGISTRY.packs.values():
        single = Predictor(detect=DETECT, judge=JUDGE, packs=(pack,))(spoken)
        assert set(single.decided) <= set(union.decided)
        assert all(union.labels[key] >= p for key, p in single.labels.items() if key in single.decided)


def test_a_small_call_is_in_order_and_far_from_both_ends() -> None:
    call = call_of(turn("好", "customer: 喂", "agent: Hello there"))
    assert [u.role for u in call.utterances] == [Role.AGENT, Role.CUSTOMER, Role.AGENT, Role.AGENT]
    assert [u.index for u in call.utterances] == [0, 1, 2, 3]
    times = [(u.start_ms, u.end_ms) for u in call.utterances]
    assert times == sorted(times) and all(a[1] < b[0] for a, b in pairwise(times))
    assert times[1][0] - times[0][1] >= 590_000


def test_a_line_of_predictions() -> None:
    found = PREDICT(turn("再不还钱就等着坐牢吧。"))
    raw = json.loads(as_json_line(found))
    assert list(raw) == ["id", "labels", "decided"] and raw["id"] == 1
    assert raw["decided"] == ["threat.arrest"] and 0 < raw["labels"]["threat.arrest"] <= 1
    assert list(raw["labels"].values()) == sorted(raw["labels"].values(), reverse=True)
