"""What was found in a call, as the page shows it: numbered, grouped, in the reader's language.

Knows no HTML. The number given here ties a finding's words, its region on the waves and its card together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlencode

from pipeline.policy.categories import CRITICAL_DISTRESS, PRESENT_DISTRESS
from pipeline.policy.citations import UNKNOWN
from pipeline.records import (
    Citation,
    Finding,
    FindingStatus,
    MetadataEvidence,
    OmissionEvidence,
    Role,
    Signal,
    Transcript,
    WordsEvidence,
)
from review_ui.language import Words
from review_ui.reader import clock
from review_ui.reasons_view import ReasonsView, reasons_view


class Group(StrEnum):
    """The parts of the list, in the order in which they stand on the page."""

    COLLECTOR = "collector"
    DISTRESS = "distress"
    REQUESTS = "requests"
    SIGNALS = "signals"
    POSITIVES = "positives"


_FOLDED = frozenset({Group.SIGNALS, Group.POSITIVES})


@dataclass(frozen=True, kw_only=True, slots=True)
class ClauseView:
    cite: str
    paraphrase: str
    status: str
    status_name: str
    source: str
    effective: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RelatedCall:
    """Another call; `href` is empty for one that has no recording and so no page."""

    id: str
    href: str


@dataclass(frozen=True, kw_only=True, slots=True)
class FindingView:
    """One card. `tone` is the class that colours it; a finding without a place has no times and no region."""

    number: int
    group: Group
    tone: str
    category: str
    severity: str
    status: str
    status_name: str
    possible: bool
    unlikely: bool
    """Less likely than not, beside others of its group: folded below them, and drawn faintly."""
    role: Role
    start_ms: int | None
    end_ms: int | None
    at: str
    quote: str
    quote_lang: str
    reason: str
    omission: str
    facts: tuple[tuple[str, str], ...]
    calls: tuple[RelatedCall, ...]
    probability: str
    detectors: str
    rule: str
    pack: str
    pack_whole: str
    features: tuple[str, ...]
    clauses: tuple[ClauseView, ...]
    clauses_as: int
    """The number of an earlier finding with these very clauses, which are then not said again; else 0."""
    clip_href: str
    why_href: str
    """Where the trace of its rule stands; empty for a dialogue that is no call."""
    span: tuple[int, int, int] | None
    """Utterance, first word, word after the last: None without words."""
    reasons: ReasonsView | None
    """What the detectors said of it; None where only a rule speaks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FindingGroup:
    group: Group
    title: str
    note: str
    folded: bool
    findings: tuple[FindingView, ...]
    unlikely: tuple[FindingView, ...] = ()
    """What is folded below the others, because it is less likely than not."""

    @property
    def count(self) -> int:
        return len(self.findings) + len(self.unlikely)


def group_of(finding: Finding) -> Group:
    """Where a finding stands. What a customer says never stands among what a collector did."""
    if finding.status is FindingStatus.POSITIVE:
        return Group.POSITIVES
    if finding.category.startswith("distress."):
        counted = finding.category in CRITICAL_DISTRESS | PRESENT_DISTRESS
        return Group.DISTRESS if counted else Group.REQUESTS
    return Group.SIGNALS if finding.status is FindingStatus.SIGNAL else Group.COLLECTOR


def tone_of(finding: Finding) -> str:
    """The class that colours it: the severities are for what a collector did, distress has a hue of its own."""
    group = group_of(finding)
    if group is Group.COLLECTOR:
        return finding.severity.value
    return {Group.DISTRESS: "distress", Group.REQUESTS: "distress", Group.POSITIVES: "good"}.get(group, "low")


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """Group by group, worst first; what is certain before what is possible, then in the order of the call.

    What is less likely than not comes last in its group.
    """
    return sorted(findings, key=_order)


def _order(finding: Finding) -> tuple[int, bool, int, int, float, int]:
    place = _place(finding)
    return (
        list(Group).index(group_of(finding)),
        finding.unlikely,
        -finding.severity.rank,
        int(finding.status is FindingStatus.POSSIBLE),
        -(finding.probability or 0.0),
        place[0] if place else 0,
    )


def worst_second(findings: Iterable[FindingView]) -> FindingView | None:
    """Where the page opens: the first of the collector's findings with a place, else distress, else nothing."""
    placed = [f for f in findings if f.start_ms is not None]
    critical = [f for f in placed if f.group is Group.DISTRESS and f.severity == "critical"]
    serious = [f for f in placed if f.group in (Group.COLLECTOR, Group.DISTRESS, Group.REQUESTS)]
    return next(iter([*critical, *serious]), None)


def short_pack(pack: str, version: str) -> str:
    """A policy by its name and version, without the digest that tells its exact content."""
    return f"{pack} {version.partition('+')[0]}".strip()


def finding_views(
    findings: Iterable[Finding],
    transcript: Transcript | None,
    words: Words,
    *,
    call: str,
    original: bool,
    signal_of: Callable[[Finding], Signal | None] = lambda _: None,
) -> tuple[FindingView, ...]:
    """All findings of a call, numbered from 1 in the order in which the page lists them."""
    listed = ordered(findings)
    # A fold with nothing above it would hide all that there is to review.
    likely = {group_of(finding) for finding in listed if not finding.unlikely}
    told: dict[tuple[Citation, ...], int] = {}
    return tuple(
        _view(
            number,
            finding,
            transcript,
            words,
            told.setdefault(finding.clauses, number),
            reasons_view(signal_of(finding), transcript, words, call=call),
            unlikely=finding.unlikely and group_of(finding) in likely,
            call=call,
            original=original,
        )
        for number, finding in enumerate(listed, 1)
    )


def finding_groups(views: Iterable[FindingView], words: Words) -> tuple[FindingGroup, ...]:
    """The views by group; the collector's group is there even when empty, because an empty list has to say so."""
    listed = list(views)
    return tuple(
        FindingGroup(
            group=group,
            title=words(f"findings.{group}"),
            note=words(f"findings.{group}.note"),
            folded=group in _FOLDED,
            findings=tuple(v for v in members if not v.unlikely),
            unlikely=tuple(v for v in members if v.unlikely),
        )
        for group in Group
        if (members := [v for v in listed if v.group is group]) or group is Group.COLLECTOR
    )


def _view(
    number: int,
    finding: Finding,
    transcript: Transcript | None,
    words: Words,
    told: int,
    reasons: ReasonsView | None,
    *,
    unlikely: bool,
    call: str,
    original: bool,
) -> FindingView:
    evidence = finding.evidence
    place = _place(finding)
    quote, lang, span = _quote(finding, transcript)
    related = evidence.calls if isinstance(evidence, MetadataEvidence) else ()
    return FindingView(
        number=number,
        group=group_of(finding),
        tone=tone_of(finding),
        category=words.category(finding.category),
        severity=finding.severity.value,
        status=finding.status.value,
        status_name=words(f"status.{finding.status}"),
        possible=finding.status is FindingStatus.POSSIBLE,
        unlikely=unlikely,
        role=finding.role,
        start_ms=place[0] if place else None,
        end_ms=place[1] if place else None,
        at=clock(place[0], tenths=True) if place else "",
        quote=words("quote", text=words.readable(quote)) if quote else "",
        quote_lang=lang,
        reason=words.pick(finding.reason_zh, finding.reason_en),
        omission=_omission(evidence, words) if isinstance(evidence, OmissionEvidence) else "",
        facts=_facts(evidence, words) if isinstance(evidence, MetadataEvidence) else (),
        calls=tuple(_related(other) for other in related),
        probability="" if finding.probability is None else f"{finding.probability:.2f}",
        detectors=_detectors(finding, words),
        rule=finding.rule,
        pack=short_pack(finding.pack, finding.pack_version),
        pack_whole=f"{finding.pack} {finding.pack_version}",
        features=tuple(words.named("feature", name) for name in finding.features),
        clauses=tuple(clause_view(clause, words) for clause in finding.clauses) if told == number else (),
        clauses_as=told if told != number and finding.clauses else 0,
        clip_href=_clip(call, place, original=original) if isinstance(evidence, WordsEvidence) else "",
        why_href=f"/calls/{call}/why?{urlencode({'rule': finding.rule})}" if call else "",
        span=span,
        reasons=reasons,
    )


def _detectors(finding: Finding, words: Words) -> str:
    """Who claimed it; several that agreed come joined by a plus sign."""
    names = dict.fromkeys(name for joined in finding.detectors for name in joined.split("+"))
    return words("join.and").join(words.named("detector", name) for name in names)


def _place(finding: Finding) -> tuple[int, int] | None:
    evidence = finding.evidence
    if isinstance(evidence, WordsEvidence):
        return evidence.start_ms, evidence.end_ms
    if isinstance(evidence, OmissionEvidence):
        return evidence.window_start_ms, evidence.window_end_ms
    return None


def _quote(finding: Finding, transcript: Transcript | None) -> tuple[str, str, tuple[int, int, int] | None]:
    if transcript is None or not isinstance(finding.evidence, WordsEvidence):
        return "", "", None
    span = finding.evidence.span
    utterance = next((u for u in transcript.utterances if u.index == span.utterance), None)
    if utterance is None:
        return "", "", None
    place = (span.utterance, span.word_start, span.word_end)
    return utterance.quote(span.word_start, span.word_end), utterance.lang, place


def _related(id: str) -> RelatedCall:
    return RelatedCall(id=id, href=f"/calls/{id}" if id.startswith("c") else "")


def _omission(evidence: OmissionEvidence, words: Words) -> str:
    return words("finding.omission", start=clock(evidence.window_start_ms), end=clock(evidence.window_end_ms))


def _facts(evidence: MetadataEvidence, words: Words) -> tuple[tuple[str, str], ...]:
    return tuple(
        (words.named("fact", name), words(f"policy.{value}") if value in ("true", "false") else value)
        for name, value in evidence.facts.items()
    )


def clause_view(clause: Citation, words: Words) -> ClauseView:
    """A clause in the reader's language, with how well it was verified."""
    return ClauseView(
        cite=words("clause.house") if clause.status == "house" else clause.cite,
        paraphrase=words.pick(clause.paraphrase_zh, clause.paraphrase_en),
        status=clause.status,
        status_name=words(f"clause.{clause.status}"),
        source=words("clause.source", source=clause.source) if clause.source else "",
        effective=_effective(clause, words),
    )


def _effective(clause: Citation, words: Words) -> str:
    """Since when, or until when it holds; nothing where nobody read it."""
    parts = [words("clause.from", day=clause.effective_from)] if clause.effective_from != UNKNOWN else []
    if clause.effective_until:
        parts.append(words("clause.until", day=clause.effective_until))
    return words("join.list").join(parts)


_CLIP_MARGIN_MS = 1_000
"""What a clip holds before and after the words, so that they are heard in their breath."""


def _clip(call: str, place: tuple[int, int] | None, *, original: bool) -> str:
    if place is None:
        return ""
    start, end = max(0, place[0] - _CLIP_MARGIN_MS), place[1] + _CLIP_MARGIN_MS
    suffix = "&original=true" if original else ""
    return f"/api/v1/calls/{call}/clip?start_ms={start}&end_ms={end}{suffix}"
