"""One supervisor per data folder, with real worker processes: taking over, leaving, and workers that can't work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from forbear.supervisor import Supervisor, alive, holder
from pipeline.errors import Unavailable
from pipeline.jobs.heartbeat import pid_alive
from pipeline.settings import Settings
from tests.acceptance.forbear_process import ROOT, until, workers

SUPERVISE = """
import sys, time
from pathlib import Path
from forbear.supervisor import Supervisor
from pipeline.settings import Settings
with Supervisor(Settings(data=Path(sys.argv[1]))) as supervisor:
    while not supervisor.pids:
        time.sleep(0.01)
    print("worker", *supervisor.pids, flush=True)
    time.sleep(1000)
"""


@contextmanager
def supervising(data: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A supervisor in a process of its own, and the pid of its worker."""
    process = subprocess.Popen(
        [sys.executable, "-c", SUPERVISE, str(data)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        told = next(line for line in process.stdout if line.startswith("worker"))
        yield process, int(told.split()[1])
    finally:
        process.kill()
        process.communicate()


def test_workers_leave_with_a_killed_supervisor_and_the_next_begins_at_once(tmp_path: Path) -> None:
    with supervising(tmp_path) as (process, worker):
        found = holder(tmp_path)
        assert found is not None and found.pid == process.pid
        assert pid_alive(worker)
        process.kill()
        process.wait()
        assert not alive(tmp_path)
        with Supervisor(Settings(data=tmp_path)) as next_one:
            assert next_one.in_charge
            until(lambda: not pid_alive(worker))
            until(lambda: next_one.pids)


def test_there_is_one_supervisor_and_another_takes_over_when_it_goes(tmp_path: Path) -> None:
    with supervising(tmp_path) as (process, _):
        with Supervisor(Settings(data=tmp_path)) as second:
            assert not second.in_charge and second.pids == ()
            process.kill()
            process.wait()
            until(lambda: second.in_charge)
            until(lambda: second.pids)
        assert not alive(tmp_path)


def test_leaving_ends_the_workers_and_killed_ones_are_replaced(tmp_path: Path) -> None:
    with Supervisor(Settings(data=tmp_path), workers=2) as supervisor:
        until(lambda: len(supervisor.pids) == 2)
        victim, survivor = supervisor.pids
        os.kill(victim, signal.SIGKILL)
        until(lambda: victim not in supervisor.pids and len(supervisor.pids) == 2)
        now = supervisor.pids
        assert survivor in now
    assert not any(pid_alive(pid) for pid in (victim, *now))


def test_without_workers_nobody_supervises(tmp_path: Path) -> None:
    with Supervisor(Settings(data=tmp_path), workers=0) as supervisor:
        supervisor.check()
        assert not alive(tmp_path)


@pytest.mark.weights
def test_a_worker_says_that_it_lives_and_takes_its_leave(tmp_path: Path) -> None:
    with Supervisor(Settings(data=tmp_path)) as supervisor:
        executors = until(lambda: workers(tmp_path))
        assert tuple(executors.values()) == supervisor.pids
        supervisor.check()
    assert workers(tmp_path) == {}


def test_workers_that_can_t_begin_say_why(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, asr_model=str(tmp_path / "no-such-weights"))
    with Supervisor(settings) as supervisor, pytest.raises(Unavailable, match="no-such-weights") as caught:
        until(lambda: supervisor.check(), pause_s=0.1)
    assert caught.value.code == "workers_cannot_start"
    with Supervisor(settings, keep_trying=True) as patient:
        until(lambda: patient.pids)
        patient.check()
