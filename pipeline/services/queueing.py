"""How a call gets (back) into the queue: always with a new generation, always in the transaction of what caused it."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from pipeline.jobs.base import JobQueue, priority
from pipeline.records import CallStatus
from pipeline.store.tables import AuditRow, CallRow

DELETED = "call.deleted"


def enqueue(session: Session, jobs: JobQueue, row: CallRow, *, bulk: bool) -> int | None:
    """Asks for a call to be processed from its newest state.

    Returns the generation that this replaces, if that was not finished: cancel it once the transaction is committed.
    """
    waiting = row.status in (CallStatus.QUEUED, CallStatus.RUNNING)
    replaced = row.generation if waiting else None
    row.generation += 1
    row.attempts = 0
    row.status = CallStatus.QUEUED
    row.stage = row.progress = row.error_code = row.error_message = row.finished_at = None
    row.priority = priority(row.started_at or datetime.now(UTC), bulk=bulk)
    session.flush()
    jobs.enqueue(session, row.id, row.generation, row.priority)
    return replaced


def last_generation(session: Session, call: str) -> int:
    """Where a new call's generations begin: after those of one deleted under this id; no job's id comes twice."""
    last = (
        select(AuditRow)
        .where(AuditRow.subject == call, AuditRow.action == DELETED)
        .order_by(AuditRow.id.desc())
        .limit(1)
    )
    deleted = session.scalars(last).first()
    return int(deleted.details["generation"]) if deleted else 0
