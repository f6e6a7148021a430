"""What the tests of pages are given: a reader at a fixed time, and small pieces of calls."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from pipeline.records import (
    CallContext,
    CallStatus,
    Distress,
    Finding,
    FindingStatus,
    ModelStamp,
    OmissionEvidence,
    Role,
    Severity,
    Span,
    Utterance,
    Word,
    WordsEvidence,
)
from pipeline.services.views import Actor, CallSummary, CategoryMark, Permission
from review_ui.language import Language, words_of
from review_ui.reader import Reader, Theme

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)  # a Friday
STAMP = ModelStamp(name="none", version="0")
READER = Actor(name="qa", permissions=frozenset({Permission.CALLS_READ}))


def reader(language: Language = Language.EN, zone: str = "Asia/Shanghai") -> Reader:
    return Reader(words=words_of(language), theme=Theme.AUTO, zone=ZoneInfo(zone), now=NOW)


def utterance(index: int, role: Role, start_ms: int, text: str, *, speaker: str = "", step_ms: int = 500) -> Utterance:
    return Utterance(
        index=index,
        speaker=speaker or f"ch{int(role is Role.CUSTOMER)}",
        channel=int(role is Role.CUSTOMER),
        role=role,
        lang="zh",
        words=tuple(
            Word(text=c, start_ms=start_ms + i * step_ms, end_ms=start_ms + (i + 1) * step_ms, confidence=0.9)
            for i, c in enumerate(text)
        ),
    )


def finding(
    category: str,
    severity: Severity,
    status: FindingStatus = FindingStatus.VIOLATION,
    *,
    role: Role = Role.AGENT,
    span: tuple[int, int, int] | None = None,
    at_ms: int = 0,
) -> Finding:
    evidence = (
        WordsEvidence(
            span=Span(utterance=span[0], word_start=span[1], word_end=span[2]), start_ms=at_ms, end_ms=at_ms + 900
        )
        if span
        else OmissionEvidence(window_start_ms=0, window_end_ms=30_000)
    )
    return Finding(
        category=category,
        status=status,
        severity=severity,
        role=role,
        evidence=evidence,
        rule=f"cn.{category}",
        pack="cn",
        pack_version="1",
    )


def summary(**changes: object) -> CallSummary:
    values: dict[str, object] = {
        "id": "c1",
        "call_id": None,
        "file": "a.wav",
        "recording_sha256": "0" * 64,
        "status": CallStatus.DONE,
        "stage": None,
        "progress": None,
        "failure": None,
        "attempts": 1,
        "received_at": NOW - timedelta(hours=5),
        "finished_at": NOW - timedelta(hours=3, minutes=20),
        "flagged": True,
        "severity": Severity.HIGH,
        "distress": Distress.PRESENT,
        "marks": tuple(
            CategoryMark(category=c, status=FindingStatus.POSSIBLE, severity=Severity.HIGH, count=n)
            for n, c in enumerate(("threat.veiled", "abuse.profanity", "contact.time", "privacy.no_verification"), 1)
        ),
        "customer_signals": ("distress.complaint_intent", "distress.fear"),
        "duration_ms": 271_000,
        "damage": None,
        "revision": 1,
        "context": CallContext(account_ref="ACC-12550", agent_id="0417", started_at=NOW - timedelta(days=1)),
    }
    return CallSummary(**{**values, **changes})  # type: ignore[arg-type]
