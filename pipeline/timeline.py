"""What the calls of one account mean together: cross-call rules over calls with and without a recording.

A pure function: knows no clock, no database and no text. The same contacts give the same findings in whatever order
they come. What is not known (a time, a zone, a number) leads to no finding, or to a possible one if the rule says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, tzinfo

from pipeline.contacts import Contact, Maybe, Said, Seen, in_order
from pipeline.policy.dispositions import Party
from pipeline.policy.evaluating import local_time
from pipeline.policy.judging import judge
from pipeline.policy.registry import Pack, Registry
from pipeline.policy.timeline_rules import AfterRule, AnyTimelineRule, Counted, CountRule, PauseRule, Unknown
from pipeline.records import Finding, FindingStatus, MetadataEvidence, Role


def judge_timeline(contacts: Iterable[Contact], registry: Registry) -> dict[str, tuple[Finding, ...]]:
    """The cross-call findings of each contact that breaches a rule of its own jurisdiction's pack, by contact."""
    seen = in_order(contacts)
    found: dict[str, tuple[Finding, ...]] = {}
    for at, one in enumerate(seen):
        pack = registry.pack_for(one.context)
        findings = [*_out_of_hours(one, pack), *_crossing(seen, at, pack)]
        if findings:
            found[one.id] = tuple(sorted(findings, key=lambda f: (-f.severity.rank, f.status, f.rule)))
    return found


def _crossing(seen: Sequence[Seen], at: int, pack: Pack) -> Iterator[Finding]:
    one = seen[at]
    if one.inbound or one.party is Party.LAWYER:
        return
    for rule in pack.timeline:
        collector = one.context.collector_type
        if rule.collector_type is not None and collector not in (None, rule.collector_type):
            continue
        breach = _breach(rule, seen, at)
        if breach is not None:
            yield _finding(rule, one, breach, pack)


def _out_of_hours(one: Seen, pack: Pack) -> Iterator[Finding]:
    """What the pack's own rules make of the metadata of a call that nobody could listen to."""
    if one.contact.hours_judged or one.inbound:
        return
    context, ended = one.context, one.context.ended_at
    talked_ms = int((ended - one.at).total_seconds() * 1000) if ended is not None and one.answered else 0
    known = replace(context, facts=one.facts)
    judgement = judge(pack, positions=(), signals=(), context=known, duration_ms=max(0, talked_ms))
    yield from (f for f in judgement.findings if isinstance(f.evidence, MetadataEvidence))


# --- the rules --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class _Breach:
    """That a rule is met, by which other contacts, and what else a reader should know."""

    status: FindingStatus
    others: tuple[Seen, ...]
    facts: Mapping[str, str] = field(default_factory=dict)
    probability: float | None = None
    detectors: tuple[str, ...] = ()


def _breach(rule: AnyTimelineRule, seen: Sequence[Seen], at: int) -> _Breach | None:
    match rule:
        case CountRule():
            return _too_many(rule, seen, at)
        case PauseRule():
            return _too_soon(rule, seen, at)
        case AfterRule():
            return _after(rule, seen, at)


def _too_many(rule: CountRule, seen: Sequence[Seen], at: int) -> _Breach | None:
    one = seen[at]
    counted, group = _counts(rule, one), one.group(rule.per)
    clock = _clock(one, rule, needed=rule.days is not None)
    if counted is False or group is None or clock is None:
        return None
    sure: list[Seen] = []
    doubtful: list[Seen] = []
    for other in _before(seen, at, clock.zone, rule.days):
        if other.group(rule.per) == group and (counts := _counts(rule, other)) is not False:
            (sure if counts else doubtful).append(other)
    if counted and len(sure) + 1 > rule.most:
        status = rule.status if clock.known else FindingStatus.POSSIBLE
    elif rule.unknown is Unknown.POSSIBLE and len(sure) + len(doubtful) + 1 > rule.most:
        status, sure = FindingStatus.POSSIBLE, sorted([*sure, *doubtful], key=lambda o: (o.at, o.id), reverse=True)
    else:
        return None
    facts = {"count": str(len(sure) + 1), "limit": str(rule.most)}
    if rule.days is not None:
        facts["days"] = str(rule.days)
    return _Breach(status=status, others=tuple(reversed(sure)), facts=facts)


def _too_soon(rule: PauseRule, seen: Sequence[Seen], at: int) -> _Breach | None:
    one = seen[at]
    counted, group, clock = _rang(rule, one), one.group(rule.per), _clock(one, rule)
    if counted is False or group is None or clock is None:
        return None
    doubtful: Seen | None = None
    for other in _before(seen, at, clock.zone, rule.days):
        if other.group(rule.per) != group or other.party is Party.LAWYER:
            continue
        # A conversation is one whoever called whom.
        spoke = _both(other.answered, other.is_to(rule.whom))
        if spoke and counted:
            status = rule.status if clock.known else FindingStatus.POSSIBLE
            return _Breach(status=status, others=(other,), facts=_days_since(rule.days, other, one, clock.zone))
        if spoke is not False and doubtful is None:
            doubtful = other
    if doubtful is None or rule.unknown is not Unknown.POSSIBLE:
        return None
    facts = _days_since(rule.days, doubtful, one, clock.zone)
    return _Breach(status=FindingStatus.POSSIBLE, others=(doubtful,), facts=facts)


@dataclass(frozen=True, slots=True)
class _Trigger:
    """The earlier contact that brought it up, and what was said there; `dated` when the days since are sure."""

    index: int
    said: Said
    dated: bool


def _after(rule: AfterRule, seen: Sequence[Seen], at: int) -> _Breach | None:
    one = seen[at]
    meant, group = one.is_to(rule.whom), one.group(rule.per)
    if meant is False or group is None or _consented(rule, one):
        return None
    answer = one.says(rule.then, rule.threshold) if rule.then else None
    trigger = _trigger(rule, seen, at, group)
    on_file = [name for name in rule.on_file if one.facts.get(name) is True]
    if (rule.then and answer is None) or (trigger is None and not on_file):
        return None
    if _settled(rule, seen, at if trigger is None else trigger.index, at, group):
        return None
    status: FindingStatus | None = rule.status
    if rule.truth is not None:
        truth = rule.truth.status(one.facts)
        status = truth if truth is not FindingStatus.VIOLATION else rule.status
    if status is None:
        return None
    known = bool(on_file) or (trigger is not None and trigger.dated and trigger.said.sure)
    sure = meant is True and known and (answer is None or answer.sure)
    said = [part for part in (trigger.said if trigger else None, answer) if part is not None]
    facts = dict.fromkeys(on_file, "true")
    if trigger is not None:
        facts["since"] = _shown(seen[trigger.index].at, _clock(one, rule, needed=False))
    return _Breach(
        status=status if sure or status is not FindingStatus.VIOLATION else FindingStatus.POSSIBLE,
        others=() if trigger is None else (seen[trigger.index],),
        facts=facts,
        probability=_product(said),
        detectors=tuple(dict.fromkeys(name for part in said for name in part.detectors)),
    )


def _trigger(rule: AfterRule, seen: Sequence[Seen], at: int, group: tuple[str, ...]) -> _Trigger | None:
    """Only the newest counts: what was settled after it was settled after all before."""
    one = seen[at]
    for index in range(at - 1, -1, -1):
        other = seen[index]
        if other.said.keys().isdisjoint(rule.after):  # first, as most calls say nothing of the kind
            continue
        said = other.says(rule.after, rule.threshold)
        if said is None or other.group(rule.per) != group or other.is_to(rule.whom) is False:
            continue
        clock = _clock(one, rule, needed=rule.within_days is not None)
        late = clock is None or (rule.within_days is not None and clock.days(other, one) > rule.within_days)
        if late or _lifted(rule, seen, index, at):
            return None
        return _Trigger(index, said, clock is not None and clock.known)
    return None


def _lifted(rule: AfterRule, seen: Sequence[Seen], trigger: int, at: int) -> bool:
    """Whether a later call's metadata says that it holds no more: the fact of the same meaning is false since."""
    return any(
        seen[index].context.facts.get(name) is False and seen[index].person == seen[at].person
        for index in range(trigger + 1, at + 1)
        for name in rule.on_file
    )


def _settled(rule: AfterRule, seen: Sequence[Seen], trigger: int, at: int, group: tuple[str, ...]) -> bool:
    return any(
        other.group(rule.per) == group and other.says(rule.unless, 0.5) is not None for other in seen[trigger : at + 1]
    )


# --- what the rules share ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Clock:
    """The clocks that a rule goes by; not `known` when they are only those of whoever wrote the time down."""

    zone: tzinfo
    known: bool

    def days(self, earlier: Seen, later: Seen) -> int:
        return (_day(later, self.zone) - _day(earlier, self.zone)).days


def _clock(one: Seen, rule: AnyTimelineRule, *, needed: bool = True) -> _Clock | None:
    """The debtor's clocks at this call; None where they are not known and the rule needs them."""
    local = local_time(one.at, one.context.customer_tz)
    if local is not None and local.tzinfo is not None:
        return _Clock(local.tzinfo, known=True)
    assert one.at.tzinfo is not None
    if not needed:
        return _Clock(one.at.tzinfo, known=True)
    return _Clock(one.at.tzinfo, known=False) if rule.unknown is Unknown.POSSIBLE else None


def _day(one: Seen, zone: tzinfo) -> date:
    return one.at.astimezone(zone).date()


def _before(seen: Sequence[Seen], at: int, zone: tzinfo, days: int | None) -> Iterator[Seen]:
    """The earlier contacts, newest first, of so many days in a row, of which this one's own is the last."""
    day = _day(seen[at], zone)
    for index in range(at - 1, -1, -1):
        if days is not None and (day - _day(seen[index], zone)).days >= days:
            return
        yield seen[index]


def _counts(rule: CountRule, one: Seen) -> Maybe:
    if one.inbound or one.party is Party.LAWYER or _consented(rule, one):
        return False
    match rule.counts:
        case Counted.CALLS:
            return _both(one.connects, one.is_to(rule.whom))
        case Counted.CONVERSATIONS:
            return _both(one.answered, one.is_to(rule.whom))
        case Counted.UNANSWERED:
            return _both(None if one.answered is None else not one.answered, one.is_to(rule.whom))


def _rang(rule: PauseRule, one: Seen) -> Maybe:
    return False if _consented(rule, one) else _both(one.connects, one.is_to(rule.whom))


def _consented(rule: AnyTimelineRule, one: Seen) -> bool:
    return any(one.facts.get(name) is True for name in rule.consent)


def _both(first: Maybe, second: Maybe) -> Maybe:
    if first is False or second is False:
        return False
    return None if first is None or second is None else True


def _product(said: Sequence[Said]) -> float | None:
    """How probable it is that all of it was said; None when nothing was."""
    probability = 1.0
    for part in said:
        probability *= part.probability
    return round(probability, 4) if said else None


def _days_since(limit: int, earlier: Seen, later: Seen, zone: tzinfo) -> dict[str, str]:
    clock = _Clock(zone, known=True)
    return {"since": _shown(earlier.at, clock), "day": str(clock.days(earlier, later) + 1), "days": str(limit)}


def _shown(moment: datetime, clock: _Clock | None) -> str:
    return (moment.astimezone(clock.zone) if clock else moment).strftime("%Y-%m-%d %H:%M")


def _finding(rule: AnyTimelineRule, one: Seen, breach: _Breach, pack: Pack) -> Finding:
    clock = _clock(one, rule, needed=False)
    facts = {"local_time": _shown(one.at, clock), **breach.facts}
    if one.context.customer_tz:
        facts["customer_tz"] = one.context.customer_tz
    status = breach.status
    # The statute may not bind this collector at all.
    if rule.collector_type is not None and one.context.collector_type is None and status is FindingStatus.VIOLATION:
        status = FindingStatus.POSSIBLE
    return Finding(
        category=rule.category,
        status=status,
        severity=rule.severity,
        role=Role.AGENT,
        evidence=MetadataEvidence(facts=facts, calls=tuple(other.id for other in breach.others)),
        rule=rule.id,
        pack=pack.name,
        pack_version=pack.version,
        clauses=rule.clauses,
        probability=breach.probability,
        detectors=breach.detectors,
        reason_zh=rule.reason_zh,
        reason_en=rule.reason_en,
    )
