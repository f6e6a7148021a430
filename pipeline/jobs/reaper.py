"""Gives the work of dead executors back to the queue, because nothing else would: it stays theirs for ever."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime

from pipeline.jobs.base import Job, JobQueue
from pipeline.jobs.heartbeat import Beat, Heartbeats, pid_alive, this_host
from pipeline.jobs.locks import Exclusive

_log = logging.getLogger(__name__)


class Reaper:
    """Decides who is dead and gives their jobs back.

    Dead is who holds jobs without ever having shown a sign of life, whose process is gone from this machine, or whose
    sign of life did not change for `silent_s`. The silence is measured by the reaper's own clock from when it first saw
    that sign, so neither clocks that differ nor a laptop that slept make the living look dead.
    """

    def __init__(
        self,
        queue: JobQueue,
        heartbeats: Heartbeats,
        *,
        executor: str,
        exclusive: Exclusive,
        silent_s: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue = queue
        self._heartbeats = heartbeats
        self._executor = executor
        self._exclusive = exclusive
        self._silent_s = silent_s
        self._clock = clock
        self._seen: dict[str, tuple[datetime, float]] = {}

    def sweep(self) -> tuple[Job, ...]:
        """One look at everybody; returns the jobs given back. Does nothing while another reaper looks."""
        with self._exclusive() as mine:
            return self._sweep() if mine else ()

    def _sweep(self) -> tuple[Job, ...]:
        # Jobs before signs of life: an executor shows its sign before it takes a job, so the living are in `beats`.
        held: dict[str, list[Job]] = {}
        for one in self._queue.held():
            held.setdefault(one.executor, []).append(one.job)
        beats = {beat.executor: beat for beat in self._heartbeats.all()}
        self._seen = {name: seen for name, seen in self._seen.items() if name in beats}

        given_back: list[Job] = []
        for name in sorted(held.keys() | beats.keys()):
            if name == self._executor or not self._is_dead(beats.get(name)):
                continue
            jobs = self._queue.give_back(held.get(name, ()), executor=name)
            self._heartbeats.forget(name)
            given_back += jobs
            _log.warning("executor %s is dead, %d of its jobs go back to the queue", name, len(jobs))
        return tuple(given_back)

    def _is_dead(self, beat: Beat | None) -> bool:
        if beat is None:
            return True
        if beat.host == this_host() and not pid_alive(beat.pid):
            return True
        at, since = self._seen.setdefault(beat.executor, (beat.at, self._clock()))
        if at != beat.at:
            self._seen[beat.executor] = (beat.at, self._clock())
            return False
        return self._clock() - since >= self._silent_s
