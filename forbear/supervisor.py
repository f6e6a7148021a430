"""One supervisor per data folder: starts worker processes, replaces those that die, ends those it started.

Who supervises holds a lock on a file in the data folder, which the kernel releases when that process dies, however it
dies. Workers hold the other end of a pipe and leave when it closes. So a killed supervisor leaves nothing running and
the next can start at once.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import structlog

from pipeline.encoding import encode
from pipeline.errors import Unavailable
from pipeline.jobs.locks import FileLock, holder_of
from pipeline.settings import Settings, worker_environment

_log = structlog.get_logger(__name__)

CANNOT_START = 78
"""Exit status of a worker that can't work until somebody mends something (EX_CONFIG of sysexits.h)."""

BEGAN = "began"
"""What a worker says when it begins to take calls; one that ends with `CANNOT_START` says the reason instead."""

_LOCK = "supervisor.lock"
_TICK_S = 0.1
_LOCK_RETRY_S = 0.5
_STOP_S = 10.0
_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 30.0
_ROOT = Path(__file__).resolve().parent.parent
_START = "import sys; sys.path.insert(0, sys.argv.pop(1)); from forbear.worker import main; main()"


@dataclass(frozen=True, kw_only=True, slots=True)
class Holder:
    """Who supervises a data folder."""

    pid: int
    since: datetime


def holder(data: Path) -> Holder | None:
    """The supervisor of a data folder, or None when there is none."""
    text = holder_of(data / _LOCK)
    if text is None:
        return None
    try:
        values = json.loads(text)
        return Holder(pid=values["pid"], since=datetime.fromisoformat(values["since"]))
    except (ValueError, KeyError):
        return Holder(pid=0, since=datetime.now(UTC))  # it holds the lock and has not written yet


def alive(data: Path) -> bool:
    """Whether somebody supervises workers of this data folder now."""
    return holder(data) is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """The first line a worker reads: all settings and its number, so that it depends on no environment."""

    settings: Settings
    number: int


class Supervisor:
    """Keeps `workers` worker processes running while it is entered, once nobody else does so for this data folder.

    With `keep_trying` workers that can't start (weights are missing, say) are tried again for ever; without it `check`
    says so.
    """

    def __init__(self, settings: Settings, *, workers: int | None = None, keep_trying: bool = False) -> None:
        self._settings = settings
        self._count = settings.workers if workers is None else workers
        self._keep_trying = keep_trying
        self._lock = FileLock(settings.data / _LOCK)
        self._stopping = threading.Event()
        self._slots: list[_Slot] = []
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)

    def __enter__(self) -> Self:
        if self._count > 0:
            self._take_charge()
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        _stop_all(self._slots)
        self._lock.release()

    @property
    def in_charge(self) -> bool:
        """Whether this one holds the lock; else another process supervises and this one waits to take over."""
        return self._lock.held

    @property
    def pids(self) -> tuple[int, ...]:
        """The worker processes that run now."""
        return tuple(slot.process.pid for slot in self._slots if slot.process and slot.process.poll() is None)

    def check(self) -> None:
        """Raises Unavailable when the workers can't start and will not be tried for ever."""
        if self._keep_trying or not self._slots:
            return
        if all(slot.problem for slot in self._slots):
            raise Unavailable(f"No worker can start: {self._slots[0].problem}", code="workers_cannot_start")

    def _take_charge(self) -> bool:
        if not self._lock.held:
            since = datetime.now(UTC).isoformat()
            if not self._lock.acquire(json.dumps({"pid": os.getpid(), "since": since})):
                return False
            self._slots = [_Slot(self._settings, number) for number in range(self._count)]
            _log.info("supervising", workers=self._count)
        return True

    def _run(self) -> None:
        while not self._stopping.is_set():
            if not self._take_charge():
                self._stopping.wait(_LOCK_RETRY_S)
                continue
            for slot in self._slots:
                slot.tend()
            self._stopping.wait(_TICK_S)


class _Slot:
    """The place of one worker: what runs in it, and when the next may."""

    def __init__(self, settings: Settings, number: int) -> None:
        self._settings = settings
        self._number = number
        self._not_before = 0.0
        self._failed_starts = 0
        self.process: subprocess.Popen[bytes] | None = None
        self.problem = ""

    def tend(self) -> None:
        """Looks after the worker once: notes its death, starts the next when it is time."""
        now = time.monotonic()
        if self.process is not None and self.process.poll() is not None:
            self._note_death(self.process, now)
            self.process = None
        if self.process is None and now >= self._not_before:
            self._start()

    def stop(self) -> None:
        """Asks the worker to finish its step and leave."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def end(self, deadline: float) -> None:
        """Waits until the worker is gone, and makes it go at the deadline."""
        if self.process is None:
            return
        try:
            self.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        self.process = None

    def _start(self) -> None:
        self.process = subprocess.Popen(
            # The folder of this package is named because it need not be installed, nor the working directory.
            [sys.executable, "-c", _START, str(_ROOT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=worker_environment(),
        )
        assert self.process.stdin is not None
        try:
            # The pipe stays open for as long as this process lives: its end tells the worker that nobody minds it.
            self.process.stdin.write(encode(Order(settings=self._settings, number=self._number)) + b"\n")
            self.process.stdin.flush()
        except OSError:
            return  # it died at once; the next look notes that

    def _note_death(self, process: subprocess.Popen[bytes], now: float) -> None:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.close()
        said = _last_words(process.stdout)
        self.problem = said if process.returncode == CANNOT_START else ""
        # A worker that began to work is replaced at once: what it died of may be its call, which is not taken for ever.
        self._failed_starts = 0 if said == BEGAN else self._failed_starts + 1
        pause = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**self._failed_starts) if self._failed_starts else 0.0
        self._not_before = now + pause
        _log.warning(
            "worker ended", slot=self._number, status=process.returncode, reason=self.problem, restart_in_s=pause
        )


def _last_words(pipe: IO[bytes]) -> str:
    with pipe:
        return pipe.read(2000).decode(errors="replace").strip()


def _stop_all(slots: list[_Slot]) -> None:
    for slot in slots:
        slot.stop()
    deadline = time.monotonic() + _STOP_S
    for slot in slots:
        slot.end(deadline)
