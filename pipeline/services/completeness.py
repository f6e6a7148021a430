"""What is missing between the recordings and the dialler's call records, and where they contradict each other.

Reads both and changes nothing. What is found are places to look at, not mistakes of anybody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from pipeline.policy.dispositions import Disposition, answered_of, disposition_of
from pipeline.records import CallContext, CallStatus
from pipeline.services.metadata import merge
from pipeline.services.rows import TIMELINE, context_of
from pipeline.services.scope import require, visible
from pipeline.services.timeline import pairs_of_all
from pipeline.services.views import Actor, Permission
from pipeline.store.database import Database
from pipeline.store.tables import AttemptRow, CallRow, FindingRow, RecordingRow

SHORT_MS = 30_000
SHORT_PART = 0.1
"""A recording is shorter than its call when both are missing: ringing is part of the call, and is not recorded."""
TALK_MS = 10_000
"""From so much speech of the other side on somebody was spoken to; a mailbox says less."""

_AGREED = ("solution.instalment_plan", "closing.summary_confirm")
_WRONG_PARTY = "distress.wrong_party"


class Gap(StrEnum):
    """What is incomplete."""

    NO_RECORDING = "no_recording"
    NO_CALL_RECORD = "no_call_record"
    TRUNCATED = "truncated"
    OUTCOME = "outcome"


@dataclass(frozen=True, kw_only=True, slots=True)
class Incomplete:
    """One gap, of a call or of a call record. `reason` is stable and for machines, `detail` is for people."""

    gap: Gap
    reason: str
    detail: str
    call: str | None
    attempt: str | None
    call_id: str | None
    file: str | None
    account_ref: str | None
    agent_id: str | None
    started_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class CompletenessReport:
    """Counts over all that the actor may see, and every gap; `unanswered` are calls that need no recording."""

    calls: int
    call_records: int
    matched: int
    unanswered: int
    gaps: tuple[Incomplete, ...]


class Completeness:
    """Compares recordings with call records."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def report(self, actor: Actor) -> CompletenessReport:
        require(actor, Permission.CALLS_READ)
        with self._database.read() as session:
            pairs = pairs_of_all(session)
            attempts = {row.id: row for row in session.scalars(select(AttemptRow))}
            said = _said(session)
            kept = select(CallRow).join(RecordingRow, RecordingRow.sha256 == CallRow.recording_sha256)
            calls = list(session.scalars(kept.where(visible(actor), RecordingRow.refusal.is_(None))))
        mine = {id: row for id, row in attempts.items() if actor.teams is None or row.team in actor.teams}
        gaps: list[Incomplete] = []
        for row in calls:
            attempt = attempts.get(pairs.get(row.id, ""))
            context = context_of(row)
            if attempt is not None:
                context = merge(context_of(attempt), context)[0]
            elif attempts:
                # Where nothing was ever imported, nothing is missing.
                gaps.append(_of_call(Gap.NO_CALL_RECORD, "no_call_record", "", row, context))
            gaps += _shortened(row, context)
            gaps += _contradicted(row, context, said[row.id])
        recorded = set(pairs.values())
        unanswered = 0
        for id, told in mine.items():
            context = context_of(told)
            answered = answered_of(context)
            unanswered += answered is False
            if id not in recorded and answered is not False:
                gaps.append(_of_attempt(told, context, answered=answered))
        return CompletenessReport(
            calls=len(calls),
            call_records=len(mine),
            matched=sum(row.id in pairs for row in calls),
            unanswered=unanswered,
            gaps=tuple(sorted(gaps, key=_order)),
        )


def _order(found: Incomplete) -> tuple[str, str, str]:
    started = found.started_at.isoformat() if found.started_at else ""
    return found.gap, started, found.call or found.attempt or ""


def _said(session: Session) -> defaultdict[str, set[str]]:
    """By call, which of the categories that outcomes are compared with were found in it."""
    wanted = FindingRow.category.in_((*_AGREED, _WRONG_PARTY))
    found: defaultdict[str, set[str]] = defaultdict(set)
    rows = select(FindingRow.call, FindingRow.category).where(wanted, FindingRow.source != TIMELINE)
    for call, category in session.execute(rows):
        found[call].add(category)
    return found


def _shortened(row: CallRow, context: CallContext) -> Iterator[Incomplete]:
    if row.damage is not None:
        decoded, expected = row.damage["decoded_ms"], row.damage.get("expected_ms")
        promised = "more" if expected is None else f"{expected / 1000:.0f} s"
        detail = f"decoded {decoded / 1000:.0f} s of a file that promised {promised}"
        yield _of_call(Gap.TRUNCATED, "damaged_file", detail, row, context)
    if row.duration_ms is None or context.started_at is None or context.ended_at is None:
        return
    call_ms = (context.ended_at - context.started_at).total_seconds() * 1000
    missing_ms = call_ms - row.duration_ms
    if missing_ms > SHORT_MS and missing_ms > SHORT_PART * call_ms:
        detail = f"recorded {row.duration_ms / 1000:.0f} s of a call of {call_ms / 1000:.0f} s"
        yield _of_call(Gap.TRUNCATED, "shorter_than_the_call", detail, row, context)


def _contradicted(row: CallRow, context: CallContext, said: set[str]) -> Iterator[Incomplete]:
    """Where the outcome that was written down and the recording say different things."""
    if row.status != CallStatus.DONE or row.heard is None:
        return
    disposition, answered = disposition_of(context.outcome), answered_of(context)
    spoke_ms = row.heard.get("customer_speech_ms", 0)
    reasons: list[tuple[str, str]] = []
    if disposition is Disposition.PROMISE and said.isdisjoint(_AGREED):
        reasons.append(("promise_without_agreement", "the outcome is a promise, and no agreement or summary was heard"))
    if disposition in (Disposition.PROMISE, Disposition.RIGHT_PARTY) and _WRONG_PARTY in said:
        reasons.append(("right_party_was_wrong", "the outcome is the right party, who said not to be"))
    if answered is False and disposition is not Disposition.VOICEMAIL and spoke_ms >= TALK_MS:
        detail = f"the outcome is that nobody answered, and somebody spoke for {spoke_ms / 1000:.0f} s"
        reasons.append(("conversation_without_answer", detail))
    if answered is True and spoke_ms == 0:
        reasons.append(("answer_without_conversation", "the outcome is that somebody answered, and nobody was heard"))
    for reason, detail in reasons:
        yield _of_call(Gap.OUTCOME, reason, detail, row, context)


def _of_call(gap: Gap, reason: str, detail: str, row: CallRow, context: CallContext) -> Incomplete:
    return Incomplete(
        gap=gap,
        reason=reason,
        detail=detail,
        call=row.id,
        attempt=None,
        call_id=row.call_id,
        file=row.file_name,
        account_ref=context.account_ref,
        agent_id=context.agent_id,
        started_at=context.started_at,
    )


def _of_attempt(row: AttemptRow, context: CallContext, *, answered: bool | None) -> Incomplete:
    return Incomplete(
        gap=Gap.NO_RECORDING,
        reason="answered" if answered else "not_known_whether_answered",
        detail="" if answered else "nobody tells whether it was answered",
        call=None,
        attempt=row.id,
        call_id=row.call_id,
        file=row.file_name,
        account_ref=context.account_ref,
        agent_id=context.agent_id,
        started_at=context.started_at,
    )
