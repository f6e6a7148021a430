"""Taking recordings in: each content once, each call once, nothing accepted without being queued.

What a file is called never decides what it is: a recording is its bytes, a call is its `call_id` of the source system
or, without one, its recording. The order of writes: the bytes are received and synced, then, in one transaction, put in
their place, written down and queued. A crash leaves at most a file that no row names, which the sweeper takes away.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from pipeline.errors import BadMetadata, Forbidden, InvalidInput, RefusedFile
from pipeline.jobs.base import JobQueue
from pipeline.records import CallContext, CallStatus, Jurisdiction
from pipeline.services.metadata import Metadata, file_label, merge, parse_metadata
from pipeline.services.pairing import Link
from pipeline.services.queueing import enqueue, last_generation
from pipeline.services.rows import context_of, failure_of, put_context
from pipeline.services.scope import require, sees
from pipeline.services.timeline import Key, Timelines
from pipeline.services.views import Actor, Failure, IntakeResult, Outcome, Permission
from pipeline.settings import Settings
from pipeline.stages.sniff import HEADERLESS_MEDIA_TYPE, parse_audio_format, sniff
from pipeline.store import audit
from pipeline.store.database import Database, lock
from pipeline.store.media import Media, Staged
from pipeline.store.secret import secret_key
from pipeline.store.tables import CallRow, OutboxRow, RecordingRow

LOCK = "recordings"
"""Held by every transaction that adds a call to a recording or takes a recording's last call away."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Arrival:
    """One file on its way in. `media_type` is None when `refusal` says why it is not taken."""

    actor: Actor
    name: str
    metadata: Metadata
    staged: Staged
    bulk: bool
    media_type: str | None = None
    refusal: InvalidInput | None = None

    @property
    def sha256(self) -> str:
        return self.staged.sha256

    @property
    def audio_format(self) -> str | None:
        return self.metadata.audio_format if self.media_type == HEADERLESS_MEDIA_TYPE else None


class Intake:
    """Accepts recordings, one at a time."""

    def __init__(
        self, *, database: Database, media: Media, jobs: JobQueue, settings: Settings, timelines: Timelines
    ) -> None:
        self._database = database
        self._media = media
        self._jobs = jobs
        self._settings = settings
        self._timelines = timelines

    def parse_metadata(self, values: Mapping[str, Any] | None) -> CallContext:
        """What these values say about a call; raises BadMetadata naming the key that can't be read."""
        return self._parse(values).context

    def accept(
        self,
        actor: Actor,
        source: Path | BinaryIO,
        *,
        file_name: str,
        metadata: Mapping[str, Any] | None = None,
        bulk: bool = False,
    ) -> IntakeResult:
        """Takes one file in, or says why not; a refused file whose bytes could be read stays visible as a failed call.

        Raises Forbidden for an actor who may not, Unavailable when the data folder or the database can't be written.
        """
        require(actor, Permission.CALLS_WRITE)
        name = file_label(file_name)
        try:
            parsed = self._parse(metadata)
            parsed = replace(parsed, context=in_own_team(actor, parsed.context))
            staged = self._media.receive(source, self._settings.upload_limit)
        except InvalidInput as error:
            return _refused(name, None, None, error)
        try:
            arrival = self._sniffed(_Arrival(actor=actor, name=name, metadata=parsed, staged=staged, bulk=bulk))
            with self._database.session() as session:
                lock(session, LOCK)
                held = self._timelines.hold(session, calls=_known(session, arrival), arriving=[_link(arrival)])
                result, replaced = self._take(session, arrival, held)
        finally:
            staged.discard()
        if replaced is not None and result.id is not None:
            self._jobs.cancel(result.id, replaced)
        return result

    def _parse(self, values: Mapping[str, Any] | None) -> Metadata:
        if not values:
            return Metadata(context=CallContext())
        parsed = parse_metadata(
            values,
            key=secret_key(self._settings.data),
            jurisdiction=Jurisdiction(self._settings.default_jurisdiction),
        )
        if parsed.audio_format is not None:
            try:
                parse_audio_format(parsed.audio_format)
            except InvalidInput as error:
                raise BadMetadata(f"format: {error.message}") from None
        return parsed

    def _sniffed(self, arrival: _Arrival) -> _Arrival:
        staged, audio_format = arrival.staged, arrival.metadata.audio_format
        with self._database.read() as session:
            known = session.get(RecordingRow, staged.sha256)
        if known is not None and known.refusal is None and audio_format is None:
            return replace(arrival, media_type=known.media_type)  # a headerless file is known by its bytes from now on
        try:
            return replace(arrival, media_type=sniff(staged.head, arrival.name, audio_format))
        except RefusedFile as refusal:
            return replace(arrival, refusal=refusal)

    def _take(self, session: Session, arrival: _Arrival, held: frozenset[Key]) -> tuple[IntakeResult, int | None]:
        """The result, and the generation to cancel after the commit."""
        if arrival.refusal is not None:
            return self._refuse(session, arrival, arrival.refusal), None
        row = _call_of(session, arrival)
        call_id = arrival.metadata.context.call_id
        if row is not None and row.recording_sha256 != arrival.sha256:
            taken = RefusedFile(
                f"The call_id of {arrival.name} belongs to another recording; give this one its own, or delete that.",
                code="call_id_taken",
            )
            return self._refuse(session, arrival, taken), None
        if row is not None and not sees(arrival.actor, row):
            hidden = RefusedFile(f"{arrival.name} belongs to a call of a team that is not yours.", code="not_yours")
            return _refused(arrival.name, None, arrival.sha256, hidden), None
        if row is not None and call_id is None and arrival.metadata.context != CallContext():
            others = select(CallRow.id).where(CallRow.recording_sha256 == arrival.sha256, CallRow.id != row.id)
            if session.scalars(others.limit(1)).first() is not None:
                unclear = RefusedFile(
                    f"Several calls share the recording of {arrival.name}; say with call_id which one this is about.",
                    code="call_id_missing",
                )
                return _refused(arrival.name, None, arrival.sha256, unclear), None
        was_refused, format_changed = self._keep(session, arrival)
        if row is None:
            row = _new_row(session, arrival)
            enqueue(session, self._jobs, row, bulk=arrival.bulk)
            _write_down(session, arrival, "call.accepted", row)
            return _result(arrival, Outcome.ACCEPTED, row), None
        return self._again(session, arrival, row, held, was_refused=was_refused, format_changed=format_changed)

    def _keep(self, session: Session, arrival: _Arrival) -> tuple[bool, bool]:
        """Keeps bytes and row of the recording; says whether it was refused before, and whether its format changed."""
        assert arrival.media_type is not None
        self._media.keep(arrival.staged)
        known = session.get(RecordingRow, arrival.sha256)
        if known is None:
            session.add(_recording_row(arrival, media_type=arrival.media_type))
            session.flush()
            return False, False
        was_refused, known.refusal = known.refusal is not None, None
        format_changed = arrival.audio_format is not None and arrival.audio_format != known.audio_format
        if was_refused or format_changed:
            known.media_type, known.audio_format = arrival.media_type, arrival.audio_format
        return was_refused, format_changed

    def _again(
        self,
        session: Session,
        arrival: _Arrival,
        row: CallRow,
        held: frozenset[Key],
        *,
        was_refused: bool,
        format_changed: bool,
    ) -> tuple[IntakeResult, int | None]:
        """A call that is there: accepted at last, updated, or nothing new."""
        first_name, before = row.file_name, context_of(row)
        if was_refused:  # the call_id that it came with then may be another call's by now
            before = replace(before, call_id=None)
        context, changed = merge(before, arrival.metadata.context)
        changed += ("format",) if format_changed else ()
        if not changed and not was_refused:
            return _result(arrival, Outcome.DUPLICATE, row, same_as=first_name), None
        put_context(row, context)
        row.call_id = context.call_id
        if was_refused:
            row.file_name = arrival.name
        replaced = enqueue(session, self._jobs, row, bulk=arrival.bulk)
        session.add(OutboxRow(call=row.id, created_at=datetime.now(UTC)))
        self._timelines.refresh(session, held)
        action, outcome = ("call.accepted", Outcome.ACCEPTED) if was_refused else ("call.updated", Outcome.UPDATED)
        _write_down(session, arrival, action, row, changed=list(changed))
        return _result(arrival, outcome, row, same_as=None if was_refused else first_name), replaced

    def _refuse(self, session: Session, arrival: _Arrival, refusal: InvalidInput) -> IntakeResult:
        """Makes the refusal visible, once a content; the bytes are not kept."""
        known = session.get(RecordingRow, arrival.sha256)
        if known is not None:
            row = session.scalars(_calls_of(arrival.sha256).limit(1)).first()
            if row is not None and known.refusal is not None and sees(arrival.actor, row):
                return _result(arrival, Outcome.DUPLICATE, row, same_as=row.file_name)
            return _refused(arrival.name, None, arrival.sha256, refusal)
        session.add(_recording_row(arrival, media_type="application/octet-stream", refusal=refusal.code))
        session.flush()
        row = _new_row(session, arrival, identified=False)
        row.status, row.finished_at = CallStatus.FAILED, row.received_at
        row.error_code, row.error_message = refusal.code, refusal.message
        _write_down(session, arrival, "call.refused", row, code=refusal.code)
        return _result(arrival, Outcome.REFUSED, row)


def _call_of(session: Session, arrival: _Arrival) -> CallRow | None:
    """The call that a file belongs to: the one of its call_id, else one of its recording that has no call_id yet.

    A file without a call_id belongs to the first call of its recording.
    """
    call_id = arrival.metadata.context.call_id
    mine = _calls_of(arrival.sha256)
    if call_id is None:
        return session.scalars(mine.limit(1)).first()
    named = session.scalars(select(CallRow).where(CallRow.call_id == call_id).with_for_update()).first()
    return named or session.scalars(mine.where(CallRow.call_id.is_(None)).limit(1)).first()


def _known(session: Session, arrival: _Arrival) -> list[str]:
    """The calls that a file may belong to, not locked; nobody changes whose they are while `LOCK` is held."""
    mine = CallRow.recording_sha256 == arrival.sha256
    call_id = arrival.metadata.context.call_id
    return list(
        session.scalars(select(CallRow.id).where(mine if call_id is None else or_(mine, CallRow.call_id == call_id)))
    )


def _link(arrival: _Arrival) -> Link:
    """What the call that arrives can be recognised by in the call records of a dialler."""
    context = arrival.metadata.context
    return Link(
        id=call_identity(call_id=context.call_id, recording_sha256=arrival.sha256),
        call_id=context.call_id,
        file_name=arrival.name,
        account_ref=context.account_ref,
        started_at=context.started_at,
        number_hash=context.number_hash,
    )


def _calls_of(sha256: str) -> Any:
    rows = select(CallRow).where(CallRow.recording_sha256 == sha256)
    return rows.order_by(CallRow.received_at, CallRow.id).with_for_update()


def _new_row(session: Session, arrival: _Arrival, *, identified: bool = True) -> CallRow:
    """A call, not yet queued. A refused one is not `identified`: its call_id stays free for the file that is right."""
    call_id = arrival.metadata.context.call_id if identified else None
    id = call_identity(call_id=call_id, recording_sha256=arrival.sha256)
    row = CallRow(
        id=id,
        call_id=call_id,
        recording_sha256=arrival.sha256,
        file_name=arrival.name,
        received_at=datetime.now(UTC),
        status=CallStatus.FAILED,
        generation=last_generation(session, id),
    )
    put_context(row, arrival.metadata.context)
    session.add(row)
    return row


def call_identity(*, call_id: str | None, recording_sha256: str) -> str:
    """The id of a call: of the source system's call_id, else of the recording. It stays when a call_id comes later."""
    text = f"r:{recording_sha256}" if call_id is None else f"c:{call_id}"
    return "c" + hashlib.sha256(text.encode()).hexdigest()[:16]


def _recording_row(arrival: _Arrival, *, media_type: str, refusal: str | None = None) -> RecordingRow:
    return RecordingRow(
        sha256=arrival.sha256,
        size_bytes=arrival.staged.size,
        media_type=media_type,
        audio_format=arrival.audio_format,
        refusal=refusal,
        created_at=datetime.now(UTC),
    )


def in_own_team(actor: Actor, context: CallContext) -> CallContext:
    """A person of one team brings calls of that team; raises Forbidden for another's."""
    if actor.teams is None or context.team in actor.teams:
        return context
    if context.team is None and len(actor.teams) == 1:
        return replace(context, team=next(iter(actor.teams)))
    raise Forbidden("Name one of your teams in the metadata (key team); calls of others are not yours to bring.")


def _write_down(session: Session, arrival: _Arrival, action: str, row: CallRow, **details: Any) -> None:
    details = {"recording": arrival.sha256, "generation": row.generation, **details}
    audit.append(session, arrival.actor.name, action, row.id, details)


def _result(arrival: _Arrival, outcome: Outcome, row: CallRow, *, same_as: str | None = None) -> IntakeResult:
    return IntakeResult(
        file=arrival.name,
        outcome=outcome,
        id=row.id,
        recording_sha256=arrival.sha256,
        same_as=same_as,
        failure=failure_of(row),
    )


def _refused(name: str, id: str | None, sha256: str | None, error: InvalidInput) -> IntakeResult:
    return IntakeResult(
        file=name,
        outcome=Outcome.REFUSED,
        id=id,
        recording_sha256=sha256,
        failure=Failure(code=error.code, message=error.message),
    )
