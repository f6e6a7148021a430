"""Calls written as lines of "agent: …" and "customer: …", judged by the packs that ship; the tests of policy use it."""

from __future__ import annotations

from datetime import datetime

from pipeline.policy.registry import load_registry
from pipeline.records import (
    CallContext,
    CollectorType,
    Finding,
    FindingStatus,
    Judgement,
    Jurisdiction,
    Role,
    Signal,
    Transcript,
)
from pipeline.stages.detect import Detect, LexiconDetector
from pipeline.stages.dialogue import TURN_MS, transcript_of
from pipeline.stages.judge import Judge

REGISTRY = load_registry()
DETECT = Detect((LexiconDetector(REGISTRY.lexicons),))
JUDGE = Judge(REGISTRY)


def context(
    jurisdiction: str = "CN",
    *,
    facts: dict[str, object] | None = None,
    started_at: str | None = None,
    customer_tz: str | None = None,
    collector_type: CollectorType | None = CollectorType.THIRD_PARTY,
) -> CallContext:
    return CallContext(
        jurisdiction=Jurisdiction(jurisdiction),
        collector_type=collector_type,
        customer_tz=customer_tz,
        started_at=datetime.fromisoformat(started_at) if started_at else None,
        facts=facts or {},
    )


def transcript(*lines: str) -> Transcript:
    """One utterance a line, four seconds each."""
    split = (line.split(": ", 1) for line in lines)
    return transcript_of((Role(role), text) for role, text in split)


def signals(*lines: str) -> tuple[Signal, ...]:
    return DETECT(transcript(*lines))


def judged(*lines: str, about: CallContext | None = None) -> Judgement:
    spoken = transcript(*lines)
    return JUDGE(
        transcript=spoken,
        signals=DETECT(spoken),
        context=about or context(),
        duration_ms=len(lines) * TURN_MS,
    )


def broken(judgement: Judgement) -> dict[str, Finding]:
    """Findings of violation, certain or possible, by category."""
    return {f.category: f for f in judgement.findings if f.status in (FindingStatus.VIOLATION, FindingStatus.POSSIBLE)}
