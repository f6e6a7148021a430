"""An installation to test the API on: the real services on SQLite in a folder, with jobs and index in memory."""

from __future__ import annotations

import io
import wave
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from starlette.testclient import TestClient

from api.app import create_app
from pipeline.jobs.memory import MemoryQueue
from pipeline.policy.registry import load_registry
from pipeline.records import (
    Audio,
    CallRecord,
    CarriedWord,
    Citation,
    Distress,
    Finding,
    FindingStatus,
    Judgement,
    Measures,
    ModelStamp,
    Redaction,
    Role,
    RoleAssignment,
    Separation,
    Severity,
    Signal,
    Span,
    Stage,
    Transcript,
    Turn,
    Utterance,
    Word,
    WordsEvidence,
)
from pipeline.search.memory import MemoryIndex
from pipeline.services.access import Access
from pipeline.services.calls import Calls
from pipeline.services.health import Health
from pipeline.services.indexing import Indexing
from pipeline.services.intake import Intake
from pipeline.services.policies import Policies
from pipeline.services.processing import Processing
from pipeline.services.search import Search
from pipeline.services.timeline import Timelines
from pipeline.services.views import Actor, Permission
from pipeline.settings import Settings
from pipeline.stages.decode_flac import FlacWriter
from pipeline.stages.decode_peaks import PeakBuilder
from pipeline.store.artifacts import Artifacts
from pipeline.store.database import Database
from pipeline.store.media import Media

RATE_HZ = 8000
PASSWORD = "correct horse battery"
SECRET_WORD = "13800138000"
"""A private number that is said in every processed call; it may show only where the original was asked for."""

ROOT = Actor(name="cli:test", permissions=frozenset(Permission))
STAMP = ModelStamp(name="test", version="1")


def wav(seconds: float = 2.0, *, seed: int = 0) -> bytes:
    """A mono WAV whose bytes differ by seed."""
    noise = np.random.default_rng(seed).integers(-3000, 3000, int(seconds * RATE_HZ), dtype=np.int16)
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(noise.tobytes())
    return out.getvalue()


@dataclass(frozen=True)
class Installation:
    """The services as the wiring would bundle them, and shortcuts to bring them into a state."""

    settings: Settings
    database: Database
    jobs: MemoryQueue
    index: MemoryIndex

    @cached_property
    def media(self) -> Media:
        return Media(self.settings)

    @cached_property
    def artifacts(self) -> Artifacts:
        return Artifacts(self.settings.artifacts_dir)

    @cached_property
    def timelines(self) -> Timelines:
        return Timelines(load_registry)

    @cached_property
    def intake(self) -> Intake:
        return Intake(
            database=self.database,
            media=self.media,
            jobs=self.jobs,
            settings=self.settings,
            timelines=self.timelines,
        )

    @cached_property
    def calls(self) -> Calls:
        return Calls(
            database=self.database,
            media=self.media,
            artifacts=self.artifacts,
            jobs=self.jobs,
            settings=self.settings,
            timelines=self.timelines,
        )

    @cached_property
    def search(self) -> Search:
        return Search(self.index, self.database)

    @cached_property
    def access(self) -> Access:
        return Access(database=self.database, settings=self.settings)

    @cached_property
    def health(self) -> Health:
        return Health(database=self.database, index=self.index)

    @cached_property
    def policies(self) -> Policies:
        return Policies(database=self.database, artifacts=self.artifacts, settings=self.settings)

    @cached_property
    def processing(self) -> Processing:
        return Processing(database=self.database, media=self.media, artifacts=self.artifacts, timelines=self.timelines)

    def client(self, token: str | None = None, **options: Any) -> TestClient:
        """A client of a fresh edge; with a token it sends that."""
        app = create_app(self, self.settings, **{"behind_proxy": False, **options})
        client = TestClient(app, base_url="https://forbear.test" if app.state.secure else "http://forbear.test")
        if token is not None:
            client.headers["Authorization"] = f"Bearer {token}"
        return client

    def token(self, role: str = "admin", *, scopes: tuple[str, ...] = (), teams: list[str] | None = None) -> str:
        """A token of a new user."""
        name = f"{role}-{len(self.access.users(ROOT))}"
        self.access.create_user(ROOT, name, role, teams=teams)
        return self.access.create_token(ROOT, name, label=name, scopes=scopes)

    def accept(self, seed: int = 0, **metadata: Any) -> str:
        """The id of a call that waits."""
        result = self.intake.accept(ROOT, io.BytesIO(wav(seed=seed)), file_name=f"{seed}.wav", metadata=metadata)
        assert result.id is not None
        return result.id

    def process(self, seed: int = 0, **metadata: Any) -> str:
        """The id of a call that is done: flagged, with a redacted number, audible and indexed."""
        id = self.accept(seed, **metadata)
        generation = self.calls_generation(id)
        work = self.processing.begin(id, generation)
        assert work is not None
        artifacts = self.artifacts.of(work.recording.sha256)
        flac_key = peaks_key = artifacts.key("decode", "test", work.recording.sha256)
        samples = np.random.default_rng(seed).integers(-3000, 3000, (2 * RATE_HZ, 1), dtype=np.int16)
        with (
            artifacts.writing(Stage.DECODE, flac_key, ".flac") as path,
            path.open("wb") as out,
            FlacWriter(out, channels=1, rate_hz=RATE_HZ) as writer,
        ):
            writer.write(samples)
        peaks = PeakBuilder(channels=1, rate_hz=RATE_HZ)
        peaks.write(samples)
        with artifacts.writing(Stage.DECODE, peaks_key, ".peaks") as path:
            path.write_bytes(peaks.to_bytes())
        audio = Audio(
            digest=flac_key,
            peaks_digest=peaks_key,
            duration_ms=2000,
            channels=1,
            sample_rate_hz=RATE_HZ,
            codec="pcm_s16le",
        )
        assert self.processing.finish(id, generation, _record(id, work.recording, work.context, audio))
        Indexing(database=self.database, artifacts=self.artifacts).drain(self.index)
        return id

    def calls_generation(self, id: str) -> int:
        """The generation that the queue holds for a call."""
        return max(job.generation for job in self.jobs.living() if job.call == id)


def _record(id: str, recording: Any, context: Any, audio: Audio) -> CallRecord:
    said = ("Pay", " today", " or", " call", f" {SECRET_WORD}", " now.")
    words = tuple(
        Word(text=text, start_ms=i * 200, end_ms=i * 200 + 180, confidence=0.9) for i, text in enumerate(said)
    )
    answer = tuple(
        Word(text=text, start_ms=1400 + i * 100, end_ms=1480 + i * 100, confidence=0.8)
        for i, text in enumerate("我没工作")
    )
    transcript = Transcript(
        utterances=(
            Utterance(index=0, speaker="v0", channel=0, role=Role.AGENT, lang="en", words=words),
            Utterance(index=1, speaker="v1", channel=0, role=Role.CUSTOMER, lang="zh", words=answer),
        ),
        model=STAMP,
    )
    finding = Finding(
        category="pressure.deadline",
        status=FindingStatus.VIOLATION,
        severity=Severity.HIGH,
        role=Role.AGENT,
        evidence=WordsEvidence(span=Span(utterance=0, word_start=0, word_end=5), start_ms=0, end_ms=1180),
        rule="test.deadline",
        pack="CN",
        pack_version="1",
        clauses=(Citation(ref="CN-1", cite="1", paraphrase_zh="甲", paraphrase_en="a", status="verified_primary"),),
        probability=0.8,
        detectors=("lexicon",),
    )
    return CallRecord(
        id=id,
        revision=1,
        recording=recording,
        context=context,
        audio=audio,
        separation=Separation(
            method="single",
            turns=(Turn(speaker="v0", channel=0, start_ms=0, end_ms=2000),),
            confidence=1.0,
            model=STAMP,
        ),
        transcript=transcript,
        roles=RoleAssignment(roles={"v0": Role.AGENT, "v1": Role.CUSTOMER}, confidence=0.9, method="inferred"),
        signals=(
            Signal(
                category=finding.category,
                detector="lexicon+text",
                span=Span(utterance=0, word_start=0, word_end=6),
                score=0.8,
                probability=0.8,
                model=STAMP,
                parts={"lexicon": 0.7, "text": 0.75},
                carried=(
                    CarriedWord(word=1, weight=0.5),
                    CarriedWord(word=4, weight=0.3),
                    CarriedWord(word=5, weight=0.2),
                ),
                nearest=("en-a-1:5", "en-a-1:9"),
            ),
        ),
        judgement=Judgement(
            findings=(finding,),
            flagged=True,
            severity=Severity.HIGH,
            distress=Distress.NONE,
            pack="CN",
            pack_version="1",
        ),
        redactions=(
            Redaction(kind="phone", span=Span(utterance=0, word_start=4, word_end=5), start_ms=800, end_ms=980),
        ),
        measures=Measures(
            talk_over_count=0,
            talk_over_ms=0,
            silence_ms=100,
            longest_silence_ms=100,
            agent_speech_ms=1180,
            customer_speech_ms=400,
        ),
        digests={},
    )
