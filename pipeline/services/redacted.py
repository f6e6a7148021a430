"""A record as it may be shown: redacted words in place of private ones, and findings and claims about these words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipeline.records import (
    CallContext,
    CallRecord,
    CarriedWord,
    Finding,
    ModelStamp,
    Redaction,
    Role,
    Signal,
    Span,
    Transcript,
    Utterance,
    Word,
    WordsEvidence,
)
from pipeline.stages.explain import Explanation
from pipeline.stages.redact import redact, redacted_words

_NOBODY = ModelStamp(name="none", version="0")
_LONG_NUMBER = 10**9
"""Shorter numbers that are written as numbers are amounts and counts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownRecord:
    """A transcript, with findings and signals that count its words."""

    transcript: Transcript
    findings: tuple[Finding, ...]
    signals: tuple[Signal, ...]


def redacted_view(record: CallRecord) -> ShownRecord:
    """With each redacted stretch as one word."""
    transcript, places = _redacted_transcript(record)
    return ShownRecord(
        transcript=transcript,
        findings=tuple(_moved(finding, places) for finding in record.judgement.findings),
        signals=tuple(_moved_signal(signal, places) for signal in record.signals),
    )


def unredacted_view(record: CallRecord) -> ShownRecord:
    """As it was recognised, for those who may see the original."""
    return ShownRecord(transcript=record.transcript, findings=record.judgement.findings, signals=record.signals)


def _redacted_transcript(record: CallRecord) -> tuple[Transcript, dict[int, _Places]]:
    by_utterance: defaultdict[int, list[Redaction]] = defaultdict(list)
    for redaction in record.redactions:
        by_utterance[redaction.span.utterance].append(redaction)
    utterances: list[Utterance] = []
    places: dict[int, _Places] = {}
    for utterance in record.transcript.utterances:
        redactions = by_utterance.get(utterance.index)
        if not redactions:
            utterances.append(utterance)
            continue
        words = redacted_words(utterance, redactions)
        places[utterance.index] = _Places(utterance.words, words, redactions)
        utterances.append(replace(utterance, words=words))
    return replace(record.transcript, utterances=tuple(utterances)), places


class _Places:
    """Where the words of an utterance stand after redaction. Words that are not redacted keep their order."""

    def __init__(self, before: Sequence[Word], after: Sequence[Word], redactions: Sequence[Redaction]) -> None:
        hidden = {at for r in redactions for at in range(r.span.word_start, r.span.word_end)}
        self.start: list[int] = []
        self.end: list[int] = []
        at = 0
        for index, word in enumerate(before):
            if index in hidden:
                self.start.append(at)
                self.end.append(-1)
                continue
            while after[at] != word:
                at += 1
            self.start.append(at)
            self.end.append(at + 1)
            at += 1
        following = len(after)
        for index in range(len(before) - 1, -1, -1):
            if self.end[index] < 0:
                self.end[index] = following
            else:
                following = self.start[index]

    def span(self, span: Span) -> Span:
        return replace(span, word_start=self.start[span.word_start], word_end=self.end[span.word_end - 1])

    def carried(self, carried: Sequence[CarriedWord]) -> tuple[CarriedWord, ...]:
        """What hidden words carried, carries the word that stands for them."""
        weights: defaultdict[int, float] = defaultdict(float)
        for one in carried:
            weights[self.start[one.word]] += one.weight
        return tuple(CarriedWord(word=word, weight=round(weight, 4)) for word, weight in sorted(weights.items()))


def _moved(finding: Finding, places: Mapping[int, _Places]) -> Finding:
    evidence = finding.evidence
    if not isinstance(evidence, WordsEvidence) or evidence.span.utterance not in places:
        return finding
    return replace(finding, evidence=replace(evidence, span=places[evidence.span.utterance].span(evidence.span)))


def _moved_signal(signal: Signal, places: Mapping[int, _Places]) -> Signal:
    at = places.get(signal.span.utterance)
    return replace(signal, span=at.span(signal.span), carried=at.carried(signal.carried)) if at else signal


def redacted_explanation(of: Explanation) -> Explanation:
    """With what rules looked up in the metadata as `redacted_context` shows it; the words are the caller's to hide.

    Findings need no more: they rest on times and counts, never on free text.
    """
    rules = tuple(
        replace(
            rule,
            answers={name: replace(one, facts=tuple(_hidden_facts(one.facts))) for name, one in rule.answers.items()},
        )
        for rule in of.rules
    )
    return replace(of, rules=rules)


def _hidden_facts(facts: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    """Values by name, those of free text redacted; times and counts are told by names of their own."""
    for name, value in facts:
        is_free_text = name == "outcome" or name.startswith("facts.")
        yield name, _hidden_text(name, value) if is_free_text else value


def redacted_context(context: CallContext) -> CallContext:
    """The context without personal numbers in what is free text: the outcome, and values of facts and unknown keys."""
    outcome = _hidden("outcome", context.outcome)
    return replace(context, outcome=outcome, facts=_hidden("", context.facts), extra=_hidden("", context.extra))


def _hidden(name: str, value: Any) -> Any:
    match value:
        case str():
            return _hidden_text(name, value)
        case int() if abs(value) >= _LONG_NUMBER:
            shown = _hidden_text(name, str(value))
            return value if shown == str(value) else shown
        case Mapping():
            return {key: _hidden(key, inner) for key, inner in value.items()}
        case list():
            return [_hidden(name, inner) for inner in value]
    return value


def _hidden_text(name: str, text: str) -> str:
    """The text as the redactor shows it; what it is called helps to tell a telephone from an amount."""
    asked = "".join(c for c in f"{name}: " if not c.isdigit())
    words = tuple(Word(text=c, start_ms=0, end_ms=0, confidence=1.0) for c in asked + text)
    said = Utterance(index=0, speaker="", channel=0, role=Role.UNKNOWN, lang="zh", words=words)
    redactions = redact(Transcript(utterances=(said,), model=_NOBODY))
    return "".join(word.text for word in redacted_words(said, redactions)[len(asked) :])
