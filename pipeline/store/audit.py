"""The append-only log: each line's hash covers the line and the hash before it. The one home of its shape.

A chain shows an altered or missing line, not that its last lines were cut off: for that, keep `head` elsewhere. Lines
name what was done and to which identity; never a number, a name or words of a call.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pipeline.store.database import lock
from pipeline.store.tables import AuditRow

BEGINNING = "0" * 64
"""The hash before the first line."""


def append(
    session: Session, actor_name: str, action: str, subject: str, details: Mapping[str, Any] | None = None
) -> AuditRow:
    """Adds a line to the log, in the caller's transaction.

    Writers of the log wait for each other until they commit: append last, and lock rows before, never after.
    """
    session.flush()
    lock(session, "audit")
    last = session.scalars(select(AuditRow).order_by(AuditRow.id.desc()).limit(1)).first()
    row = AuditRow(
        id=last.id + 1 if last else 1,
        at=datetime.now(UTC),
        actor=actor_name,
        action=action,
        subject=subject,
        details=dict(details or {}),
        previous_hash=last.hash if last else BEGINNING,
    )
    row.hash = _hash(row)
    session.add(row)
    session.flush()
    return row


def head(session: Session) -> str:
    """The hash of the newest line: whoever keeps it outside the database can later show that nothing was cut off."""
    return session.scalars(select(AuditRow.hash).order_by(AuditRow.id.desc()).limit(1)).first() or BEGINNING


def holds(session: Session, head: str) -> bool:
    """Whether a line has this hash: that of an earlier day must still be there."""
    return session.scalars(select(AuditRow.id).where(AuditRow.hash == head).limit(1)).first() is not None


def verify(session: Session) -> int | None:
    """The id of the first line that was altered or that follows a missing one; None when the chain holds."""
    expected, before = 1, BEGINNING
    for row in session.scalars(select(AuditRow).order_by(AuditRow.id).execution_options(yield_per=1000)):
        if row.id != expected or row.previous_hash != before or row.hash != _hash(row):
            return row.id
        expected, before = row.id + 1, row.hash
    return None


def _hash(row: AuditRow) -> str:
    line = [
        row.id,
        row.at.astimezone(UTC).isoformat(),
        row.actor,
        row.action,
        row.subject,
        row.details,
        row.previous_hash,
    ]
    text = json.dumps(line, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
