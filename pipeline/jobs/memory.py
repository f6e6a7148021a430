"""The queue in memory: the same promises within one process, for tests and for trying things out."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import event
from sqlalchemy.orm import Session

from pipeline.jobs.base import Draining, HeldJob, Job, JobState, Steps, Workflow

T = TypeVar("T")

_POLL_S = 0.01


@dataclass
class _Entry:
    job: Job
    priority: int
    order: int
    version: int
    state: JobState = JobState.QUEUED
    executor: str | None = None
    cancelled: bool = False
    finished: dict[str, Any] = field(default_factory=dict)


class MemoryQueue:
    """Jobs in a dictionary; each MemoryRunner on it is an executor."""

    def __init__(self, *, version: int = 1) -> None:
        self.version = version
        self._entries: dict[Job, _Entry] = {}
        self._order = itertools.count()
        self._lock = threading.RLock()

    def prepare(self) -> None:
        """Memory needs no tables."""

    def enqueue(self, session: Session, call: str, generation: int, priority: int) -> None:
        # What is done here must vanish when the caller's transaction does, so it waits for the commit.
        job = Job(call=call, generation=generation)
        waiting = [job]

        def committed(_: Session) -> None:
            for one in waiting:
                self._add(one, priority)

        event.listen(session, "after_commit", committed, once=True)
        event.listen(session, "after_rollback", lambda _: waiting.clear(), once=True)

    def cancel(self, call: str, generation: int) -> None:
        with self._lock:
            entry = self._entries.get(Job(call=call, generation=generation))
            if entry is not None and entry.state is not JobState.ENDED:
                entry.cancelled, entry.state = True, JobState.ENDED

    def depth(self) -> Mapping[str, int]:
        with self._lock:
            states = [entry.state for entry in self._entries.values()]
        return {"queued": states.count(JobState.QUEUED), "running": states.count(JobState.RUNNING)}

    def state(self, call: str, generation: int) -> JobState | None:
        with self._lock:
            entry = self._entries.get(Job(call=call, generation=generation))
            return None if entry is None else entry.state

    def living(self) -> frozenset[Job]:
        with self._lock:
            return frozenset(entry.job for entry in self._entries.values() if entry.state is not JobState.ENDED)

    def held(self) -> tuple[HeldJob, ...]:
        with self._lock:
            return tuple(
                HeldJob(job=entry.job, executor=entry.executor or "")
                for entry in self._entries.values()
                if entry.state is JobState.RUNNING
            )

    def give_back(self, jobs: Iterable[Job], *, executor: str) -> tuple[Job, ...]:
        with self._lock:
            theirs = [
                entry
                for job in jobs
                if (entry := self._entries.get(job)) and entry.state is JobState.RUNNING and entry.executor == executor
            ]
            for entry in theirs:
                entry.state, entry.executor = JobState.QUEUED, None
            return tuple(entry.job for entry in theirs)

    def renew(self) -> tuple[Job, ...]:
        with self._lock:
            old = [e for e in self._entries.values() if e.state is JobState.QUEUED and e.version < self.version]
            for entry in old:
                entry.version = self.version
                entry.finished.clear()
            return tuple(entry.job for entry in old)

    def close(self) -> None:
        """Memory has no connections."""

    def _add(self, job: Job, priority: int) -> None:
        with self._lock:
            order = next(self._order)
            self._entries.setdefault(job, _Entry(job=job, priority=priority, order=order, version=self.version))

    def take(self, executor: str) -> _Entry | None:
        """The next job, now held by that executor; for runners."""
        with self._lock:
            waiting = [e for e in self._entries.values() if e.state is JobState.QUEUED and e.version == self.version]
            if not waiting:
                return None
            entry = min(waiting, key=lambda e: (e.priority, e.order))
            entry.state, entry.executor = JobState.RUNNING, executor
            return entry

    def end(self, entry: _Entry, executor: str) -> None:
        """The job is over, unless it was taken away from this executor meanwhile; for runners."""
        with self._lock:
            if entry.state is JobState.RUNNING and entry.executor == executor:
                entry.state = JobState.ENDED

    def holds(self, entry: _Entry, executor: str) -> bool:
        """Whether the job still belongs to this executor; for runners."""
        with self._lock:
            return entry.state is JobState.RUNNING and entry.executor == executor


class MemoryRunner:
    """One thread as one executor."""

    _numbers = itertools.count(1)

    def __init__(self, queue: MemoryQueue, *, executor: str | None = None) -> None:
        self._queue = queue
        self._executor = executor or f"memory-{next(self._numbers)}"
        self._draining = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def executor(self) -> str:
        return self._executor

    def start(self, workflow: Workflow) -> None:
        self._thread = threading.Thread(target=self._run, args=(workflow,), name=self._executor, daemon=True)
        self._thread.start()

    def drain(self, timeout_s: float) -> bool:
        self._draining.set()
        if self._thread is not None:
            self._thread.join(timeout_s)
        return self._thread is None or not self._thread.is_alive()

    def stop(self) -> None:
        self._draining.set()

    def _run(self, workflow: Workflow) -> None:
        while not self._draining.wait(_POLL_S):
            entry = self._queue.take(self._executor)
            if entry is None:
                continue
            try:
                workflow(entry.job, self._steps(entry))
            except Draining:
                # The job was taken away, or the executor leaves: whoever holds it now decides what becomes of it.
                continue
            self._queue.end(entry, self._executor)

    def _steps(self, entry: _Entry) -> Steps:
        def step(name: str, action: Callable[[], T]) -> T:
            if self._draining.is_set() or not self._queue.holds(entry, self._executor):
                raise Draining
            if name not in entry.finished:
                result = action()
                if not self._queue.holds(entry, self._executor):
                    raise Draining
                entry.finished[name] = result
            finished: T = entry.finished[name]
            return finished

        return step
