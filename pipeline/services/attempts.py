"""Calls as a dialler's export tells of them: taken in row by row, each once, and judged with their accounts' calls.

An export holds every call that was made, recorded or not. A record is its call_id, else its content: the same export
again changes nothing.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pipeline.encoding import digest_of, encode
from pipeline.errors import BadMetadata, ForbearError, Forbidden
from pipeline.policy.dispositions import read_dialled
from pipeline.records import CallContext, Jurisdiction, Severity
from pipeline.services.intake import in_own_team
from pipeline.services.metadata import CsvRow, file_label, merge, parse_metadata, read_csv
from pipeline.services.pairing import Link
from pipeline.services.redacted import redacted_context
from pipeline.services.rows import context_of, finding_of
from pipeline.services.scope import require, visible
from pipeline.services.timeline import Timelines, links_of_attempts, pairs_of_all
from pipeline.services.views import Actor, Attempt, BadRow, Imported, Outcome, Permission
from pipeline.settings import Settings
from pipeline.store import audit
from pipeline.store.database import Database, lock
from pipeline.store.secret import secret_key
from pipeline.store.tables import AttemptRow

_LOCK = "attempts"
"""Held by every transaction that writes call records."""

_BATCH = 200
"""So many rows are one transaction: nobody else writes to SQLite meanwhile."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Record:
    """One row that could be read."""

    number: int
    id: str
    context: CallContext
    file_name: str | None

    @property
    def link(self) -> Link:
        return Link(
            id=self.id,
            call_id=self.context.call_id,
            file_name=self.file_name,
            account_ref=self.context.account_ref,
            started_at=self.context.started_at,
            number_hash=self.context.number_hash,
        )


class Attempts:
    """The call records of this installation."""

    def __init__(self, *, database: Database, settings: Settings, timelines: Timelines) -> None:
        self._database = database
        self._settings = settings
        self._timelines = timelines

    def import_csv(self, actor: Actor, path: Path) -> Imported:
        """Takes an export in, some accounts at a time; bad rows are told, and the rest goes on.

        Raises Forbidden, and BadMetadata when the file is no such CSV at all.
        """
        require(actor, Permission.CALLS_WRITE)
        bad: list[BadRow] = []
        accounts: defaultdict[str | None, dict[str, _Record]] = defaultdict(dict)
        key = secret_key(self._settings.data)
        for row in read_csv(path, about_files=False):
            try:
                record = self._read(actor, row, key)
            except ForbearError as error:
                bad.append(BadRow(number=row.number, reason=error.message))
            else:
                # The last row of a call_id wins, as it would in an export of its own.
                accounts[record.context.account_ref][record.id] = record
        outcomes: Counter[Outcome] = Counter()
        # By account, so that a timeline is judged once or twice and not once a row.
        records = [record for of_account in accounts.values() for record in of_account.values()]
        for start in range(0, len(records), _BATCH):
            outcomes += self._take(actor, records[start : start + _BATCH], path.name, bad)
        with self._database.read() as session:
            ids = [record.id for record in records]
            flagged = sum(len(_flagged(session, ids[at : at + _BATCH])) for at in range(0, len(ids), _BATCH))
        return Imported(
            accepted=outcomes[Outcome.ACCEPTED],
            updated=outcomes[Outcome.UPDATED],
            duplicates=outcomes[Outcome.DUPLICATE],
            bad_rows=tuple(sorted(bad, key=lambda row: row.number)),
            flagged=flagged,
        )

    def all(self, actor: Actor, *, flagged: bool | None = None, account: str | None = None) -> Iterator[Attempt]:
        """The calls that have no recording, by time; those that nobody says the time of come first."""
        require(actor, Permission.CALLS_READ)
        with self._database.read() as session:
            recorded = set(pairs_of_all(session).values())
            mine = session.scalars(select(AttemptRow).where(visible(actor, AttemptRow.team)))
            rows = [row for row in mine if row.id not in recorded]
        early = datetime.min.replace(tzinfo=UTC)
        for row in sorted(rows, key=lambda row: (row.started_at or early, row.id)):
            if (flagged is None or row.flagged is flagged) and account in (None, row.account_ref):
                yield attempt_of(row)

    # --- inside ---

    def _read(self, actor: Actor, row: CsvRow, key: bytes) -> _Record:
        if row.error is not None or row.values is None:
            raise BadMetadata(row.error or "it is empty")
        context = self._context(row.values, key)
        file_name = file_label(row.file) if row.file else None
        if context.call_id is None and context.started_at is None:
            raise BadMetadata("it has neither call_id nor started_at, so it can't be told from others")
        context = in_own_team(actor, context)
        return _Record(
            number=row.number,
            id=attempt_identity(context, file_name),
            context=context,
            file_name=file_name,
        )

    def _context(self, values: Mapping[str, Any], key: bytes) -> CallContext:
        try:
            dialled = read_dialled({name.strip(): value for name, value in values.items()})
        except ValueError as error:
            raise BadMetadata(f"{error}.") from None
        return parse_metadata(dialled, key=key, jurisdiction=Jurisdiction(self._settings.default_jurisdiction)).context

    def _take(self, actor: Actor, records: Sequence[_Record], file: str, bad: list[BadRow]) -> Counter[Outcome]:
        outcomes: Counter[Outcome] = Counter()
        with self._database.session() as session:
            lock(session, _LOCK)
            before = links_of_attempts(session, [record.id for record in records])
            held = self._timelines.hold(session, attempts=[*before, *(record.link for record in records)])
            for record in records:
                try:
                    outcomes[_write(session, actor, record)] += 1
                except Forbidden as error:
                    bad.append(BadRow(number=record.number, reason=error.message))
            # Also where nothing is new: the policy may be another since.
            self._timelines.refresh(session, held)
            if outcomes[Outcome.ACCEPTED] or outcomes[Outcome.UPDATED]:
                details = {"file": file_label(file), "new": outcomes[Outcome.ACCEPTED]}
                details["updated"] = outcomes[Outcome.UPDATED]
                audit.append(session, actor.name, "attempts.imported", records[0].id, details)
        return outcomes


def attempt_identity(context: CallContext, file_name: str | None) -> str:
    """The id of a call record: of the source system's call_id, else of all that it says."""
    if context.call_id is not None:
        return "a" + digest_of("c", context.call_id)[:16]
    # Only what it says: a key that a later version knows must not make another record of it.
    told = {name: value for name, value in json.loads(encode(context)).items() if value not in (None, {})}
    return "a" + digest_of("r", told, file_name)[:16]


def attempt_of(row: AttemptRow) -> Attempt:
    return Attempt(
        id=row.id,
        call_id=row.call_id,
        file=row.file_name,
        context=redacted_context(context_of(row)),
        flagged=row.flagged,
        severity=Severity(row.severity) if row.severity else None,
        findings=tuple(finding_of(value) for value in row.findings),
    )


def _write(session: Session, actor: Actor, record: _Record) -> Outcome:
    row = session.get(AttemptRow, record.id)
    if row is None:
        row = AttemptRow(id=record.id, imported_at=datetime.now(UTC), findings=[], flagged=False)
        _put(row, record.context, record.file_name)
        session.add(row)
        return Outcome.ACCEPTED
    if actor.teams is not None and row.team not in actor.teams:
        raise Forbidden("This call_id belongs to a call of a team that is not yours.")
    context, changed = merge(context_of(row), record.context)
    file_name = record.file_name or row.file_name
    if not changed and file_name == row.file_name:
        return Outcome.DUPLICATE
    _put(row, context, file_name)
    return Outcome.UPDATED


def _put(row: AttemptRow, context: CallContext, file_name: str | None) -> None:
    row.context = json.loads(encode(context))
    row.call_id, row.file_name = context.call_id, file_name
    row.account_ref, row.team, row.started_at = context.account_ref, context.team, context.started_at


def _flagged(session: Session, ids: Sequence[str]) -> list[str]:
    flagged = AttemptRow.flagged.is_(True)
    return list(session.scalars(select(AttemptRow.id).where(AttemptRow.id.in_(ids), flagged)))
