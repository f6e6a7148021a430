"""The transcript on a page: marks, silences, talk-over, words that are unsure or hidden."""

from __future__ import annotations

from pipeline.records import (
    Role,
    Severity,
    Transcript,
    Utterance,
    Word,
)
from review_ui.findings_view import finding_views
from review_ui.language import Language, words_of
from review_ui.transcript_view import lines
from tests.unit.shown import STAMP, finding, reader, utterance


def test_marks_cut_the_words_where_findings_begin_and_end() -> None:
    spoken = Transcript(utterances=(utterance(0, Role.AGENT, 0, "明天坐牢去吧"),), model=STAMP)
    views = finding_views(
        [
            finding("threat.arrest", Severity.CRITICAL, span=(0, 2, 4)),
            finding("abuse.hostile_tone", Severity.MEDIUM, span=(0, 2, 6)),
        ],
        spoken,
        words_of(Language.EN),
        call="c",
        original=False,
    )
    (line,) = lines(spoken, views, reader(), duration_ms=3000)
    shown = [("".join(w.text for w in p.words), p.findings, p.tone, [e.number for e in p.endings]) for p in line.pieces]
    assert shown == [
        ("明天", (), "", []),
        ("坐牢", (1, 2), "critical", [1]),
        ("去吧", (2,), "medium", [2]),
    ]


def test_silence_and_talk_over_stand_where_they_happen() -> None:
    spoken = Transcript(
        utterances=(
            utterance(0, Role.AGENT, 0, "你好吗"),
            utterance(1, Role.CUSTOMER, 1000, "我"),
            utterance(2, Role.AGENT, 6000, "喂"),
        ),
        model=STAMP,
    )
    notes = [(line.note, line.text) for line in lines(spoken, (), reader(), duration_ms=20_000)]
    assert notes == [
        ("", ""),
        ("talk-over", "Talk-over 0.5 s · Customer starts second"),
        ("", ""),
        ("silence", "Silence 4.5 s"),
        ("", ""),
        ("silence", "Silence 14 s"),
    ]


def test_unsure_and_redacted_words_say_so() -> None:
    words = (
        Word(text="打", start_ms=0, end_ms=10, confidence=0.31),
        Word(text=" [phone]", start_ms=10, end_ms=20, confidence=0.1),
    )
    spoken = Transcript(
        utterances=(Utterance(index=0, speaker="ch0", channel=0, role=Role.AGENT, lang="zh", words=words),), model=STAMP
    )
    (line,) = lines(spoken, (), reader(Language.ZH_HANS), duration_ms=None)
    first, second = line.pieces[0].words
    assert (first.unsure, first.redacted) == ("识别置信度 0.31", "")
    assert (second.lead, second.text, second.redacted, second.unsure) == (" ", "", "[电话号码]", "")
