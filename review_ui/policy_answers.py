"""What became of a condition: the words that met it, and for each signal that did not count why not.

Quotes come from the transcript that may be shown, found by their time: a trace knows where words stand in the
transcript as it was recognised, and that one is never shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pipeline.policy.conditions import Condition
from pipeline.policy.evaluating import Answer, Rejected, Why
from pipeline.records import OmissionEvidence, Role, Signal, Span, Transcript
from review_ui.language import Words
from review_ui.policy_sentences import Sentences
from review_ui.reader import clock
from review_ui.transcript_view import speaker_name

_PART = re.compile(r"(first|last) ([\d.]+) (s|turns)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Quote:
    """Words and where they stand; `text` is empty where the transcript has no such place."""

    text: str
    lang: str
    role: str
    who: str
    at: str
    href: str
    start_s: str


@dataclass(frozen=True, kw_only=True, slots=True)
class HitView:
    """A signal with its words; `why` says why it did not count, empty where it did."""

    quote: Quote
    signal: str
    probability: str
    detector: str
    features: tuple[str, ...]
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswerView:
    """`lines` tell of windows in which something was missing, and of facts that were looked at."""

    met: bool
    hits: tuple[HitView, ...]
    rejected: tuple[HitView, ...]
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Quotes:
    """Finds words by the spans of a trace: `traced` is the transcript that these count in, `shown` what may be read.

    `place` makes the time or number and the address of an utterance that starts at a millisecond.
    """

    traced: Transcript
    shown: Transcript
    words: Words
    place: Callable[[int, int], tuple[str, str]]

    def __call__(self, span: Span) -> Quote:
        spoken = next((u for u in self.traced.utterances if u.index == span.utterance), None)
        shown = next((u for u in self.shown.utterances if u.index == span.utterance), None)
        inside = spoken.words[span.word_start : span.word_end] if spoken else ()
        if not inside or shown is None:
            return Quote(text="", lang="", role=Role.UNKNOWN.value, who="", at="", href="", start_s="")
        start, end = inside[0].start_ms, inside[-1].end_ms
        found = [w.text for w in shown.words if (w.start_ms < end and w.end_ms > start) or w.start_ms == start]
        at, href = self.place(span.utterance, start)
        text = self.words.readable("".join(found).strip())
        return Quote(
            text=self.words("quote", text=text) if text else "",
            lang=shown.lang,
            role=shown.role.value,
            who=speaker_name(shown.role, shown.speaker, self.words),
            at=at,
            href=href,
            start_s=f"{start / 1000:g}",
        )


def answer_view(
    condition: Condition, given: Answer, sentences: Sentences, quotes: Quotes, letters: Mapping[str, str]
) -> AnswerView:
    """The answer to a condition in words."""
    lines = [_window(window, sentences.words) for window in given.windows]
    lines += [_fact(name, value, sentences) for name, value in given.facts]
    return AnswerView(
        met=given.met,
        hits=tuple(_hit(signal, sentences, quotes) for signal in given.hits),
        rejected=tuple(
            _hit(one.signal, sentences, quotes, why=why_not(one, condition, sentences, letters))
            for one in given.rejected
        ),
        lines=tuple(lines),
    )


def why_not(one: Rejected, condition: Condition, sentences: Sentences, letters: Mapping[str, str]) -> str:
    """Why a signal did not count, with the feature, limit or condition that decided."""
    words = sentences.words
    match one.why:
        case Why.ROLE:
            return words("policy.why.role", who=words(f"policy.by.{one.detail}"))
        case Why.UNSURE:
            needed = one.detail.rpartition(" ")[2]
            return words("policy.why.unsure", p=f"{one.signal.probability:.2f}", needed=needed)
        case Why.EXCUSED | Why.LACKS_FEATURE:
            return words(f"policy.why.{one.why}", features=sentences.features(one.detail.split(", ")))
        case Why.OUTSIDE_PART:
            part = _PART.fullmatch(one.detail)
            unit = "s" if part and part[3] == "s" else "turns"
            where = words(f"policy.part.{part[1]}_{unit}", n=_plain(part[2])) if part else one.detail
            return words("policy.why.outside_part", where=where)
        case _:
            return words(f"policy.why.{one.why}", name=letters.get(one.detail, one.detail))


def _plain(number: str) -> int | str:
    return int(number) if number.isdigit() else number


def _hit(signal: Signal, sentences: Sentences, quotes: Quotes, *, why: str = "") -> HitView:
    words = sentences.words
    names = dict.fromkeys(signal.detector.split("+"))
    return HitView(
        quote=quotes(signal.span),
        signal=sentences.signal(signal.category),
        probability=f"{signal.probability:.2f}",
        detector=words("join.and").join(words.named("detector", name) for name in names),
        features=tuple(words.named("feature", name) for name in signal.features),
        why=why,
    )


def _window(window: OmissionEvidence, words: Words) -> str:
    return words("policy.window", start=clock(window.window_start_ms), end=clock(window.window_end_ms))


def _fact(name: str, value: str, sentences: Sentences) -> str:
    words = sentences.words
    if name.startswith("facts."):
        shown = sentences.fact(name.removeprefix("facts."))
    else:
        shown = words.named("policy.about", name)
        shown = words.named("fact", name) if shown == name else shown
    told = words(f"policy.{value}") if value in ("true", "false") else value
    return words("policy.fact", name=shown, value=told or words("policy.unknown"))
