"""Finds personal numbers and addresses in what was said, and renders words and text without them.

Amounts, dates, percentages and counts stay readable. Redactions are views: the transcript is never changed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from pipeline.records import Redaction, Span, Transcript, Utterance, Word
from pipeline.stages.redact_numbers import is_taiwan_id, kind_of, runs

KINDS = ("phone", "card", "id", "account", "otp", "digits", "email")
VERSION = "1"
"""Raised when the same words would be redacted differently."""

_MAIL = re.compile(r"[a-z0-9._%+-]+@[a-z0-9.-]+\.[a-z]{2,}")
_SPOKEN_MAIL = re.compile(
    r"[a-z0-9._-]+(?: dot [a-z0-9_-]+)* at [a-z0-9-]+ dot (?:com|net|org|cn|tw|edu|gov|co|io)(?: dot [a-z]{2})?"
)
_TAIWAN_ID = re.compile(r"(?<![a-z])[a-z][12]\d{8}(?!\d)")


def placeholder(kind: str) -> str:
    """The word that stands for a redacted stretch, the same in every language."""
    return f"[{kind}]"


def redact(transcript: Transcript) -> tuple[Redaction, ...]:
    """Every stretch of personal data of a transcript, in order; stretches of one utterance do not overlap."""
    found: list[Redaction] = []
    previous = ""
    for utterance in transcript.utterances:
        text, owners = _flat(utterance.words)
        stretches = ((kind, owners[start], owners[end - 1] + 1) for kind, start, end in _stretches(text, previous))
        found.extend(_redactions(utterance, stretches))
        previous = text
    return tuple(found)


def redacted_words(utterance: Utterance, redactions: Iterable[Redaction]) -> tuple[Word, ...]:
    """The words with each redacted stretch as one word such as [phone], with its times and its leading space."""
    words: list[Word] = []
    place = 0
    for item in sorted(redactions, key=lambda r: r.span.word_start):
        if item.span.utterance != utterance.index:
            continue
        hidden = utterance.words[item.span.word_start : item.span.word_end]
        lead = " " if hidden[0].text.startswith(" ") else ""
        words.extend(utterance.words[place : item.span.word_start])
        words.append(
            Word(
                text=lead + placeholder(item.kind),
                start_ms=item.start_ms,
                end_ms=item.end_ms,
                confidence=min(w.confidence for w in hidden),
            )
        )
        place = item.span.word_end
    words.extend(utterance.words[place:])
    return tuple(words)


def redacted_text(utterance: Utterance, redactions: Iterable[Redaction]) -> str:
    """The utterance's text with placeholders such as [phone]."""
    return "".join(word.text for word in redacted_words(utterance, redactions)).strip()


def _flat(words: Sequence[Word]) -> tuple[str, list[int]]:
    """The text in lower case and NFKC and, for each of its characters, the word it comes from."""
    pieces = [unicodedata.normalize("NFKC", word.text).lower() for word in words]
    return "".join(pieces), [index for index, piece in enumerate(pieces) for _ in piece]


def _stretches(text: str, previous: str) -> list[tuple[str, int, int]]:
    """Kind, first and after-last character of what must not be seen."""
    found = [("email", m.start(), m.end()) for pattern in (_MAIL, _SPOKEN_MAIL) for m in pattern.finditer(text)]
    found += [("id", m.start(), m.end()) for m in _TAIWAN_ID.finditer(text) if is_taiwan_id(m[0])]
    for run in runs(text):
        if not any(start < run.end and run.start < end for _, start, end in found):
            kind = kind_of(run, text, previous)
            if kind is not None:
                found.append((kind, run.start, run.end))
    return sorted(found, key=lambda stretch: stretch[1])


def _redactions(utterance: Utterance, stretches: Iterable[tuple[str, int, int]]) -> Iterator[Redaction]:
    """Redactions of one utterance; stretches that share a word become one."""
    last: Redaction | None = None
    for kind, word_start, word_end in stretches:
        if last is not None and word_start < last.span.word_end:
            word_end = max(word_end, last.span.word_end)
            last = replace(
                last, span=replace(last.span, word_end=word_end), end_ms=utterance.words[word_end - 1].end_ms
            )
            continue
        if last is not None:
            yield last
        last = Redaction(
            kind=kind,
            span=Span(utterance=utterance.index, word_start=word_start, word_end=word_end),
            start_ms=utterance.words[word_start].start_ms,
            end_ms=utterance.words[word_end - 1].end_ms,
        )
    if last is not None:
        yield last
