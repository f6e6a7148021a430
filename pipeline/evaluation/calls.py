"""Judged calls beside their truth: was the right call flagged, and does the evidence stand on the right turn.

Truth is a JSON file a call: `expect` (flag, categories, distress) and `turns` with speaker, seconds, text and labels.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.evaluation.groups import CONDUCT_GROUPS
from pipeline.records import (
    CallContext,
    CollectorType,
    Distress,
    Finding,
    FindingStatus,
    Judgement,
    Jurisdiction,
    ModelStamp,
    Role,
    Severity,
    Transcript,
    Utterance,
    WordsEvidence,
)
from pipeline.stages.dialogue import words_of

TOLERANCE_MS = 500
"""How far evidence may stick out of its turn."""
AUDIO_SUFFIXES = frozenset({".opus", ".ogg", ".wav", ".mp3", ".m4a", ".flac", ".amr", ".wma"})


@dataclass(frozen=True, kw_only=True, slots=True)
class TrueTurn:
    role: Role
    start_ms: int
    end_ms: int
    text: str
    labels: frozenset[str]

    @property
    def is_conduct(self) -> bool:
        """An agent's turn that is labelled as conduct that must not occur."""
        return self.role is Role.AGENT and any(label.split(".")[0] in CONDUCT_GROUPS for label in self.labels)

    def holds(self, start_ms: int, end_ms: int) -> bool:
        return self.start_ms - TOLERANCE_MS <= start_ms and end_ms <= self.end_ms + TOLERANCE_MS


@dataclass(frozen=True, kw_only=True, slots=True)
class CallTruth:
    id: str
    lang: str
    context: CallContext
    flagged: bool
    categories: frozenset[str]
    distress: Distress
    duration_ms: int
    turns: tuple[TrueTurn, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class CallScore:
    """One call: what was expected, what was found, and how evidence and labelled turns meet."""

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


def read_truth(path: Path) -> CallTruth:
    """The truth of a call from its JSON file."""
    raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    meta, expect = raw["meta"], raw["expect"]
    return CallTruth(
        id=raw["id"],
        lang=raw["lang"],
        context=CallContext(
            call_id=raw["id"],
            account_ref=meta.get("account_ref"),
            agent_id=meta.get("agent_id"),
            team=meta.get("team"),
            started_at=datetime.fromisoformat(meta["started_at"]),
            customer_tz=meta.get("customer_tz"),
            jurisdiction=Jurisdiction(meta["jurisdiction"]),
            collector_type=CollectorType(meta["collector_type"]),
            product=meta.get("product"),
            days_past_due=meta.get("days_past_due"),
            facts=meta.get("facts", {}),
        ),
        flagged=expect["flag"],
        categories=frozenset(expect["categories"]),
        distress=Distress(expect["distress"]),
        duration_ms=round(raw["duration_s"] * 1000),
        turns=tuple(
            TrueTurn(
                role=Role(turn["spk"]),
                start_ms=round(turn["start"] * 1000),
                end_ms=round(turn["end"] * 1000),
                text=turn["text"],
                labels=frozenset(turn["labels"]),
            )
            for turn in raw["turns"]
        ),
    )


def transcript_of(truth: CallTruth) -> Transcript:
    """The transcript that flawless recognition would give: the true text, its words spread evenly over each turn."""
    return Transcript(
        utterances=tuple(_utterance(index, turn, truth.lang) for index, turn in enumerate(truth.turns)),
        model=ModelStamp(name="truth", version="1"),
    )


def _utterance(index: int, turn: TrueTurn, lang: str) -> Utterance:
    return Utterance(
        index=index,
        speaker="ch0" if turn.role is Role.AGENT else "ch1",
        channel=0 if turn.role is Role.AGENT else 1,
        role=turn.role,
        lang=lang,
        words=words_of(turn.text, turn.start_ms, turn.end_ms),
    )


def score(truth: CallTruth, judgement: Judgement) -> CallScore:
    """One call's judgement beside its truth."""
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
            dict.fromkeys(
                f.category
                for f in judgement.findings
                if f.role is Role.AGENT
                and f.status in (FindingStatus.VIOLATION, FindingStatus.POSSIBLE)
                and f.severity.rank >= Severity.MEDIUM.rank
            )
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


def table(scores: Sequence[CallScore]) -> str:
    """The scores as plain text, a line a call, then the totals by language."""
    head = f"{'call':<12} {'truth':<6} {'flag':<6} {'':<3} {'distress':<18} {'turns':>7} {'findings':>9}  flagged by"
    lines = [head]
    for s in scores:
        distress = f"{s.expected_distress}>{s.distress}"
        met, on = f"{s.conduct_turns_met}/{s.conduct_turns}", f"{s.findings_on_conduct}/{s.findings}"
        right = "" if s.flag_right else "(!)"
        lines.append(
            f"{s.id:<12} {_yes(s.expected_flag):<6} {_yes(s.flagged):<6} {right:<3} {distress:<18} {met:>7} {on:>9}  "
            + ", ".join(s.flagged_by)
        )
    totals = totals_by_language(scores)
    lines.append(f"{'':<22}" + "".join(f" {lang:>14}" for lang in totals))
    for name in Totals.__slots__:
        shares = "".join(f" {_share(getattr(each, name)):>14}" for each in totals.values())
        lines.append(f"{name.replace('_', ' '):<22}{shares}")
    return "\n".join(lines)


def _share(pair: tuple[int, int]) -> str:
    found, of = pair
    return f"{found}/{of}" + (f" {found / of:.0%}" if of else "")


def _yes(value: bool) -> str:
    return "yes" if value else "no"
