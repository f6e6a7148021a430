"""How a call went as a whole, as the pages show it: the patterns it follows, and where each of their steps was said."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pipeline.records import CallOutcome, Polarity, Transcript
from review_ui.language import Words

Place = Callable[[int, int], tuple[str, str]]
"""From an utterance and the millisecond of its start to how the place is called and its address."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OutcomeStepView:
    name: str
    at: str
    href: str
    start_s: str


@dataclass(frozen=True, kw_only=True, slots=True)
class OutcomeView:
    """A pattern that the call as a whole follows."""

    name: str
    tone: str
    polarity: str
    steps: tuple[OutcomeStepView, ...]


def tone_of_polarity(polarity: Polarity) -> str:
    """How a call-level outcome is coloured: it has no severity of its own."""
    return "good" if polarity is Polarity.POSITIVE else "high"


def outcome_views(
    outcomes: Iterable[CallOutcome], transcript: Transcript | None, words: Words, place: Place
) -> tuple[OutcomeView, ...]:
    """Call-level outcomes with their steps in order, what went wrong before what went well."""
    starts = {u.index: u.start_ms for u in transcript.utterances} if transcript else {}
    return tuple(
        OutcomeView(
            name=words.pick(outcome.name_zh, outcome.name_en),
            tone=tone_of_polarity(outcome.polarity),
            polarity=words(f"policy.polarity.{outcome.polarity}"),
            steps=tuple(
                _step(words.category(step.category), step.span.utterance, starts.get(step.span.utterance), place)
                for step in outcome.steps
            ),
        )
        for outcome in sorted(outcomes, key=lambda one: one.polarity is Polarity.POSITIVE)
    )


def _step(name: str, utterance: int, start_ms: int | None, place: Place) -> OutcomeStepView:
    if start_ms is None:
        return OutcomeStepView(name=name, at="", href="", start_s="")
    at, href = place(utterance, start_ms)
    return OutcomeStepView(name=name, at=at, href=href, start_s=f"{start_ms / 1000:g}")
