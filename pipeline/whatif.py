"""What a candidate policy would change over calls that were judged already: findings added, removed, changed.

Works on stored transcripts, sounds and signals; reads no audio and writes nothing. Knows no database: who asks brings
the calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from models.weights import TEXT_MODEL
from pipeline.policy.registry import Registry
from pipeline.policy.sounds import without_customer_voice
from pipeline.records import (
    CallRecord,
    Finding,
    FindingStatus,
    Judgement,
    Role,
    Severity,
    Signal,
    UtteranceSound,
    WordsEvidence,
)
from pipeline.stages.detect import Detect, build_rule_detectors
from pipeline.stages.fusion import calibrated
from pipeline.stages.judge import Judge
from pipeline.stages.text_detector import RecalledText

REVIEW_MINUTES = 2.0
"""What a reviewer needs for a flagged call; the review pages are made for that."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Counted:
    """How many findings came, went and changed their status or severity."""

    added: int = 0
    removed: int = 0
    changed: int = 0
    kept: int = 0

    def __add__(self, other: Counted) -> Counted:
        return Counted(
            added=self.added + other.added,
            removed=self.removed + other.removed,
            changed=self.changed + other.changed,
            kept=self.kept + other.kept,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class FindingChange:
    """One finding that is not the same under the candidate; `before` or `after` is None where it is only in one."""

    call: str
    before: Finding | None
    after: Finding | None

    @property
    def category(self) -> str:
        finding = self.after or self.before
        return finding.category if finding else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class WhatIf:
    """The candidate beside what stands, over `calls` calls. Hours are those of review; examples, the worst first."""

    pack: str
    pack_version: str
    calls: int = 0
    by_category: Mapping[str, Counted] = field(default_factory=dict)
    by_team: Mapping[str, Counted] = field(default_factory=dict)
    flagged_before: int = 0
    flagged_after: int = 0
    newly_flagged: tuple[str, ...] = ()
    no_longer_flagged: tuple[str, ...] = ()
    examples: tuple[FindingChange, ...] = ()

    @property
    def total(self) -> Counted:
        return sum(self.by_category.values(), Counted())

    @property
    def hours_before(self) -> float:
        return self.flagged_before * REVIEW_MINUTES / 60

    @property
    def hours_after(self) -> float:
        return self.flagged_after * REVIEW_MINUTES / 60


class Rejudge:
    """Judges stored calls again under a registry; detects again only where the lexicon is another one.

    Where the registry's pack has the customer's voice switched off, what was measured of it is not looked at.
    """

    def __init__(self, registry: Registry, text_dir: Path = TEXT_MODEL) -> None:
        self._text_dir = text_dir
        self._detectors = build_rule_detectors(registry)
        self._judge = Judge(registry)
        self._mine = {d.stamp.name: d.stamp.version for d in self._detectors}

    def __call__(self, record: CallRecord) -> Judgement:
        """The call under the registry's pack of its jurisdiction."""
        signals, sounds = record.signals, record.sounds
        if not self._judge.registry.pack_for(record.context).customer_voice:
            sounds = without_customer_voice(record.transcript, sounds)
        if sounds != record.sounds or not self._made_by_the_same(record):
            signals = self._detected(record, sounds)
        return self._judge(
            transcript=record.transcript,
            signals=signals,
            context=record.context,
            duration_ms=record.audio.duration_ms,
        )

    def _detected(self, record: CallRecord, sounds: Sequence[UtteranceSound]) -> tuple[Signal, ...]:
        """With these packs' lexicons and what the text model had said, if one had been asked."""
        recalled = RecalledText(record.signals)
        if recalled.stamp.version:
            detect = Detect((*self._detectors, recalled), calibrated(self._text_dir, lexicon=True))
        else:
            detect = Detect(self._detectors)
        return detect(record.transcript, sounds)

    def _made_by_the_same(self, record: CallRecord) -> bool:
        """Whether every signal carries the version of a detector of ours; a call without signals tells nothing."""
        made = {(s.model.name, s.model.version) for s in record.signals if s.model.name in self._mine}
        return bool(made) and all(self._mine[name] == version for name, version in made)


MAX_EXAMPLES = 60
MAX_CALLS = 500
"""How many calls a report names; it counts them all."""


class Comparison:
    """Takes calls with the judgement that stands and the candidate's, one after the other; `report` sums them up."""

    def __init__(self, pack: str, pack_version: str) -> None:
        self._report = WhatIf(pack=pack, pack_version=pack_version)
        self._categories: dict[str, Counted] = {}
        self._teams: dict[str, Counted] = {}
        self._newly: list[str] = []
        self._no_longer: list[str] = []
        self._examples: list[FindingChange] = []
        self._calls = self._before = self._after = 0

    def add(self, call: str, team: str | None, before: Judgement, after: Judgement) -> None:
        self._calls += 1
        self._before += before.flagged
        self._after += after.flagged
        if after.flagged and not before.flagged:
            self._newly.append(call)
        if before.flagged and not after.flagged:
            self._no_longer.append(call)
        for change in compared(call, before.findings, after.findings):
            counted = _counted(change)
            key = change.category
            self._categories[key] = self._categories.get(key, Counted()) + counted
            self._teams[team or ""] = self._teams.get(team or "", Counted()) + counted
            if not counted.kept:
                self._examples.append(change)
        if len(self._examples) > 20 * MAX_EXAMPLES:
            self._examples = sorted(self._examples, key=_weight)[:MAX_EXAMPLES]

    def report(self) -> WhatIf:
        """What was added so far."""
        return replace(
            self._report,
            calls=self._calls,
            by_category=dict(sorted(self._categories.items())),
            by_team=dict(sorted(self._teams.items())),
            flagged_before=self._before,
            flagged_after=self._after,
            newly_flagged=tuple(self._newly[:MAX_CALLS]),
            no_longer_flagged=tuple(self._no_longer[:MAX_CALLS]),
            examples=tuple(sorted(self._examples, key=_weight)[:MAX_EXAMPLES]),
        )


def compared(call: str, before: Iterable[Finding], after: Iterable[Finding]) -> Iterable[FindingChange]:
    """Findings matched by identity: equal category and kind of evidence, and spans that overlap by half."""
    left = list(before)
    for finding in after:
        match = next((old for old in left if same_matter(old, finding)), None)
        if match is not None:
            left.remove(match)
        yield FindingChange(call=call, before=match, after=finding)
    for old in left:
        yield FindingChange(call=call, before=old, after=None)


def same_matter(one: Finding, other: Finding) -> bool:
    """Whether two findings of one call are about the same thing."""
    if (one.category, one.role, one.evidence.kind) != (other.category, other.role, other.evidence.kind):
        return False
    a, b = one.evidence, other.evidence
    if not (isinstance(a, WordsEvidence) and isinstance(b, WordsEvidence)):
        return True
    if a.span.utterance != b.span.utterance:
        return False
    shared = min(a.span.word_end, b.span.word_end) - max(a.span.word_start, b.span.word_start)
    shorter = min(a.span.word_end - a.span.word_start, b.span.word_end - b.span.word_start)
    return shared * 2 >= shorter


def _counted(change: FindingChange) -> Counted:
    old, new = change.before, change.after
    if old is None:
        return Counted(added=1)
    if new is None:
        return Counted(removed=1)
    same = (old.status, old.severity) == (new.status, new.severity)
    return Counted(kept=1) if same else Counted(changed=1)


_CERTAIN = (FindingStatus.VIOLATION, FindingStatus.POSSIBLE)


def _weight(change: FindingChange) -> tuple[int, int, str]:
    """Worst first: what is said of collectors before all else."""
    finding = change.after or change.before
    severity = finding.severity if finding else Severity.INFO
    of_agent = finding is not None and finding.role is Role.AGENT and finding.status in _CERTAIN
    return (not of_agent, -severity.rank, change.call)
