"""Judged calls beside their truth: was the right call flagged, and does the evidence stand on the right turn."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.evaluation.truth import CallTruth
from pipeline.policy.judging import flags
from pipeline.records import Distress, Finding, FindingStatus, Judgement, Role, WordsEvidence


@dataclass(frozen=True, kw_only=True, slots=True)
class CallScore:
    """One call: what was expected, what was found, and how evidence and labelled turns meet.

    `flagged_by` names what flags the call by itself: nothing where two findings that are only possible do it together.
    """

    id: str
    lang: str
    expected_flag: bool
    flagged: bool
    expected_distress: Distress
    distress: Distress
    conduct_turns: int
    conduct_turns_met: int
    findings: int
    findings_on_conduct: int
    findings_on_category: int
    flagged_by: tuple[str, ...]

    @property
    def flag_right(self) -> bool:
        return self.flagged == self.expected_flag


@dataclass(frozen=True, kw_only=True, slots=True)
class Totals:
    """Sums over calls; pairs are (found, of)."""

    flag_right: tuple[int, int]
    violating_flagged: tuple[int, int]
    clean_flagged: tuple[int, int]
    critical_found: tuple[int, int]
    distress_found: tuple[int, int]
    conduct_turns_met: tuple[int, int]
    findings_on_conduct: tuple[int, int]
    findings_on_category: tuple[int, int]


def score(truth: CallTruth, judgement: Judgement, *, flag_possible_over: float) -> CallScore:
    """One call's judgement beside its truth; `flag_possible_over` is that of the pack that judged."""
    spoken = [f for f in judgement.findings if _is_conduct(f)]
    places = [(f.category, *place) for f in spoken if (place := f.place) is not None]
    conduct = [turn for turn in truth.turns if turn.is_conduct]
    return CallScore(
        id=truth.id,
        lang=truth.lang,
        expected_flag=truth.flagged,
        flagged=judgement.flagged,
        expected_distress=truth.distress,
        distress=judgement.distress,
        conduct_turns=len(conduct),
        conduct_turns_met=sum(any(turn.holds(s, e) for _, s, e in places) for turn in conduct),
        findings=len(places),
        findings_on_conduct=sum(any(turn.holds(s, e) for turn in conduct) for _, s, e in places),
        findings_on_category=sum(any(c in turn.labels and turn.holds(s, e) for turn in conduct) for c, s, e in places),
        flagged_by=tuple(
            dict.fromkeys(f.category for f in judgement.findings if flags(f, flag_possible_over=flag_possible_over))
        ),
    )


def _is_conduct(finding: Finding) -> bool:
    """An agent's violation, certain or possible, that rests on words."""
    return (
        finding.role is Role.AGENT
        and finding.status in (FindingStatus.VIOLATION, FindingStatus.POSSIBLE)
        and isinstance(finding.evidence, WordsEvidence)
    )


def total(scores: Iterable[CallScore]) -> Totals:
    scores = tuple(scores)
    violating = [s for s in scores if s.expected_flag]
    clean = [s for s in scores if not s.expected_flag]
    critical = [s for s in scores if s.expected_distress is Distress.CRITICAL]
    distressed = [s for s in scores if s.expected_distress is not Distress.NONE]
    findings = sum(s.findings for s in scores)
    return Totals(
        flag_right=(sum(s.flag_right for s in scores), len(scores)),
        violating_flagged=(sum(s.flagged for s in violating), len(violating)),
        clean_flagged=(sum(s.flagged for s in clean), len(clean)),
        critical_found=(sum(s.distress is Distress.CRITICAL for s in critical), len(critical)),
        distress_found=(sum(s.distress is not Distress.NONE for s in distressed), len(distressed)),
        conduct_turns_met=(sum(s.conduct_turns_met for s in scores), sum(s.conduct_turns for s in scores)),
        findings_on_conduct=(sum(s.findings_on_conduct for s in scores), findings),
        findings_on_category=(sum(s.findings_on_category for s in scores), findings),
    )


def totals_by_language(scores: Iterable[CallScore]) -> dict[str, Totals]:
    """The totals of each language, and of "all" together."""
    scores = tuple(scores)
    languages = sorted({s.lang for s in scores}, reverse=True)
    return {lang: total(s for s in scores if s.lang == lang) for lang in languages} | {"all": total(scores)}
