"""Whether the parts this installation stands on answer. Asked by probes, so it needs no actor and says no data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select, text

from pipeline.errors import ForbearError
from pipeline.jobs.heartbeat import pid_alive, this_host
from pipeline.search.base import SearchReader
from pipeline.store.database import Database
from pipeline.store.tables import HeartbeatRow

SILENCE = timedelta(seconds=60)
"""A worker that was silent for longer counts as gone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One part: `database`, `index` or `workers`; `detail` says what to do where it is not well."""

    name: str
    ok: bool
    detail: str


class Health:
    """Looks at each part; a part that fails says so and never raises."""

    def __init__(self, *, database: Database, index: SearchReader) -> None:
        self._database = database
        self._index = index

    def checks(self) -> tuple[Check, ...]:
        """Every part, in a fixed order."""
        return (
            _checked("database", self._database_answers),
            _checked("index", self._index_answers),
            _checked("workers", self._workers_live),
        )

    def _database_answers(self) -> str:
        with self._database.read() as session:
            session.execute(text("SELECT 1"))
        return "answers"

    def _index_answers(self) -> str:
        return f"{self._index.count()} utterances"

    def _workers_live(self) -> str:
        recent = select(HeartbeatRow).where(HeartbeatRow.at > datetime.now(UTC) - SILENCE)
        with self._database.read() as session:
            beats = session.scalars(recent).all()
        here = this_host()
        living = [beat for beat in beats if beat.host != here or pid_alive(beat.pid)]
        if not living:
            raise _NoWorker("No worker is alive: recordings are taken in and wait. Start one with forbear worker.")
        return f"{len(living)} alive"


class _NoWorker(ForbearError):
    """Nobody processes recordings."""


def _checked(name: str, ask: Callable[[], str]) -> Check:
    try:
        return Check(name=name, ok=True, detail=ask())
    except ForbearError as error:
        return Check(name=name, ok=False, detail=error.message)
    except Exception as error:
        # A probe has to answer whatever broke; the name of the error is all that may be shown.
        return Check(name=name, ok=False, detail=f"does not answer ({type(error).__name__})")
