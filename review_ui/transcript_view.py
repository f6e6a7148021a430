"""The transcript as the page shows it: turns of words with marks, and between them silence and talk-over.

Knows no HTML and no audio.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pipeline.records import Role, Transcript, Utterance, Word
from review_ui.findings_view import FindingView
from review_ui.language import Words
from review_ui.reader import Reader, clock

UNSURE_BELOW = 0.5
"""Words that recognition was less sure of than this are lighter."""
SILENCE_FROM_MS = 3_000
TALK_OVER_FROM_MS = 300
"""Shorter overlaps are the normal joints of a conversation."""

_REDACTED = re.compile(r"^\s*\[([a-z_]+)\]$")


@dataclass(frozen=True, kw_only=True, slots=True)
class WordView:
    """`at` is the start in seconds, as text. A redacted stretch has its `redacted` kind named instead of its text.

    `lead` is the space before the word, which belongs to no mark. `carries` names the findings that the word carried
    and how strongly, as "3:2 7:1".
    """

    lead: str
    text: str
    at: str
    unsure: str
    redacted: str
    carries: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """The number that stands where the words of a finding end."""

    number: int
    tone: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """Words that the same findings rest on; `findings` is empty for plain words."""

    words: tuple[WordView, ...]
    findings: tuple[int, ...]
    tone: str
    unlikely: bool
    endings: tuple[Ending, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A turn, or a note between turns (`note` is then "silence" or "talk-over" and `text` says it)."""

    note: str = ""
    text: str = ""
    index: int = 0
    role: str = ""
    who: str = ""
    clock: str = ""
    start_s: str = ""
    end_s: str = ""
    lang: str = ""
    pieces: tuple[Piece, ...] = ()


def lines(
    transcript: Transcript, findings: Sequence[FindingView], reader: Reader, *, duration_ms: int | None
) -> tuple[Line, ...]:
    """Every turn of the transcript in order, with what happens between turns where it happens."""
    marks: dict[int, list[FindingView]] = {}
    for finding in findings:
        if finding.span is not None:
            marks.setdefault(finding.span[0], []).append(finding)
    return tuple(_lines(transcript.utterances, marks, reader, duration_ms))


def speaker_name(role: Role, speaker: str, words: Words) -> str:
    """The role's name; voices without a role keep apart by their number."""
    if role is not Role.UNKNOWN:
        return words(f"role.{role}")
    number = re.sub(r"\D", "", speaker)
    return words("role.speaker", number=str(int(number) + 1)) if number else words("role.unknown")


def _lines(
    utterances: Sequence[Utterance],
    marks: dict[int, list[FindingView]],
    reader: Reader,
    duration_ms: int | None,
) -> Iterator[Line]:
    heard_until = 0
    talking: dict[str, int] = {}
    for utterance in utterances:
        yield from _silence(heard_until, utterance.start_ms, reader)
        others = [end for speaker, end in talking.items() if speaker != utterance.speaker]
        overlap = min(utterance.end_ms, max(others, default=0)) - utterance.start_ms
        if overlap >= TALK_OVER_FROM_MS:
            yield Line(
                note="talk-over",
                text=reader.words(
                    "transcript.talk_over",
                    who=speaker_name(utterance.role, utterance.speaker, reader.words),
                    length=reader.seconds(overlap),
                ),
            )
        yield _turn(utterance, marks.get(utterance.index, []), reader.words)
        talking[utterance.speaker] = utterance.end_ms
        heard_until = max(heard_until, utterance.end_ms)
    if duration_ms is not None:
        yield from _silence(heard_until, duration_ms, reader)


def _silence(start_ms: int, end_ms: int, reader: Reader) -> Iterator[Line]:
    if end_ms - start_ms >= SILENCE_FROM_MS:
        length = reader.seconds(end_ms - start_ms)
        yield Line(note="silence", text=reader.words("transcript.silence", length=length))


def _turn(utterance: Utterance, marks: Sequence[FindingView], words: Words) -> Line:
    return Line(
        index=utterance.index,
        role=utterance.role.value,
        who=speaker_name(utterance.role, utterance.speaker, words),
        clock=clock(utterance.start_ms),
        start_s=_seconds(utterance.start_ms),
        end_s=_seconds(utterance.end_ms),
        lang=utterance.lang,
        pieces=tuple(_pieces(utterance.words, marks, words)),
    )


def _pieces(spoken: Sequence[Word], marks: Sequence[FindingView], words: Words) -> Iterator[Piece]:
    spans = [(m, m.span[1], m.span[2]) for m in marks if m.span is not None]
    carries: dict[int, list[str]] = {}
    for mark in marks:
        for place, strength in mark.reasons.strengths if mark.reasons else ():
            carries.setdefault(place, []).append(f"{mark.number}:{strength}")
    cuts = sorted({0, len(spoken), *(at for _, first, last in spans for at in (first, last) if 0 < at < len(spoken))})
    for start, end in pairwise(cuts):
        inside = [m for m, first, last in spans if first <= start and end <= last]
        # The findings come worst first, so the first colours the words.
        yield Piece(
            words=tuple(_word(spoken[place], words, " ".join(carries.get(place, ()))) for place in range(start, end)),
            findings=tuple(m.number for m in inside),
            tone=inside[0].tone if inside else "",
            unlikely=bool(inside) and all(m.unlikely for m in inside),
            endings=tuple(
                Ending(number=m.number, tone=m.tone)
                for m, _, last in spans
                if min(last, len(spoken)) == end and m in inside
            ),
        )


def _word(word: Word, words: Words, carries: str) -> WordView:
    redacted = _REDACTED.match(word.text)
    unsure = word.confidence < UNSURE_BELOW and not redacted
    text = word.text.lstrip()
    return WordView(
        lead=word.text[: len(word.text) - len(text)],
        text="" if redacted else text,
        at=_seconds(word.start_ms),
        unsure=words("word.unsure", confidence=f"{word.confidence:.2f}") if unsure else "",
        redacted=words.readable(text) if redacted else "",
        carries=carries,
    )


def _seconds(ms: int) -> str:
    return f"{ms / 1000:.3f}".rstrip("0").rstrip(".")
