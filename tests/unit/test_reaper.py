"""Who counts as dead, and what happens to their jobs."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from pipeline.jobs.base import HeldJob, Job
from pipeline.jobs.heartbeat import Beat, Heartbeat, Heartbeats, pid_alive, this_host
from pipeline.jobs.locks import FileLock, file_exclusive, holder_of
from pipeline.jobs.reaper import Reaper
from pipeline.store.database import Database
from pipeline.store.tables import HeartbeatRow

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
JOB = Job(call="c", generation=1)


@dataclass
class Holding:
    """The part of a queue that a reaper uses."""

    jobs: dict[Job, str] = field(default_factory=dict)

    def held(self) -> tuple[HeldJob, ...]:
        return tuple(HeldJob(job=job, executor=executor) for job, executor in self.jobs.items())

    def give_back(self, jobs: object, *, executor: str) -> tuple[Job, ...]:
        given = tuple(job for job in jobs if self.jobs.get(job) == executor)  # type: ignore[attr-defined]
        for job in given:
            del self.jobs[job]
        return given


@dataclass
class Signs:
    """The table of signs of life, in memory."""

    beats: dict[str, Beat] = field(default_factory=dict)

    def show(self, executor: str, *, pid: int, host: str, at: datetime = NOON) -> None:
        self.beats[executor] = Beat(executor=executor, pid=pid, host=host, at=at)

    def all(self) -> tuple[Beat, ...]:
        return tuple(self.beats.values())

    def forget(self, executor: str) -> None:
        self.beats.pop(executor, None)


class Bench:
    def __init__(self, folder: Path) -> None:
        self.queue, self.signs, self.now = Holding(), Signs(), 1000.0
        self.lock = folder / "reaper.lock"
        self.reaper = Reaper(
            self.queue,  # type: ignore[arg-type]
            self.signs,  # type: ignore[arg-type]
            executor="me",
            exclusive=lambda: file_exclusive(self.lock),
            silent_s=60,
            clock=lambda: self.now,
        )


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def _dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_dead_process_of_this_machine_is_dead_at_once(bench: Bench) -> None:
    bench.queue.jobs[JOB] = "other"
    bench.signs.show("other", pid=_dead_pid(), host=this_host())
    assert bench.reaper.sweep() == (JOB,)
    assert "other" not in bench.signs.beats


def test_a_zombie_is_dead_too() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.read()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it ended, and nobody has collected it yet
    if sys.platform == "linux":
        assert not pid_alive(process.pid)
    process.wait()
    assert not pid_alive(process.pid)
    assert pid_alive(os.getpid())


def test_the_same_pid_on_another_machine_says_nothing(bench: Bench) -> None:
    bench.queue.jobs[JOB] = "far"
    bench.signs.show("far", pid=_dead_pid(), host="elsewhere")
    assert bench.reaper.sweep() == ()


def test_silence_is_measured_by_the_reaper_s_own_clock(bench: Bench) -> None:
    bench.queue.jobs[JOB] = "far"
    bench.signs.show("far", pid=1, host="elsewhere", at=NOON - timedelta(days=3))  # a clock that is days behind
    assert bench.reaper.sweep() == ()
    bench.now += 59
    assert bench.reaper.sweep() == ()
    bench.signs.show("far", pid=1, host="elsewhere", at=NOON)
    bench.now += 2
    assert bench.reaper.sweep() == ()
    bench.now += 59
    assert bench.reaper.sweep() == ()
    bench.now += 1
    assert bench.reaper.sweep() == (JOB,)


def test_a_living_process_that_says_nothing_is_dead_after_a_minute(bench: Bench) -> None:
    bench.queue.jobs[JOB] = "stuck"
    bench.signs.show("stuck", pid=os.getpid(), host=this_host())
    assert bench.reaper.sweep() == ()
    bench.now += 60
    assert bench.reaper.sweep() == (JOB,)


def test_who_never_showed_a_sign_is_dead_and_the_reaper_itself_is_not(bench: Bench) -> None:
    mine = Job(call="mine", generation=1)
    bench.queue.jobs.update({JOB: "unknown", mine: "me"})
    assert bench.reaper.sweep() == (JOB,)
    assert bench.queue.jobs == {mine: "me"}


def test_the_dead_without_jobs_are_forgotten(bench: Bench) -> None:
    bench.signs.show("idle", pid=_dead_pid(), host=this_host())
    assert bench.reaper.sweep() == ()
    assert bench.signs.beats == {}


def test_two_reapers_never_look_at_once(bench: Bench) -> None:
    bench.queue.jobs[JOB] = "unknown"
    with file_exclusive(bench.lock) as other:
        assert other
        assert bench.reaper.sweep() == ()
    assert bench.reaper.sweep() == (JOB,)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path / 'forbear.db'}")
    made.migrate()
    yield made
    made.close()


def test_heartbeats_lie_in_the_store_s_own_table(database: Database) -> None:
    heartbeats = Heartbeats(database.engine)
    heartbeats.beat("one")
    heartbeats.beat("one")
    heartbeats.beat("two")
    with database.read() as session:
        rows = session.scalars(sa.select(HeartbeatRow).order_by(HeartbeatRow.executor)).all()
    assert [(row.executor, row.pid, row.host) for row in rows] == [
        ("one", os.getpid(), this_host()),
        ("two", os.getpid(), this_host()),
    ]
    assert {beat.executor for beat in heartbeats.all()} == {"one", "two"}
    heartbeats.forget("one")
    assert [beat.executor for beat in heartbeats.all()] == ["two"]


def test_a_heartbeat_shows_at_once_changes_and_goes(database: Database) -> None:
    heartbeats = Heartbeats(database.engine)
    heartbeat = Heartbeat(heartbeats, "me", interval_s=0.02)
    heartbeat.start()
    (first,) = heartbeats.all()
    waited = threading.Event()
    for _ in range(500):
        if heartbeats.all()[0].at != first.at:
            break
        waited.wait(0.02)
    assert heartbeats.all()[0].at != first.at
    heartbeat.stop()
    assert heartbeats.all() == ()


def test_a_file_lock_is_held_once_says_who_and_goes_with_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.lock"
    assert holder_of(path) is None
    lock, other = FileLock(path), FileLock(path)
    assert lock.acquire("first") and lock.acquire("again")
    assert not other.acquire("second")
    assert holder_of(path) == "first"
    lock.release()
    assert holder_of(path) is None
    assert other.acquire("second") and holder_of(path) == "second"
    other.release()

    code = (
        "import sys, time; from pathlib import Path; from pipeline.jobs.locks import FileLock\n"
        "lock = FileLock(Path(sys.argv[1])); print(lock.acquire('child'), flush=True); time.sleep(100)"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "True\n"
    assert not lock.acquire("third") and holder_of(path) == "child"
    child.kill()
    child.communicate()
    assert lock.acquire("third")
    lock.release()
