"""What a worker may say about a call: it began, got on, ended, failed. Each is one transaction, and may be said twice.

A worker speaks for one generation. When the call was asked for again, or is gone, what the older generation still says
changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from pipeline.encoding import digest_of
from pipeline.records import CallContext, CallRecord, CallStatus, Recording, Stage
from pipeline.services.rows import TIMELINE, context_of, finding_row, put_outcome, recording_of
from pipeline.services.timeline import Key, Timelines
from pipeline.store import audit
from pipeline.store.artifacts import Artifacts
from pipeline.store.database import Database
from pipeline.store.media import Media
from pipeline.store.tables import CallRow, FindingRow, OutboxRow, RecordingRow, RevisionRow

RECORD = "record"
"""The stage name under which the CallRecord of a revision is kept."""

WORKER = "worker"
"""Who acts in the audit log when nobody asked at that moment."""

_STAGES = tuple(Stage)


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """All that a worker needs to know to process one call.

    `attempts` counts the starts since `stage`, the furthest of this generation, was reached, this start included: a
    call that gets on between two crashes is not to blame for them.
    """

    call: str
    generation: int
    revision: int
    recording: Recording
    context: CallContext
    roles_swapped: bool
    attempts: int
    stage: Stage | None


class Processing:
    """The workers' side of a call."""

    def __init__(self, *, database: Database, media: Media, artifacts: Artifacts, timelines: Timelines) -> None:
        self._database = database
        self._media = media
        self._artifacts = artifacts
        self._timelines = timelines

    def begin(self, call: str, generation: int) -> Work | None:
        """The work to do; None when there is none: the call is gone, asked for again, finished, or failed.

        To be called at every start, also after a crash: it counts them. A call whose recording is gone is failed here.
        """
        with self._database.session() as session:
            held = self._timelines.hold(session, calls=[call])
            row = _present(session, call, generation)
            if row is None:
                return None
            if not self._media.has(row.recording_sha256):
                message = "The recording's file is not in the data folder; take it in again, or restore a backup."
                self._fail(session, row, "recording_missing", message, held)
                return None
            row.attempts += 1
            row.status = CallStatus.RUNNING
            return Work(
                call=call,
                generation=generation,
                revision=row.revision + 1,
                recording=recording_of(session.get_one(RecordingRow, row.recording_sha256)),
                context=context_of(row),
                roles_swapped=row.roles_swapped,
                attempts=row.attempts,
                stage=Stage(row.stage) if row.stage else None,
            )

    def advance(self, call: str, stage: Stage, progress: float | None = None, *, generation: int | None = None) -> bool:
        """Shows where a running call stands; False when the call is gone or was asked for again, so that work can stop.

        A stage that comes again after a crash does not take the call back in the list.
        """
        with self._database.session() as session:
            row = session.get(CallRow, call, with_for_update=True)
            if row is None or row.status != CallStatus.RUNNING or generation not in (None, row.generation):
                return False
            reached = _STAGES.index(Stage(row.stage)) if row.stage else -1
            if _STAGES.index(stage) > reached:
                row.stage, row.progress, row.attempts = stage, progress, 1
            elif stage == row.stage and progress is not None:
                row.progress = max(progress, row.progress or 0.0)
            return True

    def finish(self, call: str, generation: int, record: CallRecord) -> bool:
        """Makes the record the call's newest revision; False when this generation has its outcome, or is past."""
        with self._database.session() as session:
            held = self._timelines.hold(session, calls=[call])
            row = _present(session, call, generation)
            if row is None:
                return False
            record = replace(record, revision=row.revision + 1)
            digest = digest_of(RECORD, record)
            self._artifacts.of(row.recording_sha256).write(RECORD, digest, record)
            now = datetime.now(UTC)
            row.revision, row.record_digest = record.revision, digest
            row.status, row.stage, row.progress, row.finished_at = CallStatus.DONE, None, None, now
            put_outcome(row, record)
            session.execute(delete(FindingRow).where(FindingRow.call == call, FindingRow.source != TIMELINE))
            session.add_all(finding_row(call, record.revision, finding) for finding in record.judgement.findings)
            session.add(
                RevisionRow(
                    call=call,
                    revision=record.revision,
                    record_digest=digest,
                    pack=record.judgement.pack,
                    pack_version=record.judgement.pack_version,
                    created_at=now,
                )
            )
            session.add(OutboxRow(call=call, created_at=now))
            self._timelines.refresh(session, held)
            details = {"generation": generation, "revision": record.revision, "record": digest, "flagged": row.flagged}
            audit.append(session, WORKER, "call.processed", call, details)
            return True

    def fail(self, call: str, generation: int, code: str, message: str) -> bool:
        """Ends this generation as failed, with its reason; False when it has its outcome already, or is past."""
        with self._database.session() as session:
            held = self._timelines.hold(session, calls=[call])
            row = _present(session, call, generation)
            if row is None:
                return False
            self._fail(session, row, code, message, held)
            return True

    def release(self, call: str, generation: int) -> None:
        """Takes back the start that `begin` counted: the worker was asked to stop, the call did nothing wrong."""
        with self._database.session() as session:
            row = _present(session, call, generation)
            if row is not None:
                row.attempts, row.status = max(0, row.attempts - 1), CallStatus.QUEUED

    def _fail(self, session: Session, row: CallRow, code: str, message: str, held: frozenset[Key]) -> None:
        row.status, row.error_code, row.error_message = CallStatus.FAILED, code, message
        row.finished_at = datetime.now(UTC)
        self._timelines.refresh(session, held)
        details = {"generation": row.generation, "code": code, "stage": row.stage}
        audit.append(session, WORKER, "call.failed", row.id, details)


def _present(session: Session, call: str, generation: int) -> CallRow | None:
    """The row, locked, while this generation of the call is still to be processed."""
    row = session.get(CallRow, call, with_for_update=True)
    waiting = row is not None and row.status in (CallStatus.QUEUED, CallStatus.RUNNING)
    return row if waiting and row is not None and row.generation == generation else None
