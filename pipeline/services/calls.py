"""Calls as people see them and what they may ask for: lists, one call whole, its audio, another run, its end.

Permission is part of every query; text and audio are redacted unless the original is asked for, which leaves an audit
line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from pipeline.errors import Conflict, InvalidInput, NotFound
from pipeline.jobs.base import JobQueue
from pipeline.policy.registry import shipped_packs
from pipeline.policy.safety import ShownLine, shown_line
from pipeline.records import CallRecord, CallStatus, Distress, Jurisdiction
from pipeline.services import call_queries
from pipeline.services.call_audio import CallAudio
from pipeline.services.deletion import delete_files, delete_rows
from pipeline.services.intake import LOCK
from pipeline.services.processing import RECORD
from pipeline.services.queueing import enqueue
from pipeline.services.redacted import redacted_view, unredacted_view
from pipeline.services.rows import recording_of, summary_of
from pipeline.services.scope import require, visible
from pipeline.services.timeline import Timelines
from pipeline.services.views import (
    Actor,
    CallDetail,
    CallFilter,
    CallPage,
    CallSort,
    CallSummary,
    Permission,
    QueueCounts,
)
from pipeline.settings import Settings
from pipeline.stages.decode_peaks import Peaks
from pipeline.store import audit
from pipeline.store.artifacts import Artifacts
from pipeline.store.database import Database, lock
from pipeline.store.media import Media
from pipeline.store.tables import AuditRow, CallRow, RecordingRow

MAX_LIMIT = 500
"""The most calls one page may hold."""

_LISTENING = timedelta(minutes=10)
"""A player asks for a file in many pieces: one line in the audit log stands for all of them within this time."""

_WAITING = (CallStatus.QUEUED, CallStatus.RUNNING)


class Calls:
    """The calls of this installation."""

    def __init__(
        self,
        *,
        database: Database,
        media: Media,
        artifacts: Artifacts,
        jobs: JobQueue,
        settings: Settings,
        timelines: Timelines,
    ) -> None:
        self._database = database
        self._timelines = timelines
        self._media = media
        self._artifacts = artifacts
        self._jobs = jobs
        self._settings = settings
        self._audio = CallAudio(artifacts, settings.clip_limit_ms)

    # --- reading ---

    def list(
        self,
        actor: Actor,
        wanted: CallFilter | None = None,
        *,
        sort: CallSort = CallSort.NEWEST,
        cursor: str | None = None,
        limit: int = 50,
    ) -> CallPage:
        """One page; raises InvalidInput for a bad limit or cursor (`bad_limit`, `bad_cursor`)."""
        require(actor, Permission.CALLS_READ)
        if not 1 <= limit <= MAX_LIMIT:
            raise InvalidInput(f"A page holds 1 to {MAX_LIMIT} calls.", code="bad_limit")
        where = call_queries.condition(actor, wanted)
        with self._database.read() as session:
            total = session.scalar(select(func.count()).select_from(CallRow).where(where)) or 0
            calls, next_cursor = _page(session, where, sort, cursor, limit)
        return CallPage(calls=calls, total=total, next_cursor=next_cursor)

    def newer(self, actor: Actor, wanted: CallFilter | None, since: datetime, *, judged: bool) -> int:
        """How many that fit were received after this moment or, with `judged`, judged; raises InvalidInput."""
        require(actor, Permission.CALLS_READ)
        where = call_queries.condition(actor, wanted)
        with self._database.read() as session:
            return call_queries.newer(session, where, since, judged=judged)

    def all(
        self, actor: Actor, wanted: CallFilter | None = None, *, sort: CallSort = CallSort.NEWEST
    ) -> Iterator[CallSummary]:
        """Every call that fits, a page at a time."""
        require(actor, Permission.CALLS_READ)
        where = call_queries.condition(actor, wanted)
        cursor = None
        while True:
            with self._database.read() as session:
                calls, cursor = _page(session, where, sort, cursor, MAX_LIMIT)
            yield from calls
            if cursor is None:
                return

    def counts(self, actor: Actor) -> QueueCounts:
        """Numbers for the chips above a list."""
        require(actor, Permission.CALLS_READ)
        with self._database.read() as session:
            return call_queries.counts(session, actor)

    def get(self, actor: Actor, id: str, *, original: bool = False) -> CallDetail:
        """One call by its id, its call_id, or a start of its id that no other has; raises NotFound.

        `original` needs CALLS_ORIGINAL and leaves an audit line.
        """
        self._may_read(actor, original=original)
        with self._database.read() as session:
            row = call_queries.find(session, actor, id)
            marks = call_queries.marks_of(session, [row.id])
            summary = summary_of(row, marks.get(row.id, ()), original=original)
            recording = recording_of(session.get_one(RecordingRow, row.recording_sha256))
            crossing = call_queries.timeline_findings(session, actor, row.id)
        record = self._record(row)
        if original:
            self._write_down(actor, "call.original_read", row.id)
        if record is None:
            return CallDetail(summary=summary, recording=recording, findings=crossing, original=original)
        shown = unredacted_view(record) if original else redacted_view(record)
        return CallDetail(
            summary=summary,
            recording=recording,
            audio=record.audio,
            transcript=shown.transcript,
            roles=record.roles,
            findings=(*shown.findings, *crossing),
            redactions=record.redactions,
            measures=record.measures,
            pack=record.judgement.pack,
            pack_version=record.judgement.pack_version,
            original=original,
            outcomes=record.judgement.outcomes,
            safety=self._safety(record) if record.judgement.distress is Distress.CRITICAL else None,
            signals=shown.signals,
        )

    def _safety(self, record: CallRecord) -> ShownLine:
        """The lines of where the call was made, not of the policy that judged it."""
        jurisdiction = record.context.jurisdiction or Jurisdiction(self._settings.default_jurisdiction)
        line = next((pack.safety for pack in shipped_packs() if pack.jurisdiction is jurisdiction), None)
        return shown_line(line, self._settings.crisis_lines.get(jurisdiction, ""))

    def audio_path(self, actor: Actor, id: str, *, original: bool = False) -> Path:
        """The FLAC to play: redacted, or the original (CALLS_ORIGINAL, audited); NotFound before there is one."""
        row, record = self._processed(actor, id, original=original)
        if not original:
            return self._audio.redacted(record)
        path = self._audio.original(record)
        self._write_down(actor, "call.original_heard", row.id, once=True)
        return path

    def peaks(self, actor: Actor, id: str) -> Peaks:
        """The waveform to draw; raises NotFound before there is one."""
        _, record = self._processed(actor, id)
        return self._audio.peaks(record)

    def clip(self, actor: Actor, id: str, start_ms: int, end_ms: int, *, original: bool = False) -> bytes:
        """A WAV of [start_ms, end_ms), redacted unless `original`; raises InvalidInput (`bad_clip`)."""
        row, record = self._processed(actor, id, original=original)
        wav = self._audio.clip(record, start_ms, end_ms, original=original)
        details = {"start_ms": start_ms, "end_ms": end_ms}
        self._write_down(actor, "call.original_clipped" if original else "call.clipped", row.id, details)
        return wav

    # --- asking for work ---

    def retry(self, actor: Actor, id: str) -> None:
        """Processes a failed call again; raises Conflict for one that did not fail or whose file was refused."""

        def check(row: CallRow) -> None:
            if row.status != CallStatus.FAILED:
                raise Conflict("Only a failed call can be retried; reprocess runs any call again.", code="not_failed")

        self._request(actor, id, "call.retried", check)

    def reprocess(self, actor: Actor, id: str | None = None) -> int:
        """Processes one call again, or every one that does not wait already; returns how many."""
        if id is not None:
            self._request(actor, id, "call.reprocessed", _not_waiting)
            return 1
        require(actor, Permission.CALLS_WRITE)
        statement = (
            select(CallRow.id)
            .join(RecordingRow, RecordingRow.sha256 == CallRow.recording_sha256)
            .where(visible(actor), RecordingRow.refusal.is_(None), CallRow.status.not_in(_WAITING))
        )
        with self._database.read() as session:
            ids = session.scalars(statement).all()
        queued = 0
        for one in ids:
            with suppress(NotFound, Conflict):  # gone, or asked for by somebody else meanwhile
                self._request(actor, one, "call.reprocessed", _not_waiting, bulk=True)
                queued += 1
        return queued

    def swap_roles(self, actor: Actor, id: str) -> None:
        """Says that collector and customer were taken for each other; findings follow. Conflict while it waits."""

        def swap(row: CallRow) -> None:
            _not_waiting(row)
            if row.record_digest is None:
                raise Conflict("This call has no transcript yet, so there are no roles to swap.", code="not_processed")
            row.roles_swapped = not row.roles_swapped

        self._request(actor, id, "call.roles_swapped", swap)

    def delete(self, actor: Actor, id: str) -> None:
        """Deletes a call with all that was made of it, and its recording when no other call has it. For good."""
        require(actor, Permission.CALLS_DELETE)
        with self._database.read() as session:
            found = call_queries.find(session, actor, id).id
        with self._database.session() as session:
            lock(session, LOCK)
            self._timelines.hold(session, calls=[found])
            row = call_queries.find(session, actor, found, lock=True)
            leftovers = delete_rows(session, self._artifacts, self._timelines, actor, row)
        if row.status in _WAITING:
            self._jobs.cancel(row.id, row.generation)
        delete_files(self._database, self._media, self._artifacts, leftovers)

    # --- inside ---

    def _may_read(self, actor: Actor, *, original: bool) -> None:
        require(actor, Permission.CALLS_READ)
        if original:
            require(actor, Permission.CALLS_ORIGINAL)

    def _record(self, row: CallRow) -> CallRecord | None:
        if row.record_digest is None:
            return None
        return self._artifacts.of(row.recording_sha256).read(CallRecord, RECORD, row.record_digest)

    def _processed(self, actor: Actor, id: str, *, original: bool = False) -> tuple[CallRow, CallRecord]:
        self._may_read(actor, original=original)
        with self._database.read() as session:
            row = call_queries.find(session, actor, id)
        record = self._record(row)
        if record is None:
            raise NotFound("This call has no audio to play until it is processed.", code="not_processed")
        return row, record

    def _request(
        self,
        actor: Actor,
        id: str,
        action: str,
        change: Callable[[CallRow], None],
        *,
        bulk: bool = False,
    ) -> None:
        """Changes a call and queues it again, in one transaction."""
        require(actor, Permission.CALLS_WRITE)
        with self._database.session() as session:
            row = call_queries.find(session, actor, id, lock=True)
            change(row)
            if session.get_one(RecordingRow, row.recording_sha256).refusal is not None:
                raise Conflict(
                    "This file was refused and is not kept; mend it and take it in again.", code="refused_file"
                )
            replaced = enqueue(session, self._jobs, row, bulk=bulk)
            audit.append(session, actor.name, action, row.id, {"generation": row.generation})
        if replaced is not None:
            self._jobs.cancel(row.id, replaced)

    def _write_down(
        self, actor: Actor, action: str, call: str, details: dict[str, int] | None = None, *, once: bool = False
    ) -> None:
        if once:
            with self._database.read() as session:
                if _lately(session, actor, action, call):
                    return
        with self._database.session() as session:
            audit.append(session, actor.name, action, call, details)


def _page(
    session: Session, where: ColumnElement[bool], sort: CallSort, cursor: str | None, limit: int
) -> tuple[tuple[CallSummary, ...], str | None]:
    """The calls, and the cursor behind them when more follow."""
    rows = session.scalars(call_queries.page(where, sort, cursor, limit + 1)).all()
    shown = rows[:limit]
    marks = call_queries.marks_of(session, [row.id for row in shown])
    calls = tuple(summary_of(row, marks.get(row.id, ())) for row in shown)
    return calls, call_queries.cursor_after(sort, shown[-1]) if len(rows) > limit else None


def _not_waiting(row: CallRow) -> None:
    if row.status in _WAITING:
        raise Conflict("This call waits for its processing already.", code="already_queued")


def _lately(session: Session, actor: Actor, action: str, call: str) -> bool:
    line = select(AuditRow.id).where(
        AuditRow.subject == call,
        AuditRow.action == action,
        AuditRow.actor == actor.name,
        AuditRow.at > datetime.now(UTC) - _LISTENING,
    )
    return session.scalars(line.limit(1)).first() is not None
