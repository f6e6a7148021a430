"""What the services give to the edges: frozen values, already limited to what the actor may see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pipeline.policy.safety import ShownLine
from pipeline.records import (
    Audio,
    CallContext,
    CallOutcome,
    CallStatus,
    Damage,
    Distress,
    Finding,
    FindingStatus,
    Measures,
    Recording,
    Redaction,
    RoleAssignment,
    Severity,
    Signal,
    Stage,
    Transcript,
    WordsEvidence,
)


class Permission(StrEnum):
    """What an actor may do; which role has which stands in `services/access.py`."""

    CALLS_READ = "calls:read"
    CALLS_ORIGINAL = "calls:original"
    CALLS_WRITE = "calls:write"
    CALLS_DELETE = "calls:delete"
    ADMIN = "admin"


@dataclass(frozen=True, kw_only=True, slots=True)
class Actor:
    """Who asks. `teams` None means calls of every team."""

    name: str
    permissions: frozenset[Permission]
    teams: frozenset[str] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """Why a call failed: a stable code and a sentence for people."""

    code: str
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CategoryMark:
    """A category that a call was flagged for, with its worst status and how often."""

    category: str
    status: FindingStatus
    severity: Severity
    count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class CallSummary:
    """A line of a list.

    `marks` are the agent's flagging categories, worst first; `customer_signals` the customer's distress.* categories.
    """

    id: str
    call_id: str | None
    file: str
    recording_sha256: str
    status: CallStatus
    stage: Stage | None
    progress: float | None
    failure: Failure | None
    attempts: int
    received_at: datetime
    finished_at: datetime | None
    flagged: bool
    severity: Severity | None
    distress: Distress
    marks: tuple[CategoryMark, ...]
    customer_signals: tuple[str, ...]
    duration_ms: int | None
    damage: Damage | None
    revision: int
    context: CallContext


@dataclass(frozen=True, kw_only=True, slots=True)
class CallDetail:
    """One call whole. Until it is done the parts after `recording` are None or empty.

    `transcript` holds redacted words (each redacted stretch is one word such as "[phone]") unless `original`.
    """

    summary: CallSummary
    recording: Recording
    audio: Audio | None = None
    transcript: Transcript | None = None
    roles: RoleAssignment | None = None
    findings: tuple[Finding, ...] = ()
    redactions: tuple[Redaction, ...] = ()
    measures: Measures | None = None
    pack: str | None = None
    pack_version: str | None = None
    original: bool = False
    outcomes: tuple[CallOutcome, ...] = ()
    """How the call went. Of a step's place only the utterance may be used: its words count unredacted ones."""
    safety: ShownLine | None = None
    """Whom a person in danger may be told to call; None unless the call's distress is critical."""
    signals: tuple[Signal, ...] = ()
    """What detectors claimed, counted in the words of `transcript`."""

    def signal_of(self, finding: Finding) -> Signal | None:
        """The claim that a finding rests on; None for one of metadata, or of something that was not said."""
        if not isinstance(finding.evidence, WordsEvidence):
            return None
        span = finding.evidence.span
        claims = [s for s in self.signals if (s.category, s.span.utterance) == (finding.category, span.utterance)]
        return max(claims, key=lambda signal: signal.span == span, default=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class CallFilter:
    """All given conditions hold together; None or empty means any."""

    statuses: frozenset[CallStatus] = frozenset()
    flagged: bool | None = None
    severities: frozenset[Severity] = frozenset()
    distress: frozenset[Distress] = frozenset()
    categories: frozenset[str] = frozenset()
    teams: frozenset[str] = frozenset()
    agents: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()
    started_from: datetime | None = None
    started_to: datetime | None = None


class CallSort(StrEnum):
    """`worst` is the order of the queue: critical distress, then severity, then the oldest first."""

    NEWEST = "newest"
    OLDEST = "oldest"
    WORST = "worst"


@dataclass(frozen=True, kw_only=True, slots=True)
class CallPage:
    calls: tuple[CallSummary, ...]
    total: int
    next_cursor: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueCounts:
    """Numbers for the filter chips of the queue, within what the actor may see."""

    all_calls: int
    by_status: Mapping[str, int]
    flagged: int
    by_severity: Mapping[str, int]
    by_group: Mapping[str, int]
    distress_present: int
    distress_critical: int


class Outcome(StrEnum):
    """What intake did with one file."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    UPDATED = "updated"
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True, slots=True)
class BadRow:
    """A row of a dialler's export that was not taken, and why; the header is row 1."""

    number: int
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Imported:
    """What an import of call records did; `flagged` of these are calls without a recording that were flagged."""

    accepted: int
    updated: int
    duplicates: int
    bad_rows: tuple[BadRow, ...]
    flagged: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """A call that the dialler told of and that has no recording, with what its account's timeline finds of it."""

    id: str
    call_id: str | None
    file: str | None
    context: CallContext
    flagged: bool
    severity: Severity | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class IntakeResult:
    """`id` is the call; for a duplicate the call that was there, and `same_as` the name it came under first."""

    file: str
    outcome: Outcome
    id: str | None
    recording_sha256: str | None
    same_as: str | None = None
    failure: Failure | None = None
