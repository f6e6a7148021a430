"""Questions about calls as SQL: filter, order, cursor, counts. Every one carries what the actor may see."""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, String, and_, case, exists, func, literal, or_, select, tuple_
from sqlalchemy.orm import Session

from pipeline.errors import InvalidInput, NotFound
from pipeline.records import CallStatus, Distress, Finding, FindingStatus, MetadataEvidence, Role, Severity
from pipeline.services.rows import TIMELINE, FindingMark, finding_of
from pipeline.services.scope import visible
from pipeline.services.views import Actor, CallFilter, CallSort, QueueCounts
from pipeline.store.tables import AttemptRow, CallRow, FindingRow, UtcDateTime

_PREFIX_LENGTH = 4
"""The shortest start of an id that is taken for one."""
_LONGEST_CURSOR = 500
"""Characters; ours have about 100."""


@dataclass(frozen=True, slots=True)
class _Key:
    """A part of an order: in SQL, its type there, and of a row."""

    column: Any
    kind: type[UtcDateTime] | type[Integer] | type[String]
    of: Callable[[CallRow], datetime | int | str]


_RECEIVED = _Key(CallRow.received_at, UtcDateTime, lambda row: row.received_at)
_ID = _Key(CallRow.id, String, lambda row: row.id)
_CRITICAL_FIRST = _Key(
    case((CallRow.distress == Distress.CRITICAL, 0), else_=1),
    Integer,
    lambda row: 0 if row.distress == Distress.CRITICAL else 1,
)
_WORST_FIRST = _Key(-CallRow.severity_rank, Integer, lambda row: -row.severity_rank)

# All parts of an order run the same way, so that "behind the cursor" is one comparison.
_ORDERS: Mapping[CallSort, tuple[_Key, ...]] = {
    CallSort.NEWEST: (_RECEIVED, _ID),
    CallSort.OLDEST: (_RECEIVED, _ID),
    CallSort.WORST: (_CRITICAL_FIRST, _WORST_FIRST, _RECEIVED, _ID),
}


def find(session: Session, actor: Actor, id: str, *, lock: bool = False) -> CallRow:
    """The call of an id, of the source system's call_id, or of the start of an id that only one call has.

    Raises NotFound when there is none or the actor may not see it, InvalidInput when several begin so.
    """
    calls = select(CallRow).where(visible(actor))
    calls = calls.with_for_update() if lock else calls
    if _storable(id):
        for condition in (CallRow.id == id, CallRow.call_id == id):
            if row := session.scalars(calls.where(condition)).first():
                return row
    if len(id) >= _PREFIX_LENGTH and id.isalnum():
        rows = session.scalars(calls.where(CallRow.id.startswith(id)).limit(2)).all()
        if len(rows) == 1:
            return rows[0]
        if rows:
            raise InvalidInput(f"Several calls begin with {id}; give more of the id.", code="ambiguous_id")
    raise NotFound("There is no such call, or none that you may see.", code="call_not_found")


def condition(actor: Actor, wanted: CallFilter | None) -> ColumnElement[bool]:
    """What the actor may see and the filter wants. Times are half-open: from `started_from`, before `started_to`."""
    wanted = wanted or CallFilter()
    for time in (wanted.started_from, wanted.started_to):
        if time is not None:
            _checked(time)
    parts: list[ColumnElement[bool]] = [visible(actor)]
    parts += [
        column.in_(sorted(filter(_storable, values)))
        for column, values in (
            (CallRow.status, wanted.statuses),
            (CallRow.severity, wanted.severities),
            (CallRow.distress, wanted.distress),
            (CallRow.team, wanted.teams),
            (CallRow.agent_id, wanted.agents),
            (CallRow.account_ref, wanted.accounts),
        )
        if values
    ]
    if wanted.flagged is not None:
        parts.append(CallRow.flagged.is_(wanted.flagged))
    if wanted.categories:
        named = FindingRow.category.in_(sorted(filter(_storable, wanted.categories)))
        parts.append(exists().where(FindingRow.call == CallRow.id, named))
    if wanted.started_from is not None:
        parts.append(CallRow.started_at >= wanted.started_from)
    if wanted.started_to is not None:
        parts.append(CallRow.started_at < wanted.started_to)
    return and_(*parts)


def newer(session: Session, where: ColumnElement[bool], since: datetime, *, judged: bool) -> int:
    """How many calls were received after this moment or, with `judged`, have been judged since."""
    came = CallRow.finished_at if judged else CallRow.received_at
    return session.scalar(select(func.count()).select_from(CallRow).where(where, came > _checked(since))) or 0


def _checked(time: datetime) -> datetime:
    """The time, where a database can compare it with others; raises InvalidInput."""
    if time.tzinfo is None:
        raise InvalidInput("A time needs its offset from UTC, such as +08:00 or Z.", code="bad_filter")
    try:
        time.astimezone(UTC)
    except OverflowError:
        raise InvalidInput(
            "A time must lie in the years 1 to 9999 in UTC too; give one nearer to the calls.", code="bad_filter"
        ) from None
    return time


def page(where: ColumnElement[bool], sort: CallSort, cursor: str | None, limit: int) -> Select[CallRow]:
    """At most `limit` calls behind the cursor, in order."""
    keys, descending = _ORDERS[sort], sort is CallSort.NEWEST
    columns = tuple_(*(key.column for key in keys))
    statement = select(CallRow).where(where).limit(limit)
    if cursor is not None:
        values = zip(keys, _open_cursor(sort, cursor), strict=True)
        last = tuple_(*(literal(value, key.kind()) for key, value in values))
        statement = statement.where(columns < last if descending else columns > last)
    return statement.order_by(*(key.column.desc() if descending else key.column.asc() for key in keys))


def cursor_after(sort: CallSort, row: CallRow) -> str:
    """An opaque cursor that stands behind this call."""
    values = [key.of(row) for key in _ORDERS[sort]]
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps([sort, *plain]).encode()).decode().rstrip("=")


def _open_cursor(sort: CallSort, cursor: str) -> list[Any]:
    keys = _ORDERS[sort]
    try:
        if len(cursor) > _LONGEST_CURSOR:
            raise ValueError("longer than any of ours")
        named, *values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if named != sort or len(values) != len(keys):
            raise ValueError("another order's cursor")
        return [_cursor_value(value, key) for value, key in zip(values, keys, strict=True)]
    except (ValueError, TypeError, OverflowError, RecursionError):
        # Whatever was sent in its place: a date that UTC has no room for, or lists in lists without end.
        raise InvalidInput(
            "This cursor is not one of this list; start from its first page.", code="bad_cursor"
        ) from None


def _cursor_value(value: Any, key: _Key) -> datetime | int | str:
    if key.kind is Integer and type(value) is int and abs(value) < 100:
        return value
    if key.kind is String and type(value) is str and _storable(value):
        return value
    if key.kind is UtcDateTime and (time := datetime.fromisoformat(value)).tzinfo is not None:
        return time.astimezone(UTC)
    raise ValueError("no value of this key")


def _storable(text: str) -> bool:
    """Whether a text can stand in a database at all; what can't matches nothing, and PostgreSQL won't compare it."""
    return not any(c == "\x00" or "\ud800" <= c <= "\udfff" for c in text)


def marks_of(session: Session, calls: Iterable[str]) -> Mapping[str, list[FindingMark]]:
    """By call, what its findings add up to; calls without findings are missing."""
    kinds = (FindingRow.category, FindingRow.status, FindingRow.severity, FindingRow.role)
    statement = (
        select(FindingRow.call, *kinds, func.count())
        .where(FindingRow.call.in_(list(calls)))
        .group_by(FindingRow.call, *kinds)
    )
    found: defaultdict[str, list[FindingMark]] = defaultdict(list)
    for call, category, status, severity, role, count in session.execute(statement):
        found[call].append((category, status, severity, role, count))
    return found


def timeline_findings(session: Session, actor: Actor, call: str) -> tuple[Finding, ...]:
    """The cross-call findings of a call; of the other calls that they rest on, those that the actor may see."""
    rows = select(FindingRow.finding).where(FindingRow.call == call, FindingRow.source == TIMELINE)
    findings = [finding_of(value) for value in session.scalars(rows.order_by(FindingRow.id))]
    if actor.teams is None or not findings:
        return tuple(findings)
    named = {id for f in findings if isinstance(f.evidence, MetadataEvidence) for id in f.evidence.calls}
    own_attempts = AttemptRow.team.in_(sorted(actor.teams))
    shown = set(session.scalars(select(CallRow.id).where(CallRow.id.in_(named), visible(actor))))
    shown |= set(session.scalars(select(AttemptRow.id).where(AttemptRow.id.in_(named), own_attempts)))
    return tuple(_with_calls(finding, shown) for finding in findings)


def _with_calls(finding: Finding, shown: set[str]) -> Finding:
    evidence = finding.evidence
    if not isinstance(evidence, MetadataEvidence):
        return finding
    return replace(finding, evidence=replace(evidence, calls=tuple(id for id in evidence.calls if id in shown)))


def counts(session: Session, actor: Actor) -> QueueCounts:
    """Numbers over all that the actor may see; severities and groups count flagged calls."""
    mine = visible(actor)
    statuses = _tally(session, CallRow.status, mine)
    severities = _tally(session, CallRow.severity, and_(mine, CallRow.flagged))
    distress = _tally(session, CallRow.distress, mine)
    return QueueCounts(
        all_calls=sum(statuses.values()),
        by_status={status.value: statuses.get(status, 0) for status in CallStatus},
        flagged=sum(severities.values()),
        by_severity={severity.value: severities.get(severity, 0) for severity in Severity},
        by_group=_groups(session, mine),
        distress_present=distress.get(Distress.PRESENT, 0),
        distress_critical=distress.get(Distress.CRITICAL, 0),
    )


def _tally(session: Session, column: Any, where: ColumnElement[bool]) -> dict[Any, int]:
    statement = select(column, func.count()).where(where).group_by(column)
    return {row[0]: row[1] for row in session.execute(statement)}


def _groups(session: Session, mine: ColumnElement[bool]) -> dict[str, int]:
    """Flagged calls by group of category ("threat" of "threat.violence"), a call once a group."""
    flagging = and_(
        mine,
        CallRow.flagged,
        FindingRow.role == Role.AGENT,
        FindingRow.status.in_([FindingStatus.VIOLATION, FindingStatus.POSSIBLE]),
        FindingRow.severity.in_([s for s in Severity if s.rank >= Severity.MEDIUM.rank]),
    )
    joined = FindingRow.call == CallRow.id
    categories = session.scalars(select(FindingRow.category).join(CallRow, joined).where(flagging).distinct())
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for category in categories:
        groups[category.partition(".")[0]].append(category)
    if not groups:
        return {}
    columns = [
        func.count(case((or_(*(FindingRow.category == c for c in names)), FindingRow.call)).distinct())
        for names in groups.values()
    ]
    row = session.execute(select(*columns).select_from(FindingRow).join(CallRow, joined).where(flagging)).one()
    return dict(sorted(zip(groups, row, strict=True)))
