"""What sounds mean: measures of how an utterance was spoken, as cues that rules may look at.

Measures, never an inferred emotion. Knows how entries are written and when they are met; measuring is a stage's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from pipeline.policy.categories import CUES, categories
from pipeline.policy.source import Node, suggestion
from pipeline.records import Role, Transcript, UtteranceSound


class Measure(StrEnum):
    """What is measured of an utterance; each is an attribute of UtteranceSound."""

    TALK_OVER_MS = "talk_over_ms"
    PAUSE_BEFORE_MS = "pause_before_ms"
    RATE = "rate"
    RATE_RATIO = "rate_ratio"
    LOUDNESS_DB = "loudness_db"
    PITCH_RATIO_ST = "pitch_ratio_st"
    PITCH_SPREAD_ST = "pitch_spread_st"
    VOICED_SHARE = "voiced_share"
    TREMOR = "tremor"
    SOBS = "sobs"


OF_ANYBODY = frozenset(
    {Measure.TALK_OVER_MS, Measure.PAUSE_BEFORE_MS, Measure.RATE, Measure.RATE_RATIO, Measure.LOUDNESS_DB}
)
"""What an entry may use of a collector, whose emotion is not inferred from the voice (EU AI Act, article 5(1)(f))."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SoundEntry:
    """A category or cue that an utterance holds when its measure lies over, or under, a limit."""

    id: str
    category: str
    role: Role
    score: float
    measure: Measure
    over: float | None
    under: float | None

    @property
    def of_customer_voice(self) -> bool:
        """Whether it rests on how a customer's voice sounds, which a pack may switch off."""
        return self.role is Role.CUSTOMER and (self.measure not in OF_ANYBODY or self.measure is Measure.LOUDNESS_DB)

    def met_by(self, sound: UtteranceSound) -> bool:
        """Whether the utterance was spoken so; what could not be measured never is."""
        value = getattr(sound, self.measure)
        if value is None:
            return False
        return (self.over is None or value > self.over) and (self.under is None or value < self.under)


def read_sounds(nodes: Mapping[str, Node]) -> tuple[SoundEntry, ...]:
    """The `sounds:` of a pack: category, then name, then {score, measure, over and/or under}."""
    found = []
    for category, node in nodes.items():
        if category not in categories() and category not in CUES:
            node.fail(f"there is no category or cue '{category}'{suggestion(category, [*categories(), *CUES])}")
        role = CUES[category].role if category in CUES else categories()[category].role
        for name, raw in node.mapping().items():
            f = raw.fields(("score", "measure"), ("over", "under", "role"))
            if "over" not in f and "under" not in f:
                raw.fail("say over or under which limit: 'over', 'under' or both.")
            by = f["role"].one_of(Role) if "role" in f else role
            measure = f["measure"].one_of(Measure)
            if measure not in OF_ANYBODY and not role is by is Role.CUSTOMER:
                f["measure"].fail(
                    f"'{measure}' may mean something of a customer only: a collector's emotion is not inferred from "
                    f"the voice. Of others there are {', '.join(m for m in Measure if m in OF_ANYBODY)}."
                )
            found.append(
                SoundEntry(
                    id=f"sound.{category}.{name}",
                    category=category,
                    role=by,
                    score=f["score"].number(0.05, 1.0),
                    measure=measure,
                    over=f["over"].number(-1e6, 1e6) if "over" in f else None,
                    under=f["under"].number(-1e6, 1e6) if "under" in f else None,
                )
            )
    return tuple(found)


def without_customer_voice(transcript: Transcript, sounds: Sequence[UtteranceSound]) -> tuple[UtteranceSound, ...]:
    """The same as if neither loudness nor voice of anybody but the collector had been measured."""
    agents = {u.index for u in transcript.utterances if u.role is Role.AGENT}
    return tuple(
        sound
        if sound.utterance in agents
        else replace(
            sound,
            loudness_db=None,
            pitch_hz=None,
            pitch_ratio_st=None,
            pitch_spread_st=None,
            voiced_share=None,
            tremor=None,
            sobs=None,
        )
        for sound in sounds
    )
