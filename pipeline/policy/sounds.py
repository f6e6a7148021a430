"""What sounds mean: measures of how an utterance was spoken, as cues that rules may look at.

Measures, never an inferred emotion. Knows how entries are written and when they are met; measuring is a stage's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pipeline.policy.categories import CUES, categories
from pipeline.policy.source import Node, suggestion
from pipeline.records import Role, UtteranceSound


class Measure(StrEnum):
    """What is measured of an utterance; each is an attribute of UtteranceSound."""

    TALK_OVER_MS = "talk_over_ms"
    PAUSE_BEFORE_MS = "pause_before_ms"
    RATE = "rate"
    RATE_RATIO = "rate_ratio"
    LOUDNESS_DB = "loudness_db"


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
            found.append(
                SoundEntry(
                    id=f"sound.{category}.{name}",
                    category=category,
                    role=f["role"].one_of(Role) if "role" in f else role,
                    score=f["score"].number(0.05, 1.0),
                    measure=f["measure"].one_of(Measure),
                    over=f["over"].number(-1e6, 1e6) if "over" in f else None,
                    under=f["under"].number(-1e6, 1e6) if "under" in f else None,
                )
            )
    return tuple(found)
