"""Stages of a few lines each, for tests of what calls them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pipeline.records import (
    Audio,
    Channels,
    Distress,
    Judgement,
    Measures,
    ModelStamp,
    Recording,
    Redaction,
    Role,
    RoleAssignment,
    Separation,
    Signal,
    Span,
    Stage,
    Transcript,
    Turn,
    Utterance,
    UtteranceSound,
    Word,
)
from pipeline.run import Stages

STAMP = ModelStamp(name="tiny", version="1")


class TinyStages:
    """Counts how often each stage ran; `versions` and `words` can be changed between runs."""

    def __init__(self) -> None:
        self.ran: Counter[Stage] = Counter()
        self.versions = dict.fromkeys(Stage, "1")
        self.words = "hello"
        self.customer_voice = True
        self.fails: dict[Stage, Exception] = {}

    def bundle(self) -> Stages:
        return Stages(
            version=lambda stage, context: self.versions[stage],
            decode=self.decode,
            separate=self.separate,
            transcribe=self.transcribe,
            assign_roles=self.assign_roles,
            swap_roles=lambda roles: replace(
                roles, roles={"ch0": roles.roles["ch1"], "ch1": roles.roles["ch0"]}, method="reviewer"
            ),
            apply_roles=lambda transcript, roles: replace(
                transcript, utterances=tuple(replace(u, role=roles.roles[u.speaker]) for u in transcript.utterances)
            ),
            customer_voice=lambda context: self.customer_voice,
            hear=self.hear,
            detect=self.detect,
            judge=self.judge,
            redact=self.redact,
            measure=lambda transcript, duration_ms: Measures(
                talk_over_count=0, talk_over_ms=0, silence_ms=duration_ms, longest_silence_ms=0,
                agent_speech_ms=0, customer_speech_ms=0,
            ),
        )  # fmt: skip

    def begin(self, stage: Stage) -> None:
        self.ran[stage] += 1
        if stage in self.fails:
            raise self.fails[stage]

    def decode(self, source: Path, recording: Recording, out_flac: Path, out_peaks: Path) -> Any:
        self.begin(Stage.DECODE)
        out_flac.write_bytes(source.read_bytes() * 2)
        out_peaks.write_bytes(b"peaks")
        return SimpleNamespace(duration_ms=900, channels=2, sample_rate_hz=8000, codec="tiny", damage=None)

    def separate(self, flac: Path, audio: Audio) -> Separation:
        self.begin(Stage.SEPARATE)
        assert flac.read_bytes()
        turns = (Turn(speaker="ch0", channel=0, start_ms=0, end_ms=500),)
        return Separation(method="channels", turns=turns, confidence=1.0, model=STAMP)

    def transcribe(self, flac: Path, separation: Separation, progress: Callable[[float], None]) -> Transcript:
        self.begin(Stage.TRANSCRIBE)
        progress(0.5)
        word = Word(text=self.words, start_ms=0, end_ms=400, confidence=0.9)
        said = Utterance(index=0, speaker="ch0", channel=0, role=Role.UNKNOWN, lang="en", words=(word,))
        return Transcript(utterances=(said,), model=STAMP)

    def assign_roles(self, transcript: Transcript, separation: Separation, channels: Any, count: int) -> RoleAssignment:
        self.begin(Stage.ROLES)
        assert count == 2
        agent = "ch1" if channels is Channels.AGENT_RIGHT else "ch0"
        roles = {name: Role.AGENT if name == agent else Role.CUSTOMER for name in ("ch0", "ch1")}
        return RoleAssignment(roles=roles, confidence=1.0, method="metadata")

    def hear(
        self, transcript: Transcript, *, peaks: Path, flac: Path, customer_voice: bool
    ) -> tuple[UtteranceSound, ...]:
        self.begin(Stage.HEAR)
        assert peaks.read_bytes() and flac.read_bytes()
        return (UtteranceSound(utterance=0, talk_over_ms=0, pause_before_ms=0, sobs=0 if customer_voice else None),)

    def detect(self, transcript: Transcript, sounds: tuple[UtteranceSound, ...]) -> tuple[Signal, ...]:
        self.begin(Stage.DETECT)
        span = Span(utterance=0, word_start=0, word_end=1)
        category = f"by.{transcript.utterances[0].role}"
        return (Signal(category=category, detector="tiny", span=span, score=1.0, probability=1.0, model=STAMP),)

    def judge(self, **_: Any) -> Judgement:
        self.begin(Stage.JUDGE)
        return Judgement(
            findings=(), flagged=False, severity=None, distress=Distress.NONE, pack="tiny", pack_version="1"
        )

    def redact(self, transcript: Transcript) -> tuple[Redaction, ...]:
        self.begin(Stage.REDACT)
        return ()
