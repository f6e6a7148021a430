"""Taking calls and recordings away for good: rows first, then files, and what a crash in between left, later."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from pipeline.errors import NotFound
from pipeline.records import CallRecord, CallStatus, Stage
from pipeline.services.intake import LOCK
from pipeline.services.processing import RECORD
from pipeline.services.queueing import DELETED
from pipeline.services.timeline import Timelines
from pipeline.services.views import Actor
from pipeline.store import audit
from pipeline.store.artifacts import Artifacts
from pipeline.store.database import Database, lock
from pipeline.store.media import Media
from pipeline.store.tables import CallRow, OutboxRow, RecordingRow, RevisionRow

Key = tuple[str, str]
"""Stage and key of an artifact."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Leftovers:
    """The files of a deleted call: those of its recording, or, where other calls share it, `keys` that were its own."""

    recording_sha256: str
    keys: frozenset[Key]


def delete_rows(session: Session, artifacts: Artifacts, timelines: Timelines, actor: Actor, row: CallRow) -> Leftovers:
    """Takes a call out of the database and the queue of the index, and says so in the audit log.

    The caller holds `LOCK` and the call's timelines; the files go by `delete_files`, once this is committed.
    """
    held = timelines.hold(session, calls=[row.id])
    sha256 = row.recording_sha256
    scope = artifacts.of(sha256)
    others = session.scalars(select(CallRow).where(CallRow.recording_sha256 == sha256, CallRow.id != row.id)).all()
    keys = frozenset(_keys(session, scope, row.id))
    keys -= {key for other in others for key in _keys(session, scope, other.id)}
    if any(other.status in (CallStatus.QUEUED, CallStatus.RUNNING) for other in others):
        # That call may be building on what this one left; the record alone is surely this one's.
        keys = frozenset(key for key in keys if key[0] == RECORD)
    session.delete(row)
    session.flush()
    if not others:
        session.delete(session.get_one(RecordingRow, sha256))
    session.add(OutboxRow(call=row.id, created_at=datetime.now(UTC)))
    timelines.refresh(session, held)
    details = {"recording": sha256, "generation": row.generation, "revision": row.revision}
    audit.append(session, actor.name, DELETED, row.id, details)
    return Leftovers(recording_sha256=sha256, keys=keys)


def delete_files(database: Database, media: Media, artifacts: Artifacts, leftovers: Leftovers) -> None:
    """Removes what a deleted call left, unless the same recording came again meanwhile."""
    with database.session() as session:
        lock(session, LOCK)
        if session.get(RecordingRow, leftovers.recording_sha256) is None:
            artifacts.of(leftovers.recording_sha256).delete_all()
            media.delete(leftovers.recording_sha256)
        else:
            for stage, key in leftovers.keys:
                artifacts.of(leftovers.recording_sha256).delete(stage, key)


def _keys(session: Session, scope: Artifacts, call: str) -> Iterator[Key]:
    for digest in session.scalars(select(RevisionRow.record_digest).where(RevisionRow.call == call)):
        yield RECORD, digest
        try:
            record = scope.read(CallRecord, RECORD, digest)
        except NotFound:
            continue
        yield from ((stage.value, key) for stage, key in record.digests.items())
        yield Stage.DECODE.value, record.audio.digest
        yield Stage.DECODE.value, record.audio.peaks_digest


@dataclass(frozen=True, kw_only=True, slots=True)
class Swept:
    """How many leftovers were removed."""

    temporary: int
    media: int
    artifacts: int


class Upkeep:
    """Takes away what crashes, and workers that were still busy with a deleted call, left behind."""

    def __init__(self, *, database: Database, media: Media, artifacts: Artifacts) -> None:
        self._database = database
        self._media = media
        self._artifacts = artifacts

    def sweep(self) -> Swept:
        """Removes old temporary files, and files of recordings that no row names; at the start and now and then."""
        media = [sha256 for sha256, _ in self._media.kept()]
        derived = list(self._artifacts.recordings())
        return Swept(
            temporary=self._media.clean(),
            media=sum(self._sweep(sha256) for sha256 in self._unnamed(media)),
            artifacts=sum(self._sweep(sha256) for sha256 in self._unnamed(derived)),
        )

    def _unnamed(self, found: list[str]) -> list[str]:
        with self._database.read() as session:
            kept = set(session.scalars(select(RecordingRow.sha256).where(RecordingRow.refusal.is_(None))))
        return [sha256 for sha256 in found if sha256 not in kept]

    def _sweep(self, sha256: str) -> bool:
        with self._database.session() as session:
            lock(session, LOCK)
            row = session.get(RecordingRow, sha256)
            if row is not None and row.refusal is None:
                return False
            self._artifacts.of(sha256).delete_all()
            self._media.delete(sha256)
            return True
