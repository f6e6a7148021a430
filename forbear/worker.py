"""The worker process: takes calls from the queue and processes them, writes the search index, and looks after the dead.

A supervised worker reads its orders from a pipe and leaves when that pipe closes, which is when its supervisor died.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import structlog

from forbear.supervisor import BEGAN, CANNOT_START, Order
from pipeline.encoding import decode
from pipeline.errors import ConfigError, Unavailable
from pipeline.jobs.heartbeat import Heartbeat
from pipeline.jobs.reaper import Reaper
from pipeline.settings import Settings
from pipeline.store.folders import private_folder
from pipeline.tasks import DrainIndex, ProcessCall

if TYPE_CHECKING:
    from forbear.wiring import Application
    from pipeline.jobs.base import JobRunner

_log = structlog.get_logger(__name__)

_DRAIN_S = 5.0
_LAST_MOMENT_S = 3.0
_REAP_EVERY_S = 2.0
_SEARCH_EVERY_S = 120.0
_TIDY_EVERY_S = 3600.0
_TICK_S = 0.5


def main() -> None:
    """Entry of a supervised worker: its order is the first line on stdin, whose end is the end of the supervisor."""
    order = decode(Order, sys.stdin.buffer.readline())
    tell = _take_over_output(order.settings.data / "logs", order.number)
    try:
        run_worker(order.settings, supervised=True, name=f"worker-{order.number}", began=lambda: tell(BEGAN))
    except (Unavailable, ConfigError) as error:
        # Not a crash: trying again at once would end the same way, so the supervisor is told why.
        tell(error.message)
        sys.exit(CANNOT_START)


def run_worker(
    settings: Settings,
    *,
    supervised: bool = False,
    name: str | None = None,
    began: Callable[[], None] = lambda: None,
) -> None:
    """Works until SIGTERM (unsupervised: or SIGINT), then finishes its step and leaves. Calls `began` once it works.

    Raises Unavailable and ConfigError when it can't begin.
    """
    from forbear.wiring import build_application

    application = build_application(settings, log=name or f"worker-{os.getpid()}")
    Worker(application, supervised=supervised, on_begin=began).run()


@dataclass(kw_only=True, slots=True)
class _Chore:
    """Something to do at the beginning and now and then; what goes wrong with it is logged and tried again."""

    every_s: float
    action: Callable[[], object]
    _due: float = 0.0

    def tend(self) -> None:
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + self.every_s
        try:
            self.action()
        except Exception:
            _log.exception("chore not done", chore=self.action.__name__)


class Worker:
    """One executor, from its first sign of life to its last."""

    def __init__(self, application: Application, *, supervised: bool, on_begin: Callable[[], None]) -> None:
        self._application = application
        self._supervised = supervised
        self._on_begin = on_begin
        self._stopping = threading.Event()
        self._runner: JobRunner | None = None
        self._began = False

    def run(self) -> None:
        """Blocks until the worker is asked to stop."""
        signal.signal(signal.SIGTERM, self._asked_to_stop)
        # Ctrl-C reaches the whole group of a terminal; a supervised worker waits for its supervisor to say so.
        signal.signal(signal.SIGINT, signal.SIG_IGN if self._supervised else self._asked_to_stop)
        if self._supervised:
            threading.Thread(target=self._leave_with_supervisor, name="lifeline", daemon=True).start()
        from forbear.wiring import build_runner, build_stages, in_force, reaper_lock

        application = self._application
        with build_stages(application.settings) as stages:
            runner = self._runner = build_runner(application.settings)
            heartbeat = Heartbeat(application.heartbeats, runner.executor)
            # From the first sign of life on, being asked to stop means to take it away again.
            self._began = True
            heartbeat.start()
            reaper = Reaper(
                application.jobs,
                application.heartbeats,
                executor=runner.executor,
                exclusive=reaper_lock(application),
            )
            drain = DrainIndex(indexing=application.indexing, open_index=application.open_index)
            indexing = threading.Thread(target=drain.run, args=(self._stopping,), name="index")
            indexing.start()
            runner.start(
                ProcessCall(
                    processing=application.processing,
                    stages=in_force(stages, application.policies, application.settings),
                    media=application.media,
                    artifacts=application.artifacts,
                    max_attempts=application.settings.max_attempts,
                )
            )
            self._on_begin()
            _log.info("worker began", executor=runner.executor, pid=os.getpid())
            try:
                self._look_after(reaper)
            finally:
                self._stopping.set()
                quiet = runner.drain(_DRAIN_S)
                self._give_back()
                indexing.join(_DRAIN_S)
                heartbeat.stop()
                _log.info("worker leaves", executor=runner.executor, step_finished=quiet)
                if not quiet:
                    # The step can't be interrupted, and the call is another's by now: end without waiting for it.
                    os._exit(0)
        application.close()

    def _look_after(self, reaper: Reaper) -> None:
        chores = [
            _Chore(every_s=_REAP_EVERY_S, action=reaper.sweep),
            _Chore(every_s=_SEARCH_EVERY_S, action=self._search_for_lost_work),
            _Chore(every_s=_TIDY_EVERY_S, action=self._application.upkeep.sweep),
        ]
        while not self._stopping.is_set():
            for chore in chores:
                chore.tend()
            self._stopping.wait(_TICK_S)

    def _search_for_lost_work(self) -> None:
        for job in (*self._application.jobs.renew(), *self._application.lost_work.recover()):
            _log.warning("job found and queued again, or failed", call=job.call, generation=job.generation)

    def _give_back(self) -> None:
        """What this executor still holds goes back to the queue, and the start does not count against the call."""
        assert self._runner is not None
        jobs, executor = self._application.jobs, self._runner.executor
        for held in jobs.held():
            if held.executor == executor:
                self._application.processing.release(held.job.call, held.job.generation)
                jobs.give_back([held.job], executor=executor)

    def _asked_to_stop(self, _signal: int, _frame: object) -> None:
        if not self._began:
            sys.exit(0)
        self._stopping.set()

    def _leave_with_supervisor(self) -> None:
        # Not through sys.stdin: at the end of this process its lock would be in the hands of this thread.
        while os.read(0, 4096):
            pass
        _log.warning("the supervisor is gone, leaving")
        # Whatever gets stuck below, this process ends; the next reaper then does what was left undone.
        threading.Thread(target=_exit_soon, name="exit", daemon=True).start()
        try:
            if self._began:
                self._give_back()
        finally:
            os._exit(1)


def _exit_soon() -> NoReturn:
    time.sleep(_LAST_MOMENT_S)
    os._exit(1)


def _take_over_output(folder: Path, number: int) -> Callable[[str], None]:
    """Sends what libraries print to a file; returns the way to tell the supervisor something, on what was stdout."""
    private_folder(folder)
    report = os.dup(sys.stdout.fileno())
    output = os.open(folder / f"worker-{number}.out", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(output, stream.fileno())
    os.close(output)

    def tell(text: str) -> None:
        os.write(report, text.encode())

    return tell
