"""The tables, as SQLAlchemy models; the migrations make them. Knows rows, not what they are for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    """Constraints have names, so that later migrations can change them."""


class UtcDateTime(TypeDecorator[datetime]):
    """Aware datetimes, kept in UTC; SQLite has no zones, so they are put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


BigId = BigInteger().with_variant(Integer, "sqlite")


class RecordingRow(Base):
    """One content, whatever it was called and however often it came. `refusal`: why it was not taken in."""

    __tablename__ = "recordings"
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[str] = mapped_column(String(80))
    audio_format: Mapped[str | None] = mapped_column(String(40))
    refusal: Mapped[str | None] = mapped_column(String(40))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class CallRow(Base):
    """A call: its context, where its processing stands, and what the newest revision says of it."""

    __tablename__ = "calls"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    call_id: Mapped[str | None] = mapped_column(String(200), unique=True)
    recording_sha256: Mapped[str] = mapped_column(ForeignKey("recordings.sha256"), index=True)
    file_name: Mapped[str] = mapped_column(String(255), index=True)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    # processing
    status: Mapped[str] = mapped_column(String(10), index=True)
    stage: Mapped[str | None] = mapped_column(String(20))
    progress: Mapped[float | None]
    error_code: Mapped[str | None] = mapped_column(String(60))
    error_message: Mapped[str | None] = mapped_column(Text)
    generation: Mapped[int] = mapped_column(Integer, default=1)
    """Raised by every request to process; one workflow a generation."""
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    """Starts of the present generation, crashes included."""
    priority: Mapped[int] = mapped_column(Integer, default=0)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # context, for filters; the whole is in `context`
    context: Mapped[dict[str, Any]] = mapped_column(JSON)
    account_ref: Mapped[str | None] = mapped_column(String(200), index=True)
    agent_id: Mapped[str | None] = mapped_column(String(200), index=True)
    team: Mapped[str | None] = mapped_column(String(200), index=True)
    product: Mapped[str | None] = mapped_column(String(200))
    jurisdiction: Mapped[str | None] = mapped_column(String(2))
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    roles_swapped: Mapped[bool] = mapped_column(Boolean, default=False)
    # newest revision
    revision: Mapped[int] = mapped_column(Integer, default=0)
    record_digest: Mapped[str | None] = mapped_column(String(64))
    duration_ms: Mapped[int | None] = mapped_column(BigInteger)
    damage: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    flagged: Mapped[bool] = mapped_column(Boolean, default=False, index=True)
    severity: Mapped[str | None] = mapped_column(String(10))
    severity_rank: Mapped[int] = mapped_column(Integer, default=-1)
    distress: Mapped[str] = mapped_column(String(10), default="none")
    # what the newest revision says by itself; `flagged` and `severity` above count what the timeline found, too
    heard: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    own_flagged: Mapped[bool] = mapped_column(Boolean, default=False)
    own_severity: Mapped[str | None] = mapped_column(String(10))


class RevisionRow(Base):
    """Each time a call was processed to the end: the digest of its CallRecord artifact, kept for replay."""

    __tablename__ = "revisions"
    call: Mapped[str] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True)
    revision: Mapped[int] = mapped_column(Integer, primary_key=True)
    record_digest: Mapped[str] = mapped_column(String(64))
    pack: Mapped[str] = mapped_column(String(80))
    pack_version: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class AttemptRow(Base):
    """A call as the dialler's export tells of it; whether there is a recording is for the calls to say.

    `findings` are those of its account's timeline, while it has no recording to bear them.
    """

    __tablename__ = "attempts"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    call_id: Mapped[str | None] = mapped_column(String(200), unique=True)
    file_name: Mapped[str | None] = mapped_column(String(255), index=True)
    imported_at: Mapped[datetime] = mapped_column(UtcDateTime)
    context: Mapped[dict[str, Any]] = mapped_column(JSON)
    account_ref: Mapped[str | None] = mapped_column(String(200), index=True)
    team: Mapped[str | None] = mapped_column(String(200), index=True)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    findings: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    flagged: Mapped[bool] = mapped_column(Boolean, default=False, index=True)
    severity: Mapped[str | None] = mapped_column(String(10))


class FindingRow(Base):
    """The findings of the newest revision, for lists, counts and filters; the whole finding is in `finding`.

    `source` is "call" for what the call's own judgement found, "timeline" for what its account's calls mean together.
    """

    __tablename__ = "findings"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    call: Mapped[str] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"), index=True)
    revision: Mapped[int] = mapped_column(Integer)
    category: Mapped[str] = mapped_column(String(80))
    status: Mapped[str] = mapped_column(String(12))
    severity: Mapped[str] = mapped_column(String(10))
    role: Mapped[str] = mapped_column(String(10))
    start_ms: Mapped[int | None] = mapped_column(BigInteger)
    source: Mapped[str] = mapped_column(String(10), default="call")
    finding: Mapped[dict[str, Any]] = mapped_column(JSON)


class OutboxRow(Base):
    """A call whose documents in the search index are to be written again or, when the call is gone, removed."""

    __tablename__ = "outbox"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    call: Mapped[str] = mapped_column(String(40))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class AuditRow(Base):
    """One line of the append-only, hash-chained log. `hash` covers the line and `previous_hash`."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(String(200))
    action: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str] = mapped_column(String(200), index=True)
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


class HeartbeatRow(Base):
    """A live executor of jobs; silent for too long, its work is given to another."""

    __tablename__ = "heartbeats"
    executor: Mapped[str] = mapped_column(String(80), primary_key=True)
    pid: Mapped[int] = mapped_column(Integer)
    host: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class UserRow(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(String(120), unique=True)
    role: Mapped[str] = mapped_column(String(20))
    teams: Mapped[list[str] | None] = mapped_column(JSON)
    """Teams whose calls this user may see; None means all."""
    password_hash: Mapped[str | None] = mapped_column(String(200))
    disabled: Mapped[bool] = mapped_column(Boolean, default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SecretRow(Base):
    """A session, an API token or a one-time sign-in link; only the SHA-256 of the secret is kept."""

    __tablename__ = "secrets"
    hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    label: Mapped[str] = mapped_column(String(120), default="")
    scopes: Mapped[list[str]] = mapped_column(JSON, default=list)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class PolicyRow(Base):
    """A version of a policy pack that somebody brought: its files, its state, what it would change."""

    __tablename__ = "policies"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    pack: Mapped[str] = mapped_column(String(80), index=True)
    jurisdiction: Mapped[str] = mapped_column(String(2))
    version: Mapped[str] = mapped_column(String(80))
    state: Mapped[str] = mapped_column(String(12), index=True)
    digest: Mapped[str] = mapped_column(String(64))
    main: Mapped[str] = mapped_column(String(255))
    files: Mapped[dict[str, str]] = mapped_column(JSON)
    note: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(200))
    published_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    published_by: Mapped[str | None] = mapped_column(String(200))
    tests: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    whatif: Mapped[dict[str, Any] | None] = mapped_column(JSON)


Index("findings_category_call", FindingRow.category, FindingRow.call)
Index("calls_queue", CallRow.flagged, CallRow.severity_rank, CallRow.received_at)
