"""Why the text model found something: the words that carried it, what each detector said, and where to see its like.

All words come from the transcript that is shown: where one is redacted, its placeholder stands here too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import urlencode

from pipeline.records import CarriedWord, Signal, Transcript, Utterance
from review_ui.language import Words

STRONGEST = 3
"""How strongly a word is marked: 1 to this, by its weight beside the greatest of its utterance."""
_PARTS = ("lexicon", "text", "voice")
_MARKS = " ,.;:!?，。；：！？、…"
"""What a recogniser writes after a word, and no part of what was said."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StretchView:
    """Words side by side that carried about as much, and how much they carried together."""

    text: str
    share: str
    strength: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PartView:
    """What one detector said by itself."""

    name: str
    probability: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ReasonsView:
    """`strengths` has the marked words of the utterance by their place; `stretches` tells them by weight."""

    strengths: tuple[tuple[int, int], ...]
    stretches: tuple[StretchView, ...]
    lang: str
    parts: tuple[PartView, ...]
    calibrated: str
    similar_href: str
    """Where the most similar training turns are shown; empty where none are known."""


def reasons_view(
    signal: Signal | None, transcript: Transcript | None, words: Words, *, call: str
) -> ReasonsView | None:
    """What is known of a claim beyond its probability; None where nothing is."""
    if signal is None or transcript is None or not (signal.parts or signal.carried or signal.nearest):
        return None
    utterance = next((u for u in transcript.utterances if u.index == signal.span.utterance), None)
    strengths = _strengths(signal.carried)
    address = urlencode({"category": signal.category, "utterance": signal.span.utterance})
    return ReasonsView(
        strengths=tuple(strengths.items()),
        stretches=tuple(_stretches(signal.carried, strengths, utterance, words)) if utterance else (),
        lang=utterance.lang if utterance else "",
        parts=tuple(
            PartView(name=words.named("detector", name), probability=f"{signal.parts[name]:.2f}")
            for name in _PARTS
            if name in signal.parts
        ),
        calibrated=f"{signal.probability:.2f}" if signal.parts else "",
        similar_href=f"/calls/{call}/similar?{address}" if call and signal.nearest else "",
    )


def _strengths(carried: Sequence[CarriedWord]) -> dict[int, int]:
    most = max((one.weight for one in carried), default=0.0)
    return {
        one.word: min(STRONGEST, 1 + int(STRONGEST * one.weight / most))
        for one in sorted(carried, key=lambda one: one.word)
        if one.weight > 0
    }


def _stretches(
    carried: Sequence[CarriedWord], strengths: dict[int, int], utterance: Utterance, words: Words
) -> Iterator[StretchView]:
    """The heaviest first."""
    weights = {one.word: one.weight for one in carried}
    marked = list(strengths)
    cuts = [at + 1 for at, (a, b) in enumerate(pairwise(marked)) if b != a + 1 or strengths[a] != strengths[b]]
    stretches = [marked[start:end] for start, end in pairwise([0, *cuts, len(marked)]) if marked[start:end]]
    for stretch in sorted(stretches, key=lambda places: -sum(weights[at] for at in places)):
        yield StretchView(
            text=words.readable(utterance.quote(stretch[0], stretch[-1] + 1).strip(_MARKS)),
            share=f"{sum(weights[at] for at in stretch):.0%}",
            strength=strengths[stretch[0]],
        )
