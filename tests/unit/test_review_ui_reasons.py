"""Why a text model found something, as the call page tells it, and what of it redaction leaves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from models.datasets.dialogues import Example
from models.datasets.dialogues import Line as Said
from pipeline.errors import NotFound
from pipeline.records import (
    CallContext,
    CallStatus,
    CarriedWord,
    Distress,
    Finding,
    FindingStatus,
    ModelStamp,
    OmissionEvidence,
    Recording,
    Role,
    Severity,
    Signal,
    Span,
    Transcript,
    Utterance,
    Word,
    WordsEvidence,
)
from pipeline.services.views import CallDetail, CallSummary
from review_ui.findings_view import finding_views
from review_ui.language import Language, words_of
from review_ui.reader import Reader, Theme
from review_ui.reasons_view import reasons_view
from review_ui.similar_view import similar_view
from review_ui.transcript_view import lines

EN, ZH = words_of(Language.EN), words_of(Language.ZH_HANS)
STAMP = ModelStamp(name="none", version="0")


def spoken(*texts: str, lang: str = "zh") -> Transcript:
    words = tuple(
        Word(text=text, start_ms=at * 100, end_ms=at * 100 + 90, confidence=0.9) for at, text in enumerate(texts)
    )
    said = Utterance(index=0, speaker="ch0", channel=0, role=Role.AGENT, lang=lang, words=words)
    return Transcript(utterances=(said,), model=STAMP)


def claim(weights: dict[int, float], *, category: str = "threat.violence", **more: object) -> Signal:
    signal = Signal(
        category=category,
        detector="lexicon+text",
        span=Span(utterance=0, word_start=0, word_end=2),
        score=0.83,
        probability=0.914,
        model=STAMP,
        parts={"text": 0.83, "lexicon": 0.7},
        carried=tuple(CarriedWord(word=word, weight=weight) for word, weight in weights.items()),
        nearest=("zh-x-1:4", "zh-x-1:9"),
    )
    return replace(signal, **more)  # type: ignore[arg-type]


def found(category: str = "threat.violence") -> Finding:
    return Finding(
        category=category,
        status=FindingStatus.VIOLATION,
        severity=Severity.HIGH,
        role=Role.AGENT,
        evidence=WordsEvidence(span=Span(utterance=0, word_start=0, word_end=2), start_ms=0, end_ms=200),
        rule="cn.x",
        pack="cn",
        pack_version="1",
    )


def call(*findings: Finding, signals: tuple[Signal, ...]) -> CallDetail:
    summary = CallSummary(
        id="c1",
        call_id=None,
        file="a.wav",
        recording_sha256="0" * 64,
        status=CallStatus.DONE,
        stage=None,
        progress=None,
        failure=None,
        attempts=1,
        received_at=datetime(2026, 11, 20, tzinfo=UTC),
        finished_at=None,
        flagged=True,
        severity=Severity.HIGH,
        distress=Distress.NONE,
        marks=(),
        customer_signals=(),
        duration_ms=1000,
        damage=None,
        revision=1,
        context=CallContext(),
    )
    recording = Recording(sha256="0" * 64, media_type="audio/wav", size_bytes=1)
    return CallDetail(summary=summary, recording=recording, findings=findings, signals=signals)


def test_words_are_told_by_weight_and_those_side_by_side_together() -> None:
    told = reasons_view(claim({0: 0.1, 2: 0.3, 3: 0.3, 4: 0.15, 6: 0.1}), spoken(*"我叫人打你今晚"), ZH, call="c1")
    assert told is not None
    assert [(s.text, s.share, s.strength) for s in told.stretches] == [
        ("人打", "60%", 3),
        ("你", "15%", 2),
        ("我", "10%", 2),
        ("晚", "10%", 2),
    ]
    assert told.strengths == ((0, 2), (2, 3), (3, 3), (4, 2), (6, 2))


def test_parts_are_named_in_one_order_and_the_calibrated_probability_is_the_signals() -> None:
    told = reasons_view(claim({0: 1.0}), spoken("打"), EN, call="c1")
    assert told is not None and told.calibrated == "0.91"
    assert [(part.name, part.probability) for part in told.parts] == [("lexicon", "0.70"), ("text model", "0.83")]
    assert told.similar_href == "/calls/c1/similar?category=threat.violence&utterance=0"


def test_a_claim_of_rules_alone_gives_no_reasons() -> None:
    rules = claim({}, parts={}, nearest=())
    assert reasons_view(rules, spoken("打"), EN, call="c1") is None
    assert reasons_view(None, spoken("打"), EN, call="c1") is None


def test_a_redacted_stretch_that_carried_something_is_named_not_shown() -> None:
    told = reasons_view(claim({1: 1.0}), spoken("call", " [phone]", " now", lang="en"), ZH, call="c1")
    assert told is not None and [s.text for s in told.stretches] == ["[电话号码]"]


def test_words_in_the_transcript_name_the_findings_they_carried_even_outside_the_mark() -> None:
    transcript = spoken(*"我打你今晚")
    signal = claim({1: 0.6, 4: 0.2})
    views = finding_views([found()], transcript, EN, call="c1", original=False, signal_of=lambda _: signal)
    reader = Reader(words=EN, theme=Theme.AUTO, zone=UTC, now=datetime(2026, 11, 20, tzinfo=UTC))
    (line,) = lines(transcript, views, reader, duration_ms=None)
    assert [word.carries for piece in line.pieces for word in piece.words] == ["", "1:3", "", "", "1:2"]


def test_a_finding_rests_on_the_claim_of_its_category_and_utterance() -> None:
    other, near, exact = (
        claim({}, category="abuse.profanity"),
        claim({}, span=Span(utterance=0, word_start=0, word_end=5)),
        claim({}),
    )
    detail = call(found(), signals=(other, near, exact))
    assert detail.signal_of(found()) is exact
    assert detail.signal_of(found("privacy.public")) is None
    missing = replace(found(), evidence=OmissionEvidence(window_start_ms=0, window_end_ms=9))
    assert detail.signal_of(missing) is None


# --- similar training turns ---


def example(id: str) -> Example | None:
    if id.endswith(":9"):
        return None
    return Example(
        source="zh-x-1", number=4, lang="zh", line=Said("agent", "小心走路"), labels=frozenset({"threat.violence"})
    )


def test_similar_turns_are_told_with_speaker_and_named_labels_and_lost_ones_are_left_out() -> None:
    page = similar_view(call(found(), signals=(claim({}),)), "threat.violence", 0, ZH, example)
    assert [(t.who, t.text, t.labels) for t in page.turns] == [("催收员", "“小心走路”", ("暴力威胁",))]
    assert page.gone == ""
    assert similar_view(call(found(), signals=(claim({}),)), "threat.violence", 0, EN, lambda _: None).gone


def test_similar_turns_are_for_findings_only() -> None:
    """A claim that no rule made a finding of is not told here either."""
    detail = call(found(), signals=(claim({}), claim({}, category="abuse.profanity")))
    for category, utterance in (("abuse.profanity", 0), ("threat.violence", 3)):
        with pytest.raises(NotFound):
            similar_view(detail, category, utterance, EN, example)
