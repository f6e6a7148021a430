"""Applies a pack's rules to signals, positions, context and facts. Never sees text, clock or database.

The same signals under the same pack always give the same findings. `judge` is the entry; each kind of rule has one
function that turns what it finds into findings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import accumulate, pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipeline.policy.categories import CRITICAL_DISTRESS, distress_of
from pipeline.policy.features import JOKE, MISHEARING, NEGATED, QUOTED
from pipeline.policy.registry import Pack
from pipeline.policy.rules import AnyRule, HoursRule, OmissionRule, Rule, SaidRule, SequenceRule
from pipeline.records import (
    CallContext,
    Evidence,
    Finding,
    FindingStatus,
    Judgement,
    MetadataEvidence,
    OmissionEvidence,
    Role,
    Severity,
    Signal,
    Span,
    WordsEvidence,
)

EVASIVE = frozenset({QUOTED, NEGATED, JOKE})


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """Where one utterance stands in the call: who, and when each of its words was said. No text."""

    role: Role
    words: tuple[tuple[int, int], ...]

    @property
    def start_ms(self) -> int:
        return self.words[0][0]

    @property
    def end_ms(self) -> int:
        return self.words[-1][1]


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidenced:
    """All that rules may look at. `signals` are in the order of their utterances; `turns` counts changes of speaker."""

    positions: Sequence[Position]
    signals: Sequence[Signal]
    turns: Sequence[int]
    context: CallContext
    duration_ms: int

    def said(self, keys: Iterable[str], *, threshold: float, excuses: frozenset[str] = EVASIVE) -> list[Signal]:
        """Signals of these keys, sure enough and not excused by how it was said."""
        wanted = set(keys)
        return [
            s
            for s in self.signals
            if s.category in wanted and s.probability >= threshold and excuses.isdisjoint(s.features)
        ]

    def role_of(self, signal: Signal) -> Role:
        return self.positions[signal.span.utterance].role

    def turn_of(self, signal: Signal) -> int:
        """How many times the speaker had changed before this signal's utterance."""
        return self.turns[signal.span.utterance]


def judge(
    pack: Pack, *, positions: Sequence[Position], signals: Sequence[Signal], context: CallContext, duration_ms: int
) -> Judgement:
    """Every finding of a call under a pack, worst first, and whether it is flagged."""
    seen = Evidenced(
        positions=positions,
        signals=sorted(signals, key=lambda s: (s.span.utterance, s.span.word_start)),
        turns=_turns(positions),
        context=context,
        duration_ms=duration_ms,
    )
    found = [
        _signed(finding, rule, pack, context)
        for rule in pack.rules
        if rule.collector_type is None or context.collector_type in (None, rule.collector_type)
        for finding in _apply(rule, seen)
    ]
    findings = tuple(sorted(_strongest(found), key=_order))
    flagging = [f for f in findings if flags(f, pack)]
    return Judgement(
        findings=findings,
        flagged=bool(flagging),
        severity=max((f.severity for f in flagging), key=lambda s: s.rank, default=None),
        distress=distress_of(f.category for f in findings if _counts_as_distress(f)),
        pack=pack.name,
        pack_version=pack.version,
    )


def _turns(positions: Sequence[Position]) -> list[int]:
    changes = (a.role is not b.role for a, b in pairwise(positions))
    return list(accumulate(changes, initial=0))[: len(positions)]


def flags(finding: Finding, pack: Pack) -> bool:
    """Whether a finding puts its call into the queue."""
    if finding.role is not Role.AGENT or finding.severity.rank < Severity.MEDIUM.rank:
        return False
    if finding.status is FindingStatus.POSSIBLE:
        return finding.probability is not None and finding.probability > pack.flag_possible_over
    return finding.status is FindingStatus.VIOLATION


def _counts_as_distress(finding: Finding) -> bool:
    """A customer's signal; doubt about who spoke is resolved towards safety for self-harm only."""
    unknown_is_enough = finding.category in CRITICAL_DISTRESS
    return finding.role is Role.CUSTOMER or (unknown_is_enough and finding.role is Role.UNKNOWN)


def _apply(rule: AnyRule, seen: Evidenced) -> Iterator[Finding]:
    match rule:
        case SaidRule():
            return _said(rule, seen)
        case SequenceRule():
            return _missing(rule, seen) if rule.missing else _sequence(rule, seen)
        case OmissionRule():
            return _omitted(rule, seen)
        case HoursRule():
            return _hours(rule, seen)


def _said(rule: SaidRule, seen: Evidenced) -> Iterator[Finding]:
    status: FindingStatus | None = rule.status
    if rule.truth is not None:
        status = rule.truth.status(seen.context.facts)
    if status is None:
        return
    for signal in seen.said([rule.signal], threshold=rule.threshold, excuses=rule.excuses):
        if seen.role_of(signal) in (rule.role, Role.UNKNOWN):
            yield _from_signal(rule, signal, seen, status, signal.probability)


def _sequence(rule: SequenceRule, seen: Evidenced) -> Iterator[Finding]:
    """The first answering turn after a trigger, and each further one until something calls it off."""
    triggers = [seen.turn_of(s) for s in _triggers(rule, seen)]
    called_off = [seen.turn_of(s) for s in _by_role(rule, seen, rule.unless, 0.5)]
    forbidden = min((seen.turn_of(s) for s in seen.said(rule.without, threshold=0.5)), default=len(seen.positions) + 1)
    for signal in _by_role(rule, seen, rule.then, rule.threshold, rule.excuses):
        turn = seen.turn_of(signal)
        if turn >= forbidden:
            continue
        if rule.within_first_ms is not None and seen.positions[signal.span.utterance].start_ms > rule.within_first_ms:
            continue
        if rule.after:
            before = [t for t in triggers if t < turn and (turn - t + 1) // 2 <= rule.within_turns]
            if not before or any(before[-1] < t <= turn for t in called_off):
                continue
        yield _from_signal(rule, signal, seen, rule.status, rule.probability * signal.probability)


def _missing(rule: SequenceRule, seen: Evidenced) -> Iterator[Finding]:
    """Something that should have followed a trigger within so many turns, and did not."""
    answers = [seen.turn_of(s) for s in _by_role(rule, seen, rule.missing, 0.5)]
    for trigger in _triggers(rule, seen):
        start = seen.turn_of(trigger)
        last = start + 2 * rule.within_turns
        window = [
            p
            for turn, p in zip(seen.turns, seen.positions, strict=True)
            if p.role is rule.role and start < turn <= last
        ]
        if len(window) < 2 or any(start < answer <= last for answer in answers):
            continue
        evidence = OmissionEvidence(
            window_start_ms=seen.positions[trigger.span.utterance].end_ms, window_end_ms=window[-1].end_ms
        )
        yield _finding(rule, evidence, rule.status, rule.role)
        return


def _omitted(rule: OmissionRule, seen: Evidenced) -> Iterator[Finding]:
    spoken = sum(p.end_ms - p.start_ms for p in seen.positions if p.role is rule.role)
    if spoken < rule.at_least_ms:
        return
    start_ms = 0
    if rule.starts_with:
        starts = seen.said(rule.starts_with, threshold=0.5)
        if not starts:
            return
        start_ms = seen.positions[starts[0].span.utterance].start_ms
    end_ms = min(start_ms + rule.within_ms, seen.duration_ms)
    for signal in seen.said(rule.never_after, threshold=0.5):
        if seen.positions[signal.span.utterance].start_ms < end_ms:
            return
    for signal in _by_role(rule, seen, rule.required, 0.5):
        if seen.positions[signal.span.utterance].start_ms < end_ms:
            return
    yield _finding(rule, OmissionEvidence(window_start_ms=start_ms, window_end_ms=end_ms), rule.status, rule.role)


def _hours(rule: HoursRule, seen: Evidenced) -> Iterator[Finding]:
    """Nothing is found while the time, its offset or the debtor's zone is not known."""
    context = seen.context
    if context.started_at is None or context.started_at.utcoffset() is None or not context.customer_tz:
        return
    if any(context.facts.get(name) is True for name in rule.consent):
        return
    try:
        zone = ZoneInfo(context.customer_tz)
    except (ZoneInfoNotFoundError, ValueError):
        return
    local = context.started_at.astimezone(zone)
    ended = local + timedelta(milliseconds=seen.duration_ms)
    ended_late = ended.astimezone(zone).time() > rule.latest and local.date() == ended.date()
    if rule.earliest <= local.time() < rule.latest and not ended_late:
        return
    evidence = MetadataEvidence(
        facts={
            "local_time": local.strftime("%Y-%m-%d %H:%M"),
            "customer_tz": context.customer_tz,
            "allowed": f"{rule.earliest:%H:%M}-{rule.latest:%H:%M}",
        }
    )
    status = rule.status if rule.earliest > local.time() or local.time() >= rule.latest else FindingStatus.POSSIBLE
    yield _finding(rule, evidence, status, rule.role)


def _triggers(rule: SequenceRule, seen: Evidenced) -> list[Signal]:
    return seen.said(rule.after, threshold=0.6, excuses=rule.excuses)


def _by_role(
    rule: Rule, seen: Evidenced, keys: Iterable[str], threshold: float, excuses: frozenset[str] = EVASIVE
) -> list[Signal]:
    return [s for s in seen.said(keys, threshold=threshold, excuses=excuses) if seen.role_of(s) is rule.role]


def _from_signal(rule: Rule, signal: Signal, seen: Evidenced, status: FindingStatus, probability: float) -> Finding:
    role = seen.role_of(signal)
    unsure = role is Role.UNKNOWN or MISHEARING in signal.features
    if unsure and status is FindingStatus.VIOLATION:
        status = FindingStatus.POSSIBLE
    finding = _finding(rule, words_evidence(signal.span, seen.positions), status, role)
    return replace(finding, probability=round(probability, 4), detectors=(signal.detector,), features=signal.features)


def words_evidence(span: Span, positions: Sequence[Position]) -> WordsEvidence:
    """The words of a span with their own times, which lie inside the one utterance."""
    words = positions[span.utterance].words[span.word_start : span.word_end]
    return WordsEvidence(span=span, start_ms=words[0][0], end_ms=words[-1][1])


def _finding(rule: Rule, evidence: Evidence, status: FindingStatus, role: Role) -> Finding:
    return Finding(
        category=rule.category,
        status=status,
        severity=rule.severity,
        role=role,
        evidence=evidence,
        rule=rule.id,
        pack="",
        pack_version="",
        clauses=rule.clauses,
        reason_zh=rule.reason_zh,
        reason_en=rule.reason_en,
    )


def _signed(finding: Finding, rule: Rule, pack: Pack, context: CallContext) -> Finding:
    """The finding in the pack's name; only possible where the rule depends on a collector type that is not known."""
    status = finding.status
    if rule.collector_type is not None and context.collector_type is None and status is FindingStatus.VIOLATION:
        status = FindingStatus.POSSIBLE
    return replace(finding, status=status, pack=pack.name, pack_version=pack.version)


_STATUS_RANK = {
    FindingStatus.VIOLATION: 3,
    FindingStatus.POSSIBLE: 2,
    FindingStatus.SIGNAL: 1,
    FindingStatus.POSITIVE: 1,
}


def _weight(finding: Finding) -> tuple[int, int, float]:
    return _STATUS_RANK[finding.status], finding.severity.rank, finding.probability or 0.0


def _strongest(findings: Iterable[Finding]) -> Iterator[Finding]:
    """One finding an utterance and category: two rules that say the same of the same words are one matter to review."""
    best: dict[tuple[object, ...], Finding] = {}
    for finding in findings:
        e = finding.evidence
        place = (e.span.utterance,) if isinstance(e, WordsEvidence) else (finding.rule,)
        key = (finding.category, e.kind, *place)
        if key not in best or _weight(finding) > _weight(best[key]):
            best[key] = finding
    return iter(best.values())


def _order(finding: Finding) -> tuple[int, int, int, str]:
    start = finding.place[0] if finding.place else -1
    return (-_STATUS_RANK[finding.status], -finding.severity.rank, start, finding.rule)
