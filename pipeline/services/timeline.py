"""The timelines of accounts in the database: which calls and call records make one, and what its rules find there.

A timeline is brought up to date in the transaction that changed one of its calls. It is locked before any row is, so
that transactions which change several calls of one account wait for each other and never for ever.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import and_, delete, or_, select, true
from sqlalchemy.orm import Session

from pipeline.contacts import Contact, Heard
from pipeline.encoding import decode, encode
from pipeline.policy.judging import flags
from pipeline.policy.registry import Registry
from pipeline.records import CallContext, CallStatus, Finding, Severity
from pipeline.services.metadata import merge
from pipeline.services.pairing import Link, pair
from pipeline.services.rows import TIMELINE, context_of, finding_of, finding_row
from pipeline.store import audit
from pipeline.store.database import lock
from pipeline.store.tables import AttemptRow, CallRow, FindingRow, OutboxRow, RecordingRow
from pipeline.timeline import judge_timeline

Key = tuple[str, str]
"""A timeline: ("account", its reference), or of what names no account ("call", its id) or ("attempt", its id)."""

CHANGED = "call.timeline"
"""What the audit log says when a call's cross-call findings changed."""

_WAITING = (CallStatus.QUEUED, CallStatus.RUNNING)


class Timelines:
    """Keeps timelines; `registry` gives the policy in force."""

    def __init__(self, registry: Callable[[], Registry]) -> None:
        self._registry = registry

    def hold(
        self,
        session: Session,
        *,
        calls: Iterable[str] = (),
        arriving: Iterable[Link] = (),
        attempts: Iterable[Link] = (),
    ) -> frozenset[Key]:
        """The timelines that these calls and call records touch, locked until the transaction ends.

        `arriving` and `attempts` are as they will be. To be called before any row is locked; holding again what is held
        waits for nothing.
        """
        calls, arriving, attempts = tuple(calls), tuple(arriving), tuple(attempts)
        keys: set[Key] = set()
        held: set[Key] = set()
        while True:
            # Whose they are may have changed while this waited.
            known = _calls(session, CallRow.id.in_(calls))
            keys |= _keys(arriving, attempts) | _keys(*_related(session, [*arriving, *known], attempts))
            if keys <= held:
                return frozenset(held)
            for kind, reference in sorted(keys - held):
                lock(session, f"timeline.{kind}.{reference}")
            held |= keys

    def refresh(self, session: Session, keys: Iterable[Key]) -> None:
        """Judges these timelines, which are held, as they are now, and writes down what changed.

        Adds audit lines at its end: whoever calls it locks no row any more.
        """
        session.flush()
        changes = [change for key in sorted(keys) for change in self._refresh(session, key)]
        session.flush()
        for id, findings, flagged in changes:
            details = {"findings": sorted({f.rule for f in findings}), "flagged": flagged}
            audit.append(session, TIMELINE, CHANGED, id, details)

    def _refresh(self, session: Session, key: Key) -> list[tuple[str, Sequence[Finding], bool]]:
        members = _members(session, key)
        registry = self._registry()
        found = judge_timeline(members.contacts, registry)
        changes: list[tuple[str, Sequence[Finding], bool]] = []
        for row in members.calls:
            findings = found.get(row.id, ())
            over = registry.pack_for(members.context[row.id]).flag_possible_over
            if _write_call(session, row, members.written[row.id], findings, over):
                changes.append((row.id, findings, row.flagged))
        for attempt in members.attempts:
            findings = found.get(attempt.id, ())
            over = registry.pack_for(members.context[attempt.id]).flag_possible_over
            if _write_attempt(attempt, findings, over):
                changes.append((attempt.id, findings, attempt.flagged))
        for attempt in members.recorded:
            if _write_attempt(attempt, (), 1.0):
                changes.append((attempt.id, (), False))
        return changes


# --- who belongs to a timeline ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Members:
    """The calls and unrecorded attempts of a timeline; `recorded` are attempts whose call bears what is found.

    `written` are the rows of each call that the timeline wrote before.
    """

    calls: Sequence[CallRow]
    attempts: Sequence[AttemptRow]
    recorded: Sequence[AttemptRow]
    contacts: Sequence[Contact]
    context: dict[str, CallContext]
    written: dict[str, list[FindingRow]]


def _members(session: Session, key: Key) -> _Members:
    kind, reference = key
    calls: Sequence[Link] = ()
    attempts: Sequence[Link] = ()
    if kind in ("account", "call"):
        calls = _calls(session, (CallRow.account_ref if kind == "account" else CallRow.id) == reference)
    if kind in ("account", "attempt"):
        attempts = _attempts(session, (AttemptRow.account_ref if kind == "account" else AttemptRow.id) == reference)
    calls, attempts = _related(session, calls, attempts)
    pairs = pair(calls, attempts)
    owners = _owners(calls, attempts, pairs)
    mine = [id for id, owner in owners.items() if owner == key]
    told = {pairs[id]: id for id in mine if id in pairs}
    call_rows = session.scalars(select(CallRow).where(CallRow.id.in_(mine)).order_by(CallRow.id)).all()
    # Also those of other accounts whose call is here, or elsewhere: they bear no findings any more.
    ids = [*mine, *(a.id for a in attempts if a.id in pairs.values())]
    attempt_rows = session.scalars(select(AttemptRow).where(AttemptRow.id.in_(ids)).order_by(AttemptRow.id)).all()
    own: defaultdict[str, list[Finding]] = defaultdict(list)
    written: defaultdict[str, list[FindingRow]] = defaultdict(list)
    for row in session.scalars(select(FindingRow).where(FindingRow.call.in_(mine)).order_by(FindingRow.id)):
        if row.source == TIMELINE:
            written[row.call].append(row)
        else:
            own[row.call].append(finding_of(row.finding))
    dialled = {told[row.id]: context_of(row) for row in attempt_rows if row.id in told}
    contacts = [_contact(row, dialled.get(row.id), tuple(own[row.id])) for row in call_rows]
    unrecorded = [row for row in attempt_rows if row.id in owners]
    contacts += [Contact(id=row.id, context=context_of(row)) for row in unrecorded]
    return _Members(
        calls=call_rows,
        attempts=unrecorded,
        recorded=[row for row in attempt_rows if row.id not in owners],
        contacts=contacts,
        context={contact.id: contact.context for contact in contacts},
        written={row.id: written[row.id] for row in call_rows},
    )


def _contact(row: CallRow, dialled: CallContext | None, findings: tuple[Finding, ...]) -> Contact:
    """A call with a recording; what the dialler says fills in what its own metadata leaves open."""
    own = context_of(row)
    judged = row.record_digest is not None or row.status in _WAITING
    return Contact(
        id=row.id,
        context=own if dialled is None else merge(dialled, own)[0],
        findings=findings,
        heard=None if row.heard is None else decode(Heard, json.dumps(row.heard).encode()),
        hours_judged=judged and own.started_at is not None and own.customer_tz is not None,
    )


def _keys(calls: Sequence[Link], attempts: Sequence[Link]) -> set[Key]:
    """Every timeline that one of these may belong to, paired or not."""
    keys = {("account", link.account_ref) for link in (*calls, *attempts) if link.account_ref is not None}
    keys |= {("call", call.id) for call in calls if call.account_ref is None}
    return keys | {("attempt", attempt.id) for attempt in attempts if attempt.account_ref is None}


def _owners(calls: Sequence[Link], attempts: Sequence[Link], pairs: dict[str, str]) -> dict[str, Key]:
    """The timeline of each call and of each attempt without one; a call goes before the record of the same call."""
    by_id = {attempt.id: attempt for attempt in attempts}
    owners: dict[str, Key] = {}
    for call in calls:
        other = by_id[pairs[call.id]].account_ref if call.id in pairs else None
        account = call.account_ref or other
        owners[call.id] = ("account", account) if account is not None else ("call", call.id)
    recorded = set(pairs.values())
    for attempt in attempts:
        if attempt.id not in recorded:
            account = attempt.account_ref
            owners[attempt.id] = ("account", account) if account is not None else ("attempt", attempt.id)
    return owners


def _related(session: Session, calls: Sequence[Link], attempts: Sequence[Link]) -> tuple[list[Link], list[Link]]:
    """These, and all calls and attempts that might be the same ones."""
    files = {call.file_name for call in calls if call.call_id is None}
    files |= {attempt.file_name for attempt in attempts if attempt.file_name is not None}
    names = {link.call_id for link in (*calls, *attempts) if link.call_id is not None}
    found = {attempt.id: attempt for attempt in attempts}
    for attempt in _attempts(session, or_(AttemptRow.call_id.in_(names), AttemptRow.file_name.in_(files))):
        found.setdefault(attempt.id, attempt)
    names |= {attempt.call_id for attempt in found.values() if attempt.call_id is not None}
    known = {call.id: call for call in calls}
    by_file = and_(CallRow.call_id.is_(None), CallRow.file_name.in_(files))
    for call in _calls(session, or_(CallRow.call_id.in_(names), by_file)):
        known.setdefault(call.id, call)
    return sorted(known.values(), key=_by_id), sorted(found.values(), key=_by_id)


def _by_id(link: Link) -> str:
    return link.id


def _calls(session: Session, where: Any) -> list[Link]:
    """Refused files are no calls: the right file may come under the same call_id."""
    columns = (CallRow.id, CallRow.call_id, CallRow.file_name, CallRow.account_ref, CallRow.started_at)
    number = CallRow.context["number_hash"].as_string().label("number_hash")
    kept = RecordingRow.refusal.is_(None)
    joined = RecordingRow.sha256 == CallRow.recording_sha256
    rows = session.execute(select(*columns, number).join(RecordingRow, joined).where(kept, where))
    return [Link(**row._mapping) for row in rows]


def _attempts(session: Session, where: Any) -> list[Link]:
    columns = (
        *(AttemptRow.id, AttemptRow.call_id, AttemptRow.file_name),
        *(AttemptRow.account_ref, AttemptRow.started_at),
    )
    number = AttemptRow.context["number_hash"].as_string().label("number_hash")
    return [Link(**row._mapping) for row in session.execute(select(*columns, number).where(where))]


def links_of_attempts(session: Session, ids: Iterable[str]) -> list[Link]:
    """What these call records can be recognised by, as they are now; those that are not there are left out."""
    return _attempts(session, AttemptRow.id.in_(tuple(ids)))


def pairs_of_all(session: Session) -> dict[str, str]:
    """The call record of each call that has one, by id, over everything there is."""
    return pair(_calls(session, true()), _attempts(session, true()))


# --- writing what was found -------------------------------------------------------------------------------------------


def _write_call(
    session: Session, row: CallRow, written: Sequence[FindingRow], findings: Sequence[Finding], over: float
) -> bool:
    """Whether the cross-call findings of the call changed; lists and index show the worst of these and its own."""
    before = [old.finding for old in written]
    changed = before != [json.loads(encode(finding)) for finding in findings]
    if changed or any(old.revision != row.revision for old in written):
        session.execute(delete(FindingRow).where(FindingRow.call == row.id, FindingRow.source == TIMELINE))
        session.add_all(finding_row(row.id, row.revision, finding, source=TIMELINE) for finding in findings)
    own = [Severity(row.own_severity)] if row.own_flagged and row.own_severity else []
    severities = [*own, *_flagging(findings, over)]
    worst = max(severities, key=lambda severity: severity.rank, default=None)
    shown = (row.flagged, row.severity)
    row.flagged = row.own_flagged or bool(severities)
    row.severity, row.severity_rank = worst, worst.rank if worst else -1
    if changed or shown != (row.flagged, row.severity):
        session.add(OutboxRow(call=row.id, created_at=datetime.now(UTC)))
    return changed


def _write_attempt(row: AttemptRow, findings: Sequence[Finding], over: float) -> bool:
    found = [json.loads(encode(finding)) for finding in findings]
    if row.findings == found:
        return False
    severities = _flagging(findings, over)
    row.findings, row.flagged = found, bool(severities)
    row.severity = max(severities, key=lambda severity: severity.rank, default=None)
    return True


def _flagging(findings: Iterable[Finding], over: float) -> list[Severity]:
    return [finding.severity for finding in findings if flags(finding, flag_possible_over=over)]
