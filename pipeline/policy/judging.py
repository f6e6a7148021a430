"""Applies a pack's rules to the signals of a call. Never sees text, clock or database.

The same signals under the same pack always give the same findings. `judge` is the entry; `trace` tells of every rule
what its conditions saw.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pipeline.policy.categories import CRITICAL_DISTRESS, distress_of
from pipeline.policy.conditions import holds
from pipeline.policy.evaluating import Answer, Evidenced, Position, answer
from pipeline.policy.features import MISHEARING, UNSURE
from pipeline.policy.outcomes import outcomes_of
from pipeline.policy.registry import Pack
from pipeline.policy.rules import Rule
from pipeline.records import (
    EVEN,
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

__all__ = ["Position", "RuleTrace", "flags", "judge", "judgement_of", "trace", "words_evidence"]


def judge(
    pack: Pack, *, positions: Sequence[Position], signals: Sequence[Signal], context: CallContext, duration_ms: int
) -> Judgement:
    """Every finding of a call under a pack, worst first, and whether it is flagged."""
    seen = Evidenced(positions=positions, signals=signals, context=context, duration_ms=duration_ms)
    present = frozenset(signal.category for signal in signals)
    found = [
        _signed(finding, rule, pack, context)
        for rule in pack.rules_for(present)
        if _applies(rule, context)
        for finding in _findings(rule, answer(rule.conditions, seen), seen)
    ]
    findings = tuple(sorted(_strongest(found), key=_order))
    return replace(judgement_of(findings, pack), outcomes=outcomes_of(pack.patterns, seen))


def judgement_of(findings: Sequence[Finding], pack: Pack) -> Judgement:
    """What findings add up to under a pack's threshold.

    A call is also flagged when no possible finding suffices and it is as probable that one of the two surest, of
    different turns, holds: two that are each likelier than not are hardly both mistakes. Only two, since every call has
    many little doubts when it is long enough. Its severity is then that of the surest.
    """
    flagging = [f for f in findings if flags(f, flag_possible_over=pack.flag_possible_over)]
    if not flagging:
        surest = sorted(_surest_by_turn(findings), key=_sure, reverse=True)[:2]
        if 1.0 - math.prod(1.0 - _sure(f) for f in surest) > pack.flag_possible_over:
            flagging = surest[:1]
    return Judgement(
        findings=tuple(findings),
        flagged=bool(flagging),
        severity=max((f.severity for f in flagging), key=lambda s: s.rank, default=None),
        distress=distress_of(f.category for f in findings if _counts_as_distress(f)),
        pack=pack.name,
        pack_version=pack.version,
    )


def flags(finding: Finding, *, flag_possible_over: float) -> bool:
    """Whether a finding alone puts its call into the queue."""
    if not _weighs(finding):
        return False
    if finding.status is FindingStatus.POSSIBLE:
        return finding.probability is not None and finding.probability > flag_possible_over
    return finding.status is FindingStatus.VIOLATION


def _weighs(finding: Finding) -> bool:
    return finding.role is Role.AGENT and finding.severity.rank >= Severity.MEDIUM.rank


def _surest_by_turn(findings: Iterable[Finding]) -> list[Finding]:
    """The possible findings that weigh, one a turn: what is found in the same words does not add up."""
    surest: dict[int, Finding] = {}
    for finding in findings:
        words = finding.evidence
        if isinstance(words, WordsEvidence) and finding.status is FindingStatus.POSSIBLE and _weighs(finding):
            turn = words.span.utterance
            surest[turn] = max(surest.get(turn, finding), finding, key=_sure)
    return list(surest.values())


def _sure(finding: Finding) -> float:
    return finding.probability or 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleTrace:
    """What one rule made of a call. `excused_by` names the fact that made lawful what was said."""

    rule: Rule
    applies: bool
    holds: bool
    answers: Mapping[str, Answer]
    findings: tuple[Finding, ...]
    excused_by: str = ""


def trace(
    pack: Pack, *, positions: Sequence[Position], signals: Sequence[Signal], context: CallContext, duration_ms: int
) -> tuple[RuleTrace, ...]:
    """Every rule of the pack in its order, condition by condition, with the signals that did not count and why."""
    seen = Evidenced(positions=positions, signals=signals, context=context, duration_ms=duration_ms)
    traces = []
    for rule in pack.rules:
        answers = answer(rule.conditions, seen, traced=True)
        applies = _applies(rule, context)
        findings = tuple(_signed(f, rule, pack, context) for f in _findings(rule, answers, seen)) if applies else ()
        lawful = (name for name in (rule.truth.lawful_if if rule.truth else ()) if context.facts.get(name) is True)
        traces.append(
            RuleTrace(
                rule=rule,
                applies=applies,
                holds=_holds(rule, answers),
                answers=answers,
                findings=findings,
                excused_by=next(lawful, ""),
            )
        )
    return tuple(traces)


def _applies(rule: Rule, context: CallContext) -> bool:
    return rule.collector_type is None or context.collector_type in (None, rule.collector_type)


def _holds(rule: Rule, answers: Mapping[str, Answer]) -> bool:
    return holds(rule.when, {name: given.met for name, given in answers.items()})


def _findings(rule: Rule, answers: Mapping[str, Answer], seen: Evidenced) -> Iterator[Finding]:
    """A finding for each hit, each window in which something was missing, or what the metadata say."""
    evidence = answers[rule.evidence]
    status = rule.truth.status(seen.context.facts) if rule.truth is not None else rule.status
    if status is None or not evidence.met or not _holds(rule, answers):
        return
    found_in: tuple[Signal | OmissionEvidence, ...] = (*evidence.hits, *evidence.windows)
    for hit, rests_on in zip(found_in, evidence.rests_on, strict=True):
        if isinstance(hit, Signal):
            yield _from_signal(rule, hit, seen, status, rests_on)
            continue
        found = _finding(rule, hit, status, rule.role)
        unlikely = rests_on < EVEN
        yield replace(found, status=FindingStatus.POSSIBLE, probability=rests_on) if unlikely else found
    if evidence.facts:
        status = FindingStatus.POSSIBLE if evidence.at_the_edge else status
        yield _finding(rule, MetadataEvidence(facts=dict(evidence.facts)), status, rule.role)


def _counts_as_distress(finding: Finding) -> bool:
    """A customer's signal; doubt about who spoke is resolved towards safety for self-harm only."""
    unknown_is_enough = finding.category in CRITICAL_DISTRESS
    return finding.role is Role.CUSTOMER or (unknown_is_enough and finding.role is Role.UNKNOWN)


def _from_signal(rule: Rule, signal: Signal, seen: Evidenced, status: FindingStatus, rests_on: float) -> Finding:
    """What was said; it is no surer than what it has to follow, whose probability is `rests_on`."""
    role = seen.role_of(signal)
    unsure = role is Role.UNKNOWN or not {MISHEARING, UNSURE}.isdisjoint(signal.features)
    improbable = UNSURE in signal.features and signal.probability < EVEN and rule.category not in CRITICAL_DISTRESS
    improbable = improbable or rests_on < EVEN
    if (unsure and status is FindingStatus.VIOLATION) or improbable:
        status = FindingStatus.POSSIBLE
    finding = _finding(rule, words_evidence(signal.span, seen.positions), status, role)
    probability = round(rule.probability * min(signal.probability, rests_on), 4)
    return replace(finding, probability=probability, detectors=(signal.detector,), features=signal.features)


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


def _order(finding: Finding) -> tuple[int, bool, int, int, str]:
    start = finding.place[0] if finding.place else -1
    return (-_STATUS_RANK[finding.status], finding.unlikely, -finding.severity.rank, start, finding.rule)
