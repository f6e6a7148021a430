"""The truth of a call as its JSON file tells it, and the transcript that flawless recognition would give.

A file holds `expect` (flag, categories, distress), `meta` and `turns` with speaker, seconds, text and labels.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from pipeline.evaluation.groups import is_alarming
from pipeline.records import (
    CallContext,
    Channels,
    CollectorType,
    Direction,
    Distress,
    Jurisdiction,
    ModelStamp,
    Role,
    Transcript,
    Utterance,
)
from pipeline.stages.dialogue import words_of

TOLERANCE_MS = 500
"""How far evidence may stick out of its turn."""

E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, kw_only=True, slots=True)
class TrueTurn:
    role: Role
    start_ms: int
    end_ms: int
    text: str
    labels: frozenset[str]

    @property
    def is_conduct(self) -> bool:
        """An agent's turn that is labelled as conduct that must not occur."""
        return self.role is Role.AGENT and any(is_alarming(label, self.role) for label in self.labels)

    def holds(self, start_ms: int, end_ms: int) -> bool:
        return self.start_ms - TOLERANCE_MS <= start_ms and end_ms <= self.end_ms + TOLERANCE_MS


@dataclass(frozen=True, kw_only=True, slots=True)
class CallTruth:
    """What is true of a call; `stereo` where its recording has the agent on the left and the customer on the right."""

    id: str
    lang: str
    context: CallContext
    flagged: bool
    categories: frozenset[str]
    distress: Distress
    duration_ms: int
    stereo: bool
    turns: tuple[TrueTurn, ...]


def read_truth(path: Path) -> CallTruth:
    """The truth of a call from its JSON file.

    Raises KeyError for what is missing; ValueError, TypeError or AttributeError for what is no truth; OSError.
    """
    raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    meta, expect = raw["meta"], raw["expect"]
    return CallTruth(
        id=raw["id"],
        lang=raw["lang"],
        context=CallContext(
            call_id=raw["id"],
            account_ref=meta.get("account_ref"),
            agent_id=meta.get("agent_id"),
            team=meta.get("team"),
            direction=_one_of(Direction, meta, "direction"),
            started_at=datetime.fromisoformat(meta["started_at"]),
            customer_tz=meta.get("customer_tz"),
            jurisdiction=Jurisdiction(meta["jurisdiction"]),
            collector_type=CollectorType(meta["collector_type"]),
            product=meta.get("product"),
            days_past_due=meta.get("days_past_due"),
            outcome=meta.get("outcome"),
            channels=_one_of(Channels, meta, "channels"),
            facts=meta.get("facts", {}),
        ),
        flagged=expect["flag"],
        categories=frozenset(expect["categories"]),
        distress=Distress(expect["distress"]),
        duration_ms=round(raw["duration_s"] * 1000),
        stereo=raw.get("layout") == "stereo",
        turns=tuple(
            TrueTurn(
                role=Role(turn["spk"]),
                start_ms=round(turn["start"] * 1000),
                end_ms=round(turn["end"] * 1000),
                text=turn["text"],
                labels=frozenset(turn["labels"]),
            )
            for turn in raw["turns"]
        ),
    )


def transcript_of(truth: CallTruth) -> Transcript:
    """The transcript that flawless recognition would give: the true text, its words spread evenly over each turn."""
    return Transcript(
        utterances=tuple(_utterance(index, turn, truth.lang) for index, turn in enumerate(truth.turns)),
        model=ModelStamp(name="truth", version="1"),
    )


def _one_of(kind: type[E], meta: Mapping[str, Any], key: str) -> E | None:
    """The value of a key that may be missing, in any case, as metadata are read everywhere else."""
    value = meta.get(key)
    return kind(value.strip().lower().replace("_", "-")) if value else None


def _utterance(index: int, turn: TrueTurn, lang: str) -> Utterance:
    return Utterance(
        index=index,
        speaker="ch0" if turn.role is Role.AGENT else "ch1",
        channel=0 if turn.role is Role.AGENT else 1,
        role=turn.role,
        lang=lang,
        words=words_of(turn.text, turn.start_ms, turn.end_ms),
    )
