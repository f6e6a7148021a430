"""One call through the stages: each output an artifact under the digest of its inputs, made only where it is missing.

The key of a stage's output is the digest of the stage's version and of the contents of its inputs. So a call that was
interrupted goes on after its last finished stage, a new model re-runs only what follows it, and swapped roles re-run
from detect. Knows no queue, no database and no model: stages are callables that wiring made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError

from pipeline.encoding import digest_of
from pipeline.errors import NotFound
from pipeline.records import (
    Audio,
    CallContext,
    CallRecord,
    Channels,
    Damage,
    Judgement,
    Measures,
    Recording,
    Redaction,
    RoleAssignment,
    Separation,
    Signal,
    Stage,
    Transcript,
    UtteranceSound,
)
from pipeline.store.folders import private_folder

FLAC = ".flac"
PEAKS = ".peaks"
"""Suffixes of the two files that decode makes, beside its JSON."""

Progress = Callable[[Stage, float | None], None]
"""Told the stage that runs, and how much of it is done (0 to 1) where that is known."""


class Store(Protocol):
    """The artifacts of one recording."""

    def has(self, stage: str, key: str, suffix: str = ...) -> bool: ...
    def path_for(self, stage: str, key: str, suffix: str = ...) -> Path: ...
    def read(self, kind: Any, stage: str, key: str) -> Any: ...
    def write(self, stage: str, key: str, value: Any, kind: Any = None) -> None: ...


class Decoded(Protocol):
    """What decode says of the two files it wrote."""

    @property
    def duration_ms(self) -> int: ...
    @property
    def channels(self) -> int: ...
    @property
    def sample_rate_hz(self) -> int: ...
    @property
    def codec(self) -> str: ...
    @property
    def damage(self) -> Damage | None: ...


class Decode(Protocol):
    def __call__(self, source: Path, recording: Recording, out_flac: Path, out_peaks: Path) -> Decoded: ...


class Transcribe(Protocol):
    def __call__(self, flac: Path, separation: Separation, /, progress: Callable[[float], None]) -> Transcript: ...


class Hear(Protocol):
    def __call__(
        self, transcript: Transcript, /, *, peaks: Path, flac: Path, customer_voice: bool
    ) -> tuple[UtteranceSound, ...]: ...


class Judge(Protocol):
    def __call__(
        self, *, transcript: Transcript, signals: tuple[Signal, ...], context: CallContext, duration_ms: int
    ) -> Judgement: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Stages:
    """Every stage as one callable, with what decides its output besides its inputs: `version(stage, context)`.

    `customer_voice` says whether the law of a call lets a customer's voice be measured.
    """

    version: Callable[[Stage, CallContext], str]
    decode: Decode
    separate: Callable[[Path, Audio], Separation]
    transcribe: Transcribe
    assign_roles: Callable[[Transcript, Separation, Channels | None, int], RoleAssignment]
    swap_roles: Callable[[RoleAssignment], RoleAssignment]
    apply_roles: Callable[[Transcript, RoleAssignment], Transcript]
    customer_voice: Callable[[CallContext], bool]
    hear: Hear
    detect: Callable[[Transcript, tuple[UtteranceSound, ...]], tuple[Signal, ...]]
    judge: Judge
    redact: Callable[[Transcript], tuple[Redaction, ...]]
    measure: Callable[[Transcript, int], Measures]


@dataclass(frozen=True, kw_only=True, slots=True)
class Files:
    """What decode left: the audio it describes and how long its two files are, to notice when they were damaged."""

    audio: Audio
    flac_bytes: int
    peaks_bytes: int


@dataclass(kw_only=True, slots=True)
class CallRun:
    """One call on its way. `ensure` makes a stage's output exist; `record` puts all of them together."""

    id: str
    stages: Stages
    artifacts: Store
    source: Path
    recording: Recording
    context: CallContext
    roles_swapped: bool = False
    progress: Progress = lambda _stage, _part: None
    _keys: dict[Stage, str] = field(default_factory=dict, init=False)
    _values: dict[Stage, Any] = field(default_factory=dict, init=False)

    def ensure(self, stage: Stage) -> str:
        """The key of the stage's output, which exists when this returns; StageFailed where the call can't go on."""
        if stage not in self._keys:
            key = self._key(stage)
            value = self._stored(stage, key)
            if value is None:
                self.progress(stage, None)
                value = self._made(stage, key)
                self.artifacts.write(stage, key, value, _KINDS[stage])
            self._keys[stage], self._values[stage] = key, value
        return self._keys[stage]

    def record(self, revision: int) -> CallRecord:
        """Everything that is known of the call now."""
        audio, transcript = self._audio, self._spoken
        return CallRecord(
            id=self.id,
            revision=revision,
            recording=self.recording,
            context=self.context,
            audio=audio,
            separation=self._value(Stage.SEPARATE),
            transcript=transcript,
            roles=self._value(Stage.ROLES),
            signals=self._value(Stage.DETECT),
            judgement=self._value(Stage.JUDGE),
            redactions=self._value(Stage.REDACT),
            measures=self.stages.measure(transcript, audio.duration_ms),
            digests={stage: self.ensure(stage) for stage in RUN},
            sounds=self._value(Stage.HEAR),
        )

    def _value(self, stage: Stage) -> Any:
        self.ensure(stage)
        return self._values[stage]

    @property
    def _audio(self) -> Audio:
        files: Files = self._value(Stage.DECODE)
        return files.audio

    @property
    def _flac(self) -> Path:
        return self.artifacts.path_for(Stage.DECODE, self._audio.digest, FLAC)

    @property
    def _spoken(self) -> Transcript:
        """The transcript with everybody's role on it."""
        return self.stages.apply_roles(self._value(Stage.TRANSCRIBE), self._value(Stage.ROLES))

    def _key(self, stage: Stage) -> str:
        inputs = [digest_of(part) for part in self._inputs(stage)]
        return digest_of(stage, self.stages.version(stage, self.context), inputs)

    def _inputs(self, stage: Stage) -> tuple[Any, ...]:
        match stage:
            case Stage.DECODE:
                return (self.recording,)
            case Stage.SEPARATE:
                return (self._audio,)
            case Stage.TRANSCRIBE:
                return (self._audio, self._value(Stage.SEPARATE))
            case Stage.ROLES:
                transcript, separation = self._value(Stage.TRANSCRIBE), self._value(Stage.SEPARATE)
                return (transcript, separation, self.context.channels, self._audio.channels, self.roles_swapped)
            case Stage.HEAR:
                return (self._audio, self._spoken, self.stages.customer_voice(self.context))
            case Stage.DETECT:
                return (self._spoken, list(self._value(Stage.HEAR)))
            case Stage.JUDGE:
                return (self._spoken, list(self._value(Stage.DETECT)), self.context, self._audio.duration_ms)
            case Stage.REDACT:
                return (self._spoken,)
            case Stage.STORE:
                raise ValueError("the last stage has no artifact; `record` gives its value")

    def _made(self, stage: Stage, key: str) -> Any:
        stages = self.stages
        match stage:
            case Stage.DECODE:
                return self._decoded(key)
            case Stage.SEPARATE:
                return stages.separate(self._flac, self._audio)
            case Stage.TRANSCRIBE:
                return stages.transcribe(
                    self._flac,
                    self._value(Stage.SEPARATE),
                    progress=lambda part: self.progress(Stage.TRANSCRIBE, part),
                )
            case Stage.ROLES:
                transcript, separation = self._value(Stage.TRANSCRIBE), self._value(Stage.SEPARATE)
                roles = stages.assign_roles(transcript, separation, self.context.channels, self._audio.channels)
                return stages.swap_roles(roles) if self.roles_swapped else roles
            case Stage.HEAR:
                return stages.hear(
                    self._spoken,
                    peaks=self.artifacts.path_for(Stage.DECODE, self._audio.peaks_digest, PEAKS),
                    flac=self._flac,
                    customer_voice=stages.customer_voice(self.context),
                )
            case Stage.DETECT:
                return stages.detect(self._spoken, self._value(Stage.HEAR))
            case Stage.JUDGE:
                return stages.judge(
                    transcript=self._spoken,
                    signals=self._value(Stage.DETECT),
                    context=self.context,
                    duration_ms=self._audio.duration_ms,
                )
            case Stage.REDACT:
                return stages.redact(self._spoken)
            case Stage.STORE:
                raise ValueError("the last stage has no artifact; `record` gives its value")

    def _decoded(self, key: str) -> Files:
        flac, peaks = (self.artifacts.path_for(Stage.DECODE, key, suffix) for suffix in (FLAC, PEAKS))
        private_folder(flac.parent)
        found = self.stages.decode(self.source, self.recording, flac, peaks)
        audio = Audio(
            digest=key,
            peaks_digest=key,
            duration_ms=found.duration_ms,
            channels=found.channels,
            sample_rate_hz=found.sample_rate_hz,
            codec=found.codec,
            damage=found.damage,
        )
        return Files(audio=audio, flac_bytes=flac.stat().st_size, peaks_bytes=peaks.stat().st_size)

    def _stored(self, stage: Stage, key: str) -> Any | None:
        """The output that an earlier run left, or None where there is none or it can't be read."""
        try:
            value = self.artifacts.read(_KINDS[stage], stage, key)
        except (NotFound, ValidationError):
            return None
        if isinstance(value, Files) and not self._whole(value, key):
            return None
        return value

    def _whole(self, files: Files, key: str) -> bool:
        sizes = {FLAC: files.flac_bytes, PEAKS: files.peaks_bytes}
        return all(
            self.artifacts.has(Stage.DECODE, key, suffix)
            and self.artifacts.path_for(Stage.DECODE, key, suffix).stat().st_size == size
            for suffix, size in sizes.items()
        )


_KINDS: Mapping[Stage, Any] = {
    Stage.DECODE: Files,
    Stage.SEPARATE: Separation,
    Stage.TRANSCRIBE: Transcript,
    Stage.ROLES: RoleAssignment,
    Stage.HEAR: tuple[UtteranceSound, ...],
    Stage.DETECT: tuple[Signal, ...],
    Stage.JUDGE: Judgement,
    Stage.REDACT: tuple[Redaction, ...],
}

RUN: tuple[Stage, ...] = tuple(_KINDS)
"""The stages that `ensure` runs, in order; Stage.STORE follows them."""
