"""The queue and the list of all calls as values: rows, chips, and what the reader asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from pipeline.policy.categories import CRITICAL_DISTRESS, PRESENT_DISTRESS, categories
from pipeline.records import CallStatus, Distress, FindingStatus, Severity
from pipeline.services.views import CallFilter, CallPage, CallSort, CallSummary, QueueCounts
from review_ui.failure_view import FailureView, failure_view
from review_ui.language import Words
from review_ui.reader import Moment, Reader, clock

SHOWN_MARKS = 3
PAGE_SIZE = 50

_SEVERITIES = (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM)
"""Those that flag a call."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What the address asks for. `everything` is the list of all calls, else it is the queue of flagged ones."""

    everything: bool = False
    severities: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    distress: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    agent: str = ""
    team: str = ""
    account: str = ""
    sort: CallSort = CallSort.WORST

    def href(self, **more: str) -> str:
        """The address that asks for this."""
        pairs = [("all", "1")] if self.everything else []
        for name, values in (
            ("severity", self.severities),
            ("group", self.groups),
            ("distress", self.distress),
            ("status", self.statuses),
        ):
            pairs += [(name, value) for value in values]
        pairs += [(n, v) for n, v in (("agent", self.agent), ("team", self.team), ("account", self.account)) if v]
        if self.sort is not self.usual_sort:
            pairs.append(("sort", self.sort.value))
        pairs += more.items()
        return f"/?{urlencode(pairs)}" if pairs else "/"

    @property
    def usual_sort(self) -> CallSort:
        return CallSort.NEWEST if self.everything else CallSort.WORST

    @property
    def narrowed(self) -> bool:
        return any((self.severities, self.groups, self.distress, self.statuses, self.agent, self.team, self.account))

    def filter(self) -> CallFilter:
        """The filter that the services take; a group stands for all its categories."""
        return CallFilter(
            flagged=None if self.everything else True,
            severities=frozenset(Severity(s) for s in self.severities),
            distress=frozenset(Distress(d) for d in self.distress),
            statuses=frozenset(CallStatus(s) for s in self.statuses),
            categories=frozenset(c.key for c in categories().values() if c.group in self.groups),
            agents=frozenset({self.agent} - {""}),
            teams=frozenset({self.team} - {""}),
            accounts=frozenset({self.account} - {""}),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Chip:
    """A filter that can be set or taken away; `key` is its own among the chips, for the focus to find it again."""

    key: str
    text: str
    count: int | None
    href: str
    chosen: bool
    tone: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class RowMark:
    name: str
    count: int
    possible: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class DistressMark:
    """`counted` tells distress from a mere request; `more` names what does not fit."""

    name: str
    level: str
    more: int
    title: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A line of the list. `tone` colours its edge; `state` is empty once the call is done."""

    id: str
    href: str
    tone: str
    severity: str
    marks: tuple[RowMark, ...]
    more: int
    more_names: str
    file: str
    agent: str
    agent_href: str
    team: str
    account: str
    account_whole: str
    account_href: str
    distress: DistressMark | None
    length: str
    damaged: bool
    when: Moment
    waits: str
    received: str
    state: str
    state_text: str
    progress: int | None
    failure: FailureView | None


@dataclass(frozen=True, kw_only=True, slots=True)
class SortLink:
    key: str
    text: str
    href: str
    chosen: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class QueuePage:
    """`critical` is the lane on top; it has rows only when somebody may be in danger, the first of `critical_total`."""

    everything: bool
    title: str
    summary: str
    critical: tuple[Row, ...]
    critical_total: int
    chips: tuple[Chip, ...]
    sorts: tuple[SortLink, ...]
    rows: tuple[Row, ...]
    total: int
    more_href: str
    empty_title: str
    empty_text: str
    empty_href: str
    can_write: bool
    as_of: str


@dataclass(frozen=True, kw_only=True, slots=True)
class NewerView:
    """How many calls came since the list was read, and the address that reads it again."""

    count: int
    href: str


def asked_of(query: QueryParams) -> Asked:
    """What the address asks for; values that do not exist are left out, as in an old bookmark."""
    everything = query.get("all") == "1"
    sort = query.get("sort")
    usual = CallSort.NEWEST if everything else CallSort.WORST
    return Asked(
        everything=everything,
        severities=_known(query, "severity", tuple(Severity)),
        groups=tuple(g for g in query.getlist("group") if any(c.group == g for c in categories().values())),
        distress=_known(query, "distress", tuple(Distress)),
        statuses=_known(query, "status", tuple(CallStatus)),
        agent=query.get("agent", ""),
        team=query.get("team", ""),
        account=query.get("account", ""),
        sort=next((s for s in CallSort if s.value == sort), usual),
    )


def _known(query: QueryParams, name: str, known: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(str(k) for k in known if k in query.getlist(name))


def queue_page(
    asked: Asked, page: CallPage, critical: CallPage | None, counts: QueueCounts, reader: Reader, *, can_write: bool
) -> QueuePage:
    """The page for what was asked, from what the services found."""
    words = reader.words
    rows = tuple(row(call, reader) for call in page.calls)
    empty = "filtered" if asked.narrowed else ("all" if asked.everything or not counts.all_calls else "queue")
    return QueuePage(
        everything=asked.everything,
        title=words("all.title" if asked.everything else "queue.title"),
        summary=_summary(asked, page, counts, words),
        critical=tuple(row(call, reader) for call in critical.calls) if critical else (),
        critical_total=critical.total if critical else 0,
        chips=_chips(asked, counts, words),
        sorts=_sorts(asked, words),
        rows=rows,
        total=page.total,
        more_href=asked.href(cursor=page.next_cursor) if page.next_cursor else "",
        empty_title=words(f"empty.{empty}.title"),
        empty_text=words(f"empty.{empty}.text"),
        empty_href=replace(Asked(), everything=asked.everything, sort=asked.usual_sort).href()
        if asked.narrowed
        else "",
        can_write=can_write,
        as_of=reader.now.isoformat(),
    )


def _summary(asked: Asked, page: CallPage, counts: QueueCounts, words: Words) -> str:
    if asked.narrowed:
        return words("queue.shown", n=page.total)
    if asked.everything:
        return words("all.summary", n=counts.all_calls, flagged=counts.flagged)
    return words("queue.summary", n=counts.flagged, all=counts.all_calls)


def row(call: CallSummary, reader: Reader) -> Row:
    """One call as a line."""
    words, context = reader.words, call.context
    hidden = call.marks[SHOWN_MARKS:]
    state = "" if call.status is CallStatus.DONE else call.status.value
    return Row(
        id=call.id,
        href=f"/calls/{call.id}",
        tone=call.severity.value if call.flagged and call.severity else "",
        severity=words(f"severity.{call.severity}") if call.flagged and call.severity else "",
        marks=tuple(
            RowMark(name=words.category(m.category), count=m.count, possible=m.status is FindingStatus.POSSIBLE)
            for m in call.marks[:SHOWN_MARKS]
        ),
        more=len(hidden),
        more_names=words("join.list").join(words.category(m.category) for m in hidden),
        file=call.file,
        agent=context.agent_id or "",
        agent_href=Asked(everything=True, agent=context.agent_id or "", sort=CallSort.NEWEST).href(),
        team=context.team or "",
        account=masked(context.account_ref),
        account_whole=context.account_ref or "",
        account_href=Asked(everything=True, account=context.account_ref or "", sort=CallSort.NEWEST).href(),
        distress=_distress(call, words),
        length=clock(call.duration_ms) if call.duration_ms is not None else "",
        damaged=call.damage is not None,
        when=reader.moment(context.started_at or call.received_at),
        waits=reader.age(call.finished_at or call.received_at),
        received=reader.age(call.received_at),
        state=state,
        state_text=state_text(call, words),
        progress=round(call.progress * 100) if call.progress is not None else None,
        failure=failure_view(call.failure, words) if call.status is CallStatus.FAILED and call.failure else None,
    )


def state_text(call: CallSummary, words: Words) -> str:
    """Where processing stands, in words; for a call that runs, its stage."""
    if call.status is CallStatus.RUNNING and call.stage is not None:
        return words(f"stage.{call.stage}")
    return words(f"state.{call.status}")


def masked(account: str | None) -> str:
    """The last four characters of a reference: enough to tell the rows of a list apart."""
    if not account:
        return ""
    return account if len(account) <= 6 else f"··{account[-4:]}"


def _distress(call: CallSummary, words: Words) -> DistressMark | None:
    counted = [s for s in call.customer_signals if s in CRITICAL_DISTRESS | PRESENT_DISTRESS]
    counted.sort(key=lambda s: s not in CRITICAL_DISTRESS)
    requests = [s for s in call.customer_signals if s not in counted]
    shown = counted or requests
    if not shown:
        return None
    level = call.distress.value if counted else "request"
    names = [words.category(s) for s in [*counted, *requests]]
    return DistressMark(
        name=words.category(shown[0]), level=level, more=len(names) - 1, title=words("join.list").join(names)
    )


def _chips(asked: Asked, counts: QueueCounts, words: Words) -> tuple[Chip, ...]:
    cleared = replace(Asked(), everything=asked.everything, sort=asked.sort)
    whole = counts.all_calls if asked.everything else counts.flagged
    chips = [Chip(key="all", text=words("chip.all"), count=whole, href=cleared.href(), chosen=not asked.narrowed)]
    for severity in _SEVERITIES:
        count = counts.by_severity.get(severity.value, 0)
        chips += _toggle(asked, "severities", severity.value, words(f"severity.{severity}"), count, severity.value)
    chips += _toggle(asked, "distress", "critical", words("distress.critical"), counts.distress_critical, "distress")
    chips += _toggle(asked, "distress", "present", words("distress.present"), counts.distress_present, "distress")
    for group, count in sorted(counts.by_group.items(), key=lambda pair: -pair[1]):
        if group != "distress":
            chips += _toggle(asked, "groups", group, words.group(group), count)
    if asked.everything:
        for status in (CallStatus.RUNNING, CallStatus.QUEUED, CallStatus.FAILED):
            chips += _toggle(
                asked, "statuses", status.value, words(f"state.{status}"), counts.by_status.get(status.value, 0)
            )
    for name, value in (("agent", asked.agent), ("team", asked.team), ("account", asked.account)):
        if value:
            text = words(f"chip.{name}", value=value)
            without: Mapping[str, Any] = {name: ""}
            chips.append(Chip(key=name, text=text, count=None, href=replace(asked, **without).href(), chosen=True))
    return tuple(chips)


def _toggle(asked: Asked, field: str, value: str, text: str, count: int, tone: str = "") -> list[Chip]:
    """A chip that adds the value or takes it away; none where it would lead to an empty list."""
    chosen: tuple[str, ...] = getattr(asked, field)
    if value not in chosen and not count:
        return []
    after = tuple(v for v in chosen if v != value) if value in chosen else (*chosen, value)
    changed: Mapping[str, Any] = {field: after}
    href = replace(asked, **changed).href()
    return [Chip(key=f"{field}-{value}", text=text, count=count, href=href, chosen=value in chosen, tone=tone)]


def _sorts(asked: Asked, words: Words) -> tuple[SortLink, ...]:
    return tuple(
        SortLink(
            key=sort.value, text=words(f"sort.{sort}"), href=replace(asked, sort=sort).href(), chosen=sort is asked.sort
        )
        for sort in (CallSort.WORST, CallSort.NEWEST, CallSort.OLDEST)
    )
