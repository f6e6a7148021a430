"""Rows to values and back: the one place that knows how a call lies in its tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from pipeline.contacts import Heard
from pipeline.encoding import decode, encode
from pipeline.policy.categories import CUES
from pipeline.policy.features import EVASIVE
from pipeline.records import (
    CallContext,
    CallRecord,
    CallStatus,
    Damage,
    Distress,
    Finding,
    FindingStatus,
    Recording,
    Role,
    Severity,
    Stage,
)
from pipeline.services.redacted import redacted_context
from pipeline.services.views import CallSummary, CategoryMark, Failure
from pipeline.store.tables import AttemptRow, CallRow, FindingRow, RecordingRow


def context_of(row: CallRow | AttemptRow) -> CallContext:
    return decode(CallContext, json.dumps(row.context).encode())


def put_context(row: CallRow, context: CallContext) -> None:
    """Writes the context into its row, and the parts that lists filter by into their columns."""
    row.context = json.loads(encode(context))
    row.account_ref = context.account_ref
    row.agent_id = context.agent_id
    row.team = context.team
    row.product = context.product
    row.jurisdiction = context.jurisdiction
    row.started_at = context.started_at


def recording_of(row: RecordingRow) -> Recording:
    return Recording(
        sha256=row.sha256, media_type=row.media_type, size_bytes=row.size_bytes, audio_format=row.audio_format
    )


def failure_of(row: CallRow) -> Failure | None:
    return Failure(code=row.error_code, message=row.error_message or "") if row.error_code else None


def put_outcome(row: CallRow, record: CallRecord) -> None:
    """Writes what lists show of a finished call into its row."""
    judgement = record.judgement
    row.heard = json.loads(encode(heard_of(record)))
    row.own_flagged, row.own_severity = judgement.flagged, judgement.severity
    row.duration_ms = record.audio.duration_ms
    row.damage = json.loads(encode(record.audio.damage)) if record.audio.damage else None
    row.flagged = judgement.flagged
    row.severity = judgement.severity
    row.severity_rank = judgement.severity.rank if judgement.severity else -1
    row.distress = judgement.distress


def heard_of(record: CallRecord) -> Heard:
    """What cross-call rules may look at beside the findings of a call."""
    cues: dict[str, float] = {}
    utterances = {utterance.index: utterance for utterance in record.transcript.utterances}
    for signal in record.signals:
        cue, said = CUES.get(signal.category), utterances.get(signal.span.utterance)
        if cue is not None and said is not None and said.role is cue.role and EVASIVE.isdisjoint(signal.features):
            cues[signal.category] = max(signal.probability, cues.get(signal.category, 0.0))
    return Heard(customer_speech_ms=record.measures.customer_speech_ms, cues=cues)


TIMELINE = "timeline"
"""Where findings come from that no call bears by itself."""


def finding_row(call: str, revision: int, finding: Finding, *, source: str = "call") -> FindingRow:
    return FindingRow(
        call=call,
        revision=revision,
        category=finding.category,
        status=finding.status,
        severity=finding.severity,
        role=finding.role,
        start_ms=finding.place[0] if finding.place else None,
        source=source,
        finding=json.loads(encode(finding)),
    )


def finding_of(value: Mapping[str, Any]) -> Finding:
    """The finding that lies in a row."""
    return decode(Finding, json.dumps(value).encode())


def summary_of(row: CallRow, findings: Iterable[FindingMark], *, original: bool = False) -> CallSummary:
    """A line of a list; free text of the metadata is redacted like what was said, unless `original`."""
    marks, signals = _marks(findings)
    context = context_of(row)
    return CallSummary(
        id=row.id,
        call_id=row.call_id,
        file=row.file_name,
        recording_sha256=row.recording_sha256,
        status=CallStatus(row.status),
        stage=Stage(row.stage) if row.stage else None,
        progress=row.progress,
        failure=failure_of(row),
        attempts=row.attempts,
        received_at=row.received_at,
        finished_at=row.finished_at,
        flagged=row.flagged,
        severity=Severity(row.severity) if row.severity else None,
        distress=Distress(row.distress),
        marks=marks,
        customer_signals=signals,
        duration_ms=row.duration_ms,
        damage=_damage(row.damage),
        revision=row.revision,
        context=context if original else redacted_context(context),
    )


FindingMark = tuple[str, str, str, str, int]
"""Category, status, severity, role and how many findings of a call share them."""

_FLAGGING = (FindingStatus.VIOLATION, FindingStatus.POSSIBLE)


def _marks(findings: Iterable[FindingMark]) -> tuple[tuple[CategoryMark, ...], tuple[str, ...]]:
    marks: dict[str, CategoryMark] = {}
    signals: set[str] = set()
    for category, status_text, severity_text, role, count in findings:
        status, severity = FindingStatus(status_text), Severity(severity_text)
        if role == Role.CUSTOMER and category.startswith("distress."):
            signals.add(category)
        if role == Role.AGENT and status in _FLAGGING and severity.rank >= Severity.MEDIUM.rank:
            new = CategoryMark(category=category, status=status, severity=severity, count=count)
            old = marks.get(category)
            worst = new if old is None else max(old, new, key=_badness)
            marks[category] = replace(worst, count=count + (old.count if old else 0))
    ordered = sorted(marks.values(), key=lambda m: (_badness(m), m.count), reverse=True)
    return tuple(ordered), tuple(sorted(signals))


def _badness(mark: CategoryMark) -> tuple[int, bool]:
    return mark.severity.rank, mark.status is FindingStatus.VIOLATION


def _damage(value: Mapping[str, Any] | None) -> Damage | None:
    return Damage(**value) if value else None
