"""The seam of durable work: who wants a call processed, who does it, and what is left behind by the dead.

A job is one request to process one call. It is made of named steps; a step that finished is not repeated when another
executor takes the job over, so steps run at least once and outcomes are recorded once. Knows no stage and no database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol, TypeVar

from sqlalchemy.orm import Session

T = TypeVar("T")

_DAWN = datetime(2020, 1, 1, tzinfo=UTC)
_BULK = 2**30


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Job:
    """One request to process one call; `generation` grows with every request."""

    call: str
    generation: int

    @property
    def id(self) -> str:
        return f"{self.call}:{self.generation}"

    @staticmethod
    def of(id: str) -> Job:
        """The job of an id; raises ValueError on anything else."""
        call, _, generation = id.rpartition(":")
        if not call:
            raise ValueError("not the id of a job")
        return Job(call=call, generation=int(generation))


class JobState(StrEnum):
    """ENDED says that nobody will work on the job any more, not that it went well."""

    QUEUED = "queued"
    RUNNING = "running"
    ENDED = "ended"


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldJob:
    """A running job and the executor that took it."""

    job: Job
    executor: str


class Draining(BaseException):
    """Ends a running workflow between two steps, as its executor leaves; the job stays held until it is given back.

    Not an Exception, so that no workflow takes it for a failure of its own.
    """


class JobQueue(Protocol):
    """What the rest of the application sees of durable work."""

    def prepare(self) -> None:
        """Makes the queue's own tables; once, before anything is queued. Harmless when they are there."""

    def enqueue(self, session: Session, call: str, generation: int, priority: int) -> None:
        """Queues a job inside the caller's transaction; the same job twice is one. The lowest priority goes first."""

    def cancel(self, call: str, generation: int) -> None:
        """Takes a job out of the queue; a running one stops before its next step. Never inside an open transaction."""

    def depth(self) -> Mapping[str, int]:
        """How many jobs are `queued` and how many `running`."""

    def state(self, call: str, generation: int) -> JobState | None:
        """Where a job stands; None when there is no such job."""

    def living(self) -> frozenset[Job]:
        """Every job that is queued or running."""

    def held(self) -> tuple[HeldJob, ...]:
        """Every running job with its executor."""

    def give_back(self, jobs: Iterable[Job], *, executor: str) -> tuple[Job, ...]:
        """Queues again those of the jobs that still run under that executor; returns these."""

    def renew(self) -> tuple[Job, ...]:
        """Queues again, from their first step, the jobs of an older shape of the workflow; returns these."""

    def close(self) -> None:
        """Lets go of connections."""


class Steps(Protocol):
    """Given to a workflow: runs its steps."""

    def __call__(self, name: str, action: Callable[[], T]) -> T:
        """What `action` returns or, when this step was finished before a crash, returned then. Plain JSON only."""
        ...


Workflow = Callable[[Job, Steps], None]
"""The work itself. It raises nothing: what goes wrong is recorded by the work, because the queue would not show it."""


class JobRunner(Protocol):
    """One executor: takes one job at a time and runs the workflow on it."""

    @property
    def executor(self) -> str:
        """The name under which this executor holds jobs; no two executors ever share one."""
        ...

    def start(self, workflow: Workflow) -> None:
        """Begins to take jobs."""

    def drain(self, timeout_s: float) -> bool:
        """Takes no more jobs and waits for the running step; False when it still runs after that time."""
        ...

    def stop(self) -> None:
        """Ends without waiting; what still runs stays held until it is given back."""


def priority(received_at: datetime, *, bulk: bool = False) -> int:
    """The place in the queue: newest calls first, bulk imports behind all others and newest first among themselves."""
    seconds = int((received_at - _DAWN).total_seconds())
    newest_first = _BULK - 1 - min(max(seconds, 0), _BULK - 2)
    return newest_first + (_BULK if bulk else 0)
