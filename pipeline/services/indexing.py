"""The search index behind the database: what changed is sent on, and everything can be sent again. Knows no engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice

from sqlalchemy import delete, func, insert, literal, select

from pipeline.errors import NotFound
from pipeline.records import CallRecord, Severity
from pipeline.search.base import SearchIndex, UtteranceDocument
from pipeline.search.documents import documents_of
from pipeline.services.processing import RECORD
from pipeline.services.redacted import redacted_view
from pipeline.services.rows import context_of
from pipeline.store.artifacts import Artifacts
from pipeline.store.database import Database
from pipeline.store.tables import CallRow, OutboxRow, UtcDateTime

_BATCH = 500


class Indexing:
    """Drains the outbox into an index; one process at a time owns the index and calls this."""

    def __init__(self, *, database: Database, artifacts: Artifacts) -> None:
        self._database = database
        self._artifacts = artifacts

    def pending(self) -> int:
        """How many calls wait to be indexed."""
        with self._database.read() as session:
            return session.scalar(select(func.count(OutboxRow.call.distinct()))) or 0

    def drain(self, index: SearchIndex, limit: int = 100) -> int:
        """Brings up to `limit` waiting changes into the index and commits it; returns how many.

        The outbox is cleared after the commit: a crash in between sends the same once more, which changes nothing.
        """
        with self._database.read() as session:
            waiting = session.scalars(select(OutboxRow).order_by(OutboxRow.id).limit(limit)).all()
        if not waiting:
            return 0
        for call in dict.fromkeys(row.call for row in waiting):
            with self._database.read() as session:
                row = session.get(CallRow, call)
            documents = self._documents(row) if row is not None else ()
            if documents:
                index.replace_call(call, documents)
            else:
                index.delete_call(call)
        index.commit()
        self._clear([row.id for row in waiting])
        return len(waiting)

    def rebuild(self, index: SearchIndex) -> None:
        """Makes the index anew from the database and the artifacts; changes that come meanwhile stay in the outbox."""
        with self._database.read() as session:
            waiting = session.scalars(select(OutboxRow.id)).all()
        index.rebuild(self._everything())
        self._clear(waiting)

    def send_all(self) -> None:
        """Puts every processed call into the outbox: for an index that starts empty under a database that does not."""
        calls = select(CallRow.id, literal(datetime.now(UTC), UtcDateTime())).where(CallRow.record_digest.is_not(None))
        with self._database.session() as session:
            session.execute(insert(OutboxRow).from_select(["call", "created_at"], calls))

    def _everything(self) -> Iterator[UtteranceDocument]:
        last = ""
        while True:
            rows = select(CallRow).where(CallRow.id > last, CallRow.record_digest.is_not(None))
            with self._database.read() as session:
                batch = session.scalars(rows.order_by(CallRow.id).limit(_BATCH)).all()
            for row in batch:
                yield from self._documents(row)
            if len(batch) < _BATCH:
                return
            last = batch[-1].id

    def _documents(self, row: CallRow) -> Sequence[UtteranceDocument]:
        """The redacted utterances of the newest revision, with the context as it is now; none before there is one."""
        if row.record_digest is None:
            return ()
        try:
            record = self._artifacts.of(row.recording_sha256).read(CallRecord, RECORD, row.record_digest)
        except NotFound:
            return ()
        transcript = redacted_view(record).transcript
        text = {utterance.index: utterance.text for utterance in transcript.utterances}
        # The timeline may have flagged the call since it was judged.
        judgement = replace(
            record.judgement, flagged=row.flagged, severity=Severity(row.severity) if row.severity else None
        )
        current = replace(record, context=context_of(row), judgement=judgement)
        return documents_of(current, redacted_text=lambda utterance: text[utterance.index])

    def _clear(self, ids: Sequence[int]) -> None:
        left = iter(ids)
        while batch := list(islice(left, _BATCH)):
            with self._database.session() as session:
                session.execute(delete(OutboxRow).where(OutboxRow.id.in_(batch)))
