"""Calls on the wire: a line of a list, and one call whole."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, Field

from api.schemas.wire import Asked, Wire
from pipeline.records import (
    CallStatus,
    Channels,
    CollectorType,
    Direction,
    Distress,
    Finding,
    FindingStatus,
    Jurisdiction,
    Role,
    Severity,
    Signal,
    Stage,
    Transcript,
    WordsEvidence,
)
from pipeline.services.views import CallDetail, CallFilter, CallPage, CallSort, CallSummary, QueueCounts


class CallQuery(Asked):
    """Conditions of a list; all hold together, and one given several times takes any of its values."""

    status: frozenset[CallStatus] = frozenset()
    flagged: bool | None = None
    severity: frozenset[Severity] = frozenset()
    distress: frozenset[Distress] = frozenset()
    category: frozenset[str] = frozenset()
    team: frozenset[str] = frozenset()
    agent: frozenset[str] = frozenset()
    account: frozenset[str] = frozenset()
    started_from: AwareDatetime | None = Field(None, description="First moment of the call's start, with offset.")
    started_to: AwareDatetime | None = Field(None, description="End of that span; a call that starts then is outside.")
    sort: CallSort = CallSort.NEWEST
    cursor: str | None = Field(None, max_length=500, description="`next_cursor` of the page before.")
    limit: int = Field(50, ge=1, le=200)

    @property
    def conditions(self) -> CallFilter:
        return CallFilter(
            statuses=self.status,
            flagged=self.flagged,
            severities=self.severity,
            distress=self.distress,
            categories=self.category,
            teams=self.team,
            agents=self.agent,
            accounts=self.account,
            started_from=self.started_from,
            started_to=self.started_to,
        )


class FailureOut(Wire):
    """Why a call failed."""

    code: str
    message: str


class MarkOut(Wire):
    """A category the call was flagged for."""

    category: str
    status: FindingStatus
    severity: Severity
    count: int


class DamageOut(Wire):
    """How much of the file could be decoded; `expected_ms` is null when the file promised nothing."""

    decoded_ms: int
    expected_ms: int | None


class ContextOut(Wire):
    """What the source system said, fit for a list."""

    account_ref: str | None
    party_ref: str | None
    debt_ref: str | None
    agent_id: str | None
    team: str | None
    direction: Direction | None
    started_at: datetime | None
    ended_at: datetime | None
    customer_tz: str | None
    jurisdiction: Jurisdiction | None
    collector_type: CollectorType | None
    product: str | None
    days_past_due: int | None
    outcome: str | None
    channels: Channels | None


class FullContextOut(ContextOut):
    """With the account's facts and the keys that are not ours."""

    facts: Mapping[str, Any]
    extra: Mapping[str, Any]


class CallOut(Wire):
    """One call of a list. `marks` are the agent's flagging categories, worst first."""

    id: str
    call_id: str | None
    file: str
    recording_sha256: str
    status: CallStatus
    stage: Stage | None
    progress: float | None
    failure: FailureOut | None
    attempts: int
    received_at: datetime
    finished_at: datetime | None
    flagged: bool
    severity: Severity | None
    distress: Distress
    marks: list[MarkOut]
    customer_signals: list[str]
    duration_ms: int | None
    damage: DamageOut | None
    revision: int
    context: ContextOut

    @classmethod
    def of(cls, call: CallSummary) -> Self:
        return cls.model_validate(call)


class CallPageOut(Wire):
    """A page of calls; `next_cursor` is null on the last one, `total` counts all that fit."""

    calls: list[CallOut]
    total: int
    next_cursor: str | None

    @classmethod
    def of(cls, page: CallPage) -> Self:
        return cls.model_validate(page)


class CountsOut(Wire):
    """Numbers over all calls that you may see."""

    all_calls: int
    by_status: Mapping[str, int]
    flagged: int
    by_severity: Mapping[str, int]
    by_group: Mapping[str, int]
    distress_present: int
    distress_critical: int

    @classmethod
    def of(cls, counts: QueueCounts) -> Self:
        return cls.model_validate(counts)


class RecordingPartOut(Wire):
    """The bytes as received."""

    sha256: str
    media_type: str
    size_bytes: int
    audio_format: str | None


class AudioOut(Wire):
    """The derived audio that all times refer to."""

    duration_ms: int
    channels: int
    sample_rate_hz: int
    codec: str
    damage: DamageOut | None


class WordOut(Wire):
    """One word; a redacted stretch is one word such as "[phone]"."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float


class UtteranceOut(Wire):
    """What one speaker said in one breath."""

    index: int
    speaker: str
    channel: int
    role: Role
    lang: str
    start_ms: int
    end_ms: int
    text: str
    words: list[WordOut]


class ModelOut(Wire):
    """Which model it was."""

    name: str
    version: str
    settings: Mapping[str, Any]


class TranscriptOut(Wire):
    """Utterances in order of their start."""

    utterances: list[UtteranceOut]
    model: ModelOut


class RolesOut(Wire):
    """Which speaker is the collector, and how sure that is."""

    roles: Mapping[str, Role]
    confidence: float
    method: Literal["metadata", "inferred", "reviewer"]


class SpanOut(Wire):
    """Words [word_start, word_end) of one utterance of this transcript."""

    utterance: int
    word_start: int
    word_end: int


class WordsEvidenceOut(Wire):
    """Words that were said."""

    kind: Literal["words"]
    span: SpanOut
    start_ms: int
    end_ms: int


class OmissionEvidenceOut(Wire):
    """A window in which something required was looked for and not found."""

    kind: Literal["omission"]
    window_start_ms: int
    window_end_ms: int


class MetadataEvidenceOut(Wire):
    """Facts of this call or of others."""

    kind: Literal["metadata"]
    facts: Mapping[str, str]
    calls: list[str]


class ClauseOut(Wire):
    """A clause that the finding rests on; `status` says how well its text was verified, of `memory` not at all.

    `effective_from` is a date or "unknown"; `source` names what was read, empty for nothing.
    """

    ref: str
    cite: str
    paraphrase_zh: str
    paraphrase_en: str
    status: Literal["verified_primary", "verified_secondary", "memory", "house"]
    jurisdiction: Jurisdiction | None
    effective_from: str
    effective_until: str | None
    source: str


class CarriedOut(Wire):
    """How much of the text model's claim one word carried; `word` is its place in the utterance's `words`."""

    word: int
    text: str
    weight: float


class FindingOut(Wire):
    """What a rule made of the call. `start_ms`, `end_ms` and `quote` are null where the evidence is not words.

    `parts` is what each detector said by itself (text, lexicon, voice), from which `calibrated` was made; `carried`
    tells the words that the text model's claim rests on, whose weights add up to about 1, and `nearest` the training
    turns most like it. Empty and null where no text model spoke.
    """

    category: str
    status: FindingStatus
    severity: Severity
    role: Role
    evidence: Annotated[WordsEvidenceOut | OmissionEvidenceOut | MetadataEvidenceOut, Field(discriminator="kind")]
    start_ms: int | None = None
    end_ms: int | None = None
    quote: str | None = None
    probability: float | None
    rule: str
    pack: str
    pack_version: str
    clauses: list[ClauseOut]
    detectors: list[str]
    features: list[str]
    reason_zh: str
    reason_en: str
    parts: Mapping[str, float] = Field(default_factory=dict)
    calibrated: float | None = None
    carried: list[CarriedOut] = Field(default_factory=list)
    nearest: list[str] = Field(default_factory=list)

    @classmethod
    def of(cls, finding: Finding, transcript: Transcript | None, signal: Signal | None = None) -> Self:
        """All words come from the transcript that is shown, so a redacted one gives redacted words."""
        shown = cls.model_validate(finding)
        evidence = finding.evidence
        if not isinstance(evidence, WordsEvidence) or transcript is None:
            return shown
        span = evidence.span
        utterance = transcript.utterances[span.utterance]
        quote = utterance.quote(span.word_start, span.word_end)
        update: dict[str, Any] = {"start_ms": evidence.start_ms, "end_ms": evidence.end_ms, "quote": quote}
        if signal is not None:
            carried = [
                CarriedOut(word=one.word, text=utterance.quote(one.word, one.word + 1), weight=one.weight)
                for one in signal.carried
            ]
            update |= {
                "parts": dict(signal.parts),
                "calibrated": signal.probability if signal.parts else None,
                "carried": carried,
                "nearest": list(signal.nearest),
            }
        return shown.model_copy(update=update)


class RedactionOut(Wire):
    """What kind of personal data was taken out, and where."""

    kind: str
    start_ms: int
    end_ms: int


class MeasuresOut(Wire):
    """Measurements of the talk, never an inferred emotion."""

    talk_over_count: int
    talk_over_ms: int
    silence_ms: int
    longest_silence_ms: int
    agent_speech_ms: int
    customer_speech_ms: int
    agent_rate: float | None
    customer_rate: float | None
    agent_interruptions: int | None
    customer_interruptions: int | None
    silence_share: float | None
    long_silence_count: int | None


class CallDetailOut(CallOut):
    """One call whole. Until it is done, `audio`, `transcript` and what follows are null or empty."""

    context: FullContextOut
    recording: RecordingPartOut
    audio: AudioOut | None
    transcript: TranscriptOut | None
    roles: RolesOut | None
    findings: list[FindingOut]
    redactions: list[RedactionOut]
    measures: MeasuresOut | None
    pack: str | None
    pack_version: str | None
    original: bool

    @classmethod
    def of_detail(cls, call: CallDetail) -> Self:
        summary = {name: getattr(call.summary, name) for name in CallOut.model_fields}
        rest = {name: getattr(call, name) for name in cls.model_fields if name not in CallOut.model_fields}
        rest["findings"] = [FindingOut.of(one, call.transcript, call.signal_of(one)) for one in call.findings]
        return cls.model_validate({**summary, **rest})


class PeaksOut(Wire):
    """The waveform to draw: per channel lowest, highest, lowest, highest … in -127 to 127, one pair a bucket."""

    sample_rate_hz: int
    samples_per_bucket: int
    frames: int
    duration_ms: int
    channels: list[list[int]]
