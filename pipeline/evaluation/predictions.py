"""What the pipeline says of one turn: a small call of what came before and the turn, detected, judged, looked up.

Prediction is separate from scoring: labels are not looked at here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pipeline.evaluation.turns import LabelledTurn, SpokenLine
from pipeline.policy.categories import Kind, categories
from pipeline.policy.features import EVASIVE
from pipeline.policy.registry import Pack
from pipeline.records import (
    CallContext,
    Finding,
    FindingStatus,
    ModelStamp,
    Role,
    Signal,
    Span,
    Transcript,
    Utterance,
    WordsEvidence,
)
from pipeline.stages.detect import Detect
from pipeline.stages.dialogue import words_of
from pipeline.stages.judge import Judge

SURE = 0.6
"""A required statement counts as made from this probability of its signal on."""
POSSIBLE_CONDUCT_FROM = 0.5
UNDECIDED_AT_MOST = 0.49
"""What was heard but not decided ranks below everything that was decided at even odds."""
_ASIDE_MS = 600_000
"""A turn and a few before it are a piece out of the middle of a call: what rules ask of a call's first and last minutes
can't be seen in it, so it lies this far from both."""
_STAMP = ModelStamp(name="text", version="1")
_CHECKED = Signal(
    category="cue.verification",
    detector="assumed",
    span=Span(utterance=0, word_start=0, word_end=1),
    score=1.0,
    probability=1.0,
    model=_STAMP,
)
"""Nor does it show whether somebody had asked who is on the line. That it is not shown is no fault of the agent: the
check counts as made, in the wordless utterance that every small call begins with."""
AT_ONCE = 256
"""Turns that are prepared together: enough to fill a model's batches, few enough to show that it goes on."""
_WORD_MS = 300
_PAUSE_MS = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
    """What is said of one turn: a probability for each category heard or found in it, and those decided."""

    id: str | int
    labels: Mapping[str, float]
    decided: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Predictor:
    """Judges a turn under each of `packs`; what one of them finds is found, at its highest probability."""

    detect: Detect
    judge: Judge
    packs: tuple[Pack, ...]

    def __call__(self, turn: LabelledTurn) -> Prediction:
        return self._judged(turn, call_of(turn))

    def predict_many(self, turns: Sequence[LabelledTurn]) -> Iterator[Prediction]:
        """The same for each of many turns, in their order; a detector that can prepare reads `AT_ONCE` at a time."""
        for start in range(0, len(turns), AT_ONCE):
            part = turns[start : start + AT_ONCE]
            calls = [call_of(turn) for turn in part]
            for detector in self.detect.detectors:
                # A text model is many times faster on many texts; lexicon and sounds have nothing to prepare.
                if callable(prepare := getattr(detector, "prepare", None)):
                    prepare(calls)
            for turn, call in zip(part, calls, strict=True):
                yield self._judged(turn, call)

    def _judged(self, turn: LabelledTurn, call: Transcript) -> Prediction:
        last = len(call.utterances) - 1
        signals = (_CHECKED, *self.detect(call))
        here = [s for s in signals if s.span.utterance == last and s.category in categories()]
        duration_ms = call.utterances[last].end_ms + _ASIDE_MS
        heard = {s.category: s.probability for s in here}
        found: dict[str, float] = {}
        decided: set[str] = set()
        for pack in self.packs:
            context = CallContext(jurisdiction=pack.jurisdiction)
            findings = self.judge(transcript=call, signals=signals, context=context, duration_ms=duration_ms).findings
            on_turn = [
                f for f in findings if isinstance(f.evidence, WordsEvidence) and f.evidence.span.utterance == last
            ]
            decided |= decided_on_turn(on_turn, here, flag_possible_over=pack.flag_possible_over)
            for finding in on_turn:
                found[finding.category] = max(_probability(finding), found.get(finding.category, 0.0))
        return Prediction(id=turn.id, labels=_ranked(heard, found, decided), decided=tuple(sorted(decided)))


def decided_on_turn(
    findings: Iterable[Finding], signals: Iterable[Signal], *, flag_possible_over: float
) -> frozenset[str]:
    """The categories decided on one turn, from the findings that rest on its words and the signals heard in it.

    A violation, a customer's signal and good practice are decided as found. What is only possible is decided above the
    pack's threshold for flagging; of an agent's conduct, at even odds: a reviewer would want to see it. A required
    statement is decided when it was plainly made: its findings speak of statements that are missing, not of this turn.
    """
    decided = {finding.category for finding in findings if _is_decided(finding, flag_possible_over)}
    made = {
        signal.category
        for signal in signals
        if categories()[signal.category].kind is Kind.REQUIRED_STATEMENT
        and signal.probability >= SURE
        and EVASIVE.isdisjoint(signal.features)
    }
    return frozenset(decided | made)


def call_of(turn: LabelledTurn) -> Transcript:
    """The beginning that is not shown, then what came before the turn and the turn, as a piece of a call."""
    utterances = [Utterance(index=0, speaker="agent", channel=0, role=Role.AGENT, lang="en", words=words_of("…", 0, 1))]
    at_ms = _ASIDE_MS
    for index, line in enumerate((*turn.previous, SpokenLine(role=turn.role, text=turn.text)), 1):
        length_ms = _WORD_MS * max(1, len(words_of(line.text)))
        utterances.append(
            Utterance(
                index=index,
                speaker=line.role.value,
                channel=0 if line.role is Role.AGENT else 1,
                role=line.role,
                lang=turn.language.spoken,
                words=words_of(line.text, at_ms, at_ms + length_ms),
            )
        )
        at_ms += length_ms + _PAUSE_MS
    return Transcript(utterances=tuple(utterances), model=_STAMP)


def as_json_line(prediction: Prediction) -> str:
    value = {"id": prediction.id, "labels": dict(prediction.labels), "decided": list(prediction.decided)}
    return json.dumps(value, ensure_ascii=False)


def _is_decided(finding: Finding, flag_possible_over: float) -> bool:
    if finding.status is not FindingStatus.POSSIBLE:
        return True
    probability = _probability(finding)
    is_conduct = categories()[finding.category].role is Role.AGENT
    return probability > flag_possible_over or (is_conduct and probability >= POSSIBLE_CONDUCT_FROM)


def _probability(finding: Finding) -> float:
    """What no detector weighed is as sure as its status says."""
    if finding.probability is None:
        return 0.0 if finding.status is FindingStatus.POSSIBLE else 1.0
    return finding.probability


def _ranked(heard: Mapping[str, float], found: Mapping[str, float], decided: set[str]) -> dict[str, float]:
    """Every category heard or found with its probability, the surest first."""
    labels = {key: max(heard.get(key, 0.0), found.get(key, 0.0)) for key in {*heard, *found}}
    weighed = {key: p if key in decided else min(p, UNDECIDED_AT_MOST) for key, p in labels.items() if p > 0}
    return {key: round(p, 4) for key, p in sorted(weighed.items(), key=lambda item: (-item[1], item[0]))}
