"""The values that flow through Forbear: frozen, keyword-only, times in whole milliseconds and half-open.

Knows no storage, no HTTP and no model. `pipeline.encoding` makes JSON of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal


class Role(StrEnum):
    AGENT = "agent"
    CUSTOMER = "customer"
    UNKNOWN = "unknown"


class Severity(StrEnum):
    """Worst first; `rank` grows with severity."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        return ("info", "low", "medium", "high", "critical").index(self.value)


class FindingStatus(StrEnum):
    VIOLATION = "violation"
    POSSIBLE = "possible"
    SIGNAL = "signal"
    POSITIVE = "positive"


class Distress(StrEnum):
    NONE = "none"
    PRESENT = "present"
    CRITICAL = "critical"


class CallStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Stage(StrEnum):
    """The stages of one call, in order."""

    DECODE = "decode"
    SEPARATE = "separate"
    TRANSCRIBE = "transcribe"
    ROLES = "roles"
    HEAR = "hear"
    DETECT = "detect"
    JUDGE = "judge"
    REDACT = "redact"
    STORE = "store"


class Jurisdiction(StrEnum):
    CN = "CN"
    TW = "TW"
    US = "US"
    UK = "UK"
    HK = "HK"


class CollectorType(StrEnum):
    FIRST_PARTY = "first_party"
    THIRD_PARTY = "third_party"


class Direction(StrEnum):
    OUTBOUND = "outbound"
    INBOUND = "inbound"


class Channels(StrEnum):
    """Which channel holds whom, as the source system says."""

    AGENT_LEFT = "agent-left"
    AGENT_RIGHT = "agent-right"
    MONO = "mono"


# --- what came in -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Recording:
    """The bytes as received. `audio_format` names a headerless encoding ("mulaw/8000/1"), else None."""

    sha256: str
    media_type: str
    size_bytes: int
    audio_format: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CallContext:
    """What the source system says about a call; `number_hash` is keyed, the number itself is never kept."""

    call_id: str | None = None
    account_ref: str | None = None
    party_ref: str | None = None
    debt_ref: str | None = None
    number_hash: str | None = None
    agent_id: str | None = None
    team: str | None = None
    direction: Direction | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    customer_tz: str | None = None
    jurisdiction: Jurisdiction | None = None
    collector_type: CollectorType | None = None
    product: str | None = None
    days_past_due: int | None = None
    outcome: str | None = None
    channels: Channels | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


# --- audio ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Damage:
    """The file promised `expected_ms` (None when it promised nothing) and `decoded_ms` could be decoded."""

    decoded_ms: int
    expected_ms: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Audio:
    """What decode made: a derived FLAC (all channels, native rate) under `digest`, its peaks under `peaks_digest`."""

    digest: str
    peaks_digest: str
    duration_ms: int
    channels: int
    sample_rate_hz: int
    codec: str
    damage: Damage | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelStamp:
    """Which model said it: enough to get the same answer again."""

    name: str
    version: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """A stretch in which one speaker talks. `speaker` is "ch0", "ch1" for channels, "v0", "v1" for separated voices."""

    speaker: str
    channel: int
    start_ms: int
    end_ms: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Separation:
    """Who talks when, before anybody has a role. `confidence` is 1.0 for real channels."""

    method: Literal["channels", "voices", "single"]
    turns: tuple[Turn, ...]
    confidence: float
    model: ModelStamp


# --- words ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Word:
    """`text` keeps its leading space where the language writes one, so words join into the utterance by themselves."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Utterance:
    """What one speaker said in one breath. `lang` is "zh" or "en"; `index` is its place in the transcript."""

    index: int
    speaker: str
    channel: int
    role: Role
    lang: str
    words: tuple[Word, ...]

    @property
    def text(self) -> str:
        return "".join(w.text for w in self.words).strip()

    @property
    def start_ms(self) -> int:
        return self.words[0].start_ms

    @property
    def end_ms(self) -> int:
        return self.words[-1].end_ms

    def quote(self, word_start: int, word_end: int) -> str:
        """The text of words [word_start, word_end)."""
        return "".join(w.text for w in self.words[word_start:word_end]).strip()


@dataclass(frozen=True, kw_only=True, slots=True)
class Transcript:
    """Utterances in order of their start; every utterance has at least one word."""

    utterances: tuple[Utterance, ...]
    model: ModelStamp


@dataclass(frozen=True, kw_only=True, slots=True)
class UtteranceSound:
    """How one utterance was spoken: measures, never an inferred emotion.

    `talk_over_ms` is how long it runs over another speaker who had begun before; `rate` is Chinese characters and
    English words a second, `rate_ratio` that rate beside the speaker's own median, `loudness_db` the level above the
    speaker's own median. `interrupts`: it begins over another speaker, who falls silent under it. `pitch_ratio_st` is
    the pitch above the speaker's own median, `pitch_spread_st` how far it ranges, both in semitones. `tremor` and
    `sobs` (`models.acoustic`) are measured of customers only. None where it could not, or may not, be measured.
    """

    utterance: int
    talk_over_ms: int
    pause_before_ms: int
    rate: float | None = None
    rate_ratio: float | None = None
    loudness_db: float | None = None
    interrupts: bool = False
    pitch_hz: float | None = None
    pitch_ratio_st: float | None = None
    pitch_spread_st: float | None = None
    voiced_share: float | None = None
    tremor: float | None = None
    sobs: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RoleAssignment:
    """Which speaker is the collector. `method` is "metadata", "inferred" or "reviewer" (a person swapped them)."""

    roles: Mapping[str, Role]
    confidence: float
    method: Literal["metadata", "inferred", "reviewer"]


# --- what was meant ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """Words [word_start, word_end) of one utterance."""

    utterance: int
    word_start: int
    word_end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class CarriedWord:
    """How much of a claim one word of its utterance carried; the weights of an utterance add up to 1."""

    word: int
    weight: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Signal:
    """A claim that something was said or heard; `features` tell how (`pipeline.policy.features`).

    Where several detectors spoke, `parts` is what each said by itself. A text model's claim names the words that
    carried it, and the training turns most like it (`SOURCE:LINE`).
    """

    category: str
    detector: str
    span: Span
    score: float
    probability: float
    model: ModelStamp
    entry: str | None = None
    features: tuple[str, ...] = ()
    parts: Mapping[str, float] = field(default_factory=dict)
    carried: tuple[CarriedWord, ...] = ()
    nearest: tuple[str, ...] = ()

    @property
    def is_calibrated(self) -> bool:
        """Whether `probability` is one, made of `parts`; else it is how certain the packs' lexicons are."""
        return bool(self.parts)


@dataclass(frozen=True, kw_only=True, slots=True)
class Citation:
    """A clause; of status `memory` it is shown as unverified, of `house` it is the bank's own policy.

    `effective_from` is an ISO date or "unknown"; `source` names what was read to check the clause, empty for nothing.
    """

    ref: str
    cite: str
    paraphrase_zh: str
    paraphrase_en: str
    status: Literal["verified_primary", "verified_secondary", "memory", "house"]
    jurisdiction: Jurisdiction | None = None
    effective_from: str = "unknown"
    effective_until: str | None = None
    source: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class WordsEvidence:
    """Words that were said; times are those of the one utterance that the finding is about."""

    span: Span
    start_ms: int
    end_ms: int
    kind: Literal["words"] = "words"


@dataclass(frozen=True, kw_only=True, slots=True)
class OmissionEvidence:
    """A window in which something required was looked for and not found."""

    window_start_ms: int
    window_end_ms: int
    kind: Literal["omission"] = "omission"


@dataclass(frozen=True, kw_only=True, slots=True)
class MetadataEvidence:
    """Facts of this call or other calls, as names and values fit to show."""

    facts: Mapping[str, str]
    calls: tuple[str, ...] = ()
    kind: Literal["metadata"] = "metadata"


Evidence = WordsEvidence | OmissionEvidence | MetadataEvidence


EVEN = 0.5
"""What is less probable than not is possible at most; only with a statement of self-harm nobody waits for better."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What a rule makes of signals, context and facts. `probability` is None where no detector gave one."""

    category: str
    status: FindingStatus
    severity: Severity
    role: Role
    evidence: Evidence
    rule: str
    pack: str
    pack_version: str
    clauses: tuple[Citation, ...] = ()
    probability: float | None = None
    detectors: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    reason_zh: str = ""
    reason_en: str = ""

    @property
    def place(self) -> tuple[int, int] | None:
        return (self.evidence.start_ms, self.evidence.end_ms) if isinstance(self.evidence, WordsEvidence) else None

    @property
    def unlikely(self) -> bool:
        """Possible, and less likely than not: lists show it after all others of its kind."""
        return self.status is FindingStatus.POSSIBLE and self.probability is not None and self.probability < EVEN


class Polarity(StrEnum):
    POSITIVE = "positive"
    NEGATIVE = "negative"


@dataclass(frozen=True, kw_only=True, slots=True)
class OutcomeStep:
    """One step of a pattern, where it was said."""

    category: str
    span: Span


@dataclass(frozen=True, kw_only=True, slots=True)
class CallOutcome:
    """A pattern that the call as a whole follows, with the words of each step in order."""

    pattern: str
    polarity: Polarity
    name_zh: str
    name_en: str
    steps: tuple[OutcomeStep, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """All findings of one call under one policy, and what they add up to."""

    findings: tuple[Finding, ...]
    flagged: bool
    severity: Severity | None
    distress: Distress
    pack: str
    pack_version: str
    outcomes: tuple[CallOutcome, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Redaction:
    """Words that hold personal data; a view is rendered from it, nothing is written over.

    `kind`: phone, card, id, account, digits, email, otp.
    """

    kind: str
    span: Span
    start_ms: int
    end_ms: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Measures:
    """Measurements of a call, never an inferred emotion. Rates are per second of that role's own speech.

    Interruptions are utterances that begin over the other, who falls silent under them. What came later than the others
    is None in records from before.
    """

    talk_over_count: int
    talk_over_ms: int
    silence_ms: int
    longest_silence_ms: int
    agent_speech_ms: int
    customer_speech_ms: int
    agent_rate: float | None = None
    customer_rate: float | None = None
    agent_interruptions: int | None = None
    customer_interruptions: int | None = None
    silence_share: float | None = None
    long_silence_count: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CallRecord:
    """All that one revision knows of a call, with the digest of each step's output."""

    id: str
    revision: int
    recording: Recording
    context: CallContext
    audio: Audio
    separation: Separation
    transcript: Transcript
    roles: RoleAssignment
    signals: tuple[Signal, ...]
    judgement: Judgement
    redactions: tuple[Redaction, ...]
    measures: Measures
    digests: Mapping[Stage, str]
    sounds: tuple[UtteranceSound, ...] = ()
