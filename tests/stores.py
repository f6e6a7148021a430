"""Databases to test against, services wired over one, and records to put in; nothing is recognised or judged here."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import select

from pipeline.jobs.memory import MemoryQueue
from pipeline.policy.registry import load_registry
from pipeline.records import (
    Audio,
    CallRecord,
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
    Span,
    Stage,
    Transcript,
    Turn,
    Utterance,
    Word,
    WordsEvidence,
)
from pipeline.services.access import Access
from pipeline.services.attempts import Attempts
from pipeline.services.calls import Calls
from pipeline.services.completeness import Completeness
from pipeline.services.deletion import Upkeep
from pipeline.services.indexing import Indexing
from pipeline.services.intake import Intake
from pipeline.services.processing import Processing, Work
from pipeline.services.timeline import Timelines
from pipeline.services.views import Actor, IntakeResult, Permission
from pipeline.settings import Settings
from pipeline.store.artifacts import Artifacts
from pipeline.store.database import Database
from pipeline.store.media import Media
from pipeline.store.tables import AuditRow, CallRow

POSTGRES = os.environ.get("FORBEAR_TEST_POSTGRES", "postgresql://127.0.0.1:5432/test")
KINDS = ("sqlite", "postgresql")

ADMIN = Actor(name="test:admin", permissions=frozenset(Permission))
MODEL = ModelStamp(name="fake", version="1")


@contextmanager
def database_url(kind: str, folder: Path) -> Iterator[str]:
    """The URL of an empty database: a file, or a schema of its own on a real server; skips where there is no server."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'data' / 'forbear.db'}"
        return
    try:
        server = psycopg.connect(POSTGRES, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError:
        pytest.skip(f"no PostgreSQL at {POSTGRES}; set FORBEAR_TEST_POSTGRES to the URL of a test database")
    schema = f"forbear_{secrets.token_hex(6)}"
    with server:
        server.execute(f"CREATE SCHEMA {schema}")
        try:
            yield f"{POSTGRES}?options=-csearch_path%3D{schema}"
        finally:
            server.execute(f"DROP SCHEMA {schema} CASCADE")


class World:
    """An installation in a folder, with the queue in memory."""

    def __init__(self, folder: Path, url: str | None = None, **settings: Any) -> None:
        self.settings = Settings(data=folder / "data", database_url=url or "", **settings)
        self.database = Database(self.settings.database)
        self.database.migrate()
        self.media = Media(self.settings)
        self.artifacts = Artifacts(self.settings.artifacts_dir)
        self.jobs = MemoryQueue()
        self.timelines = Timelines(load_registry)
        self.intake = Intake(
            database=self.database,
            media=self.media,
            jobs=self.jobs,
            settings=self.settings,
            timelines=self.timelines,
        )
        self.calls = Calls(
            database=self.database,
            media=self.media,
            artifacts=self.artifacts,
            jobs=self.jobs,
            settings=self.settings,
            timelines=self.timelines,
        )
        self.processing = Processing(
            database=self.database, media=self.media, artifacts=self.artifacts, timelines=self.timelines
        )
        self.attempts = Attempts(database=self.database, settings=self.settings, timelines=self.timelines)
        self.completeness = Completeness(database=self.database)
        self.indexing = Indexing(database=self.database, artifacts=self.artifacts)
        self.access = Access(database=self.database, settings=self.settings)
        self.upkeep = Upkeep(database=self.database, media=self.media, artifacts=self.artifacts)

    def take(self, path: Path, metadata: dict[str, Any] | None = None, actor: Actor = ADMIN) -> IntakeResult:
        return self.intake.accept(actor, path, file_name=path.name, metadata=metadata)

    def process(self, call: str, **record: Any) -> Work:
        """What a worker does, without the work."""
        work = self.processing.begin(call, self.row(call).generation)
        assert work is not None
        assert self.processing.finish(call, work.generation, record_of(work, **record))
        return work

    def row(self, call: str) -> CallRow:
        with self.database.read() as session:
            return session.get_one(CallRow, call)

    def audit(self, action: str | None = None) -> list[AuditRow]:
        with self.database.read() as session:
            rows = session.scalars(select(AuditRow).order_by(AuditRow.id)).all()
        return [row for row in rows if action in (None, row.action)]

    def close(self) -> None:
        self.database.close()


def wav(path: Path, seed: int = 0) -> Path:
    """A small WAV file, another content for another seed."""
    samples = bytes((seed * 31 + at * 7) % 256 for at in range(1600))
    size = len(samples)
    header = b"RIFF" + (36 + size).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
    header += (1).to_bytes(2, "little") * 2 + (8000).to_bytes(4, "little") * 2 + b"\x01\x00\x08\x00"
    path.write_bytes(header + b"data" + size.to_bytes(4, "little") + samples)
    return path


def utterance(index: int, role: Role, words: Sequence[str], start_ms: int = 0) -> Utterance:
    return Utterance(
        index=index,
        speaker=f"ch{int(role is Role.CUSTOMER)}",
        channel=int(role is Role.CUSTOMER),
        role=role,
        lang="en",
        words=tuple(
            Word(text=text, start_ms=start_ms + at * 100, end_ms=start_ms + at * 100 + 90, confidence=0.9)
            for at, text in enumerate(words)
        ),
    )


def finding(
    category: str = "threat.violence",
    status: FindingStatus = FindingStatus.VIOLATION,
    severity: Severity = Severity.HIGH,
    role: Role = Role.AGENT,
    span: Span | None = None,
) -> Finding:
    span = span or Span(utterance=0, word_start=0, word_end=1)
    return Finding(
        category=category,
        status=status,
        severity=severity,
        role=role,
        evidence=WordsEvidence(span=span, start_ms=0, end_ms=90),
        rule="r1",
        pack="CN",
        pack_version="1",
        clauses=(Citation(ref="a", cite="A 1", paraphrase_zh="甲", paraphrase_en="a", status="memory"),),
        probability=0.9,
    )


def record_of(
    work: Work,
    *,
    findings: Sequence[Finding] = (),
    flagged: bool = False,
    severity: Severity | None = None,
    distress: Distress = Distress.NONE,
    utterances: Sequence[Utterance] | None = None,
    redactions: Sequence[Redaction] = (),
    audio: Audio | None = None,
    salt: str = "",
) -> CallRecord:
    """A record such as a run makes; `salt` makes the digests of its steps its own."""
    said = utterances or (utterance(0, Role.AGENT, ["pay", " now"]), utterance(1, Role.CUSTOMER, ["no"], 1000))
    return CallRecord(
        id=work.call,
        revision=work.revision,
        recording=work.recording,
        context=work.context,
        audio=audio
        or Audio(
            digest="f" * 64, peaks_digest="f" * 64, duration_ms=2000, channels=2, sample_rate_hz=8000, codec="pcm"
        ),
        separation=Separation(
            method="channels",
            turns=(Turn(speaker="ch0", channel=0, start_ms=0, end_ms=900),),
            confidence=1.0,
            model=MODEL,
        ),
        transcript=Transcript(utterances=tuple(said), model=MODEL),
        roles=RoleAssignment(roles={"ch0": Role.AGENT, "ch1": Role.CUSTOMER}, confidence=1.0, method="metadata"),
        signals=(),
        judgement=Judgement(
            findings=tuple(findings),
            flagged=flagged,
            severity=severity,
            distress=distress,
            pack="CN",
            pack_version="1",
        ),
        redactions=tuple(redactions),
        measures=Measures(
            talk_over_count=0,
            talk_over_ms=0,
            silence_ms=0,
            longest_silence_ms=0,
            agent_speech_ms=900,
            customer_speech_ms=100,
        ),
        digests={stage: f"{salt}{stage.value}".encode().hex() for stage in Stage},
    )
