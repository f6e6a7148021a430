"""One suite for every job queue: memory, DBOS on SQLite, DBOS on PostgreSQL. DBOS's executors are processes."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from pipeline.jobs.base import HeldJob, Job, JobQueue, JobState, priority
from pipeline.jobs.dbos_queue import DbosQueue
from pipeline.jobs.heartbeat import Heartbeats
from pipeline.jobs.locks import advisory_exclusive, file_exclusive
from pipeline.jobs.memory import MemoryQueue, MemoryRunner
from pipeline.jobs.reaper import Reaper
from pipeline.store.database import Database
from tests.contract.jobs_executor import journaling

POSTGRES = os.environ.get("FORBEAR_TEST_POSTGRES", "postgresql://127.0.0.1:5432/test")
ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0


class Executor(Protocol):
    name: str

    def kill(self) -> None: ...
    def drain(self, timeout_s: float) -> bool: ...
    def close(self) -> None: ...


class Bench:
    """A queue under test, the database it lives in, and executors for it."""

    def __init__(self, database: Database, folder: Path, url: str) -> None:
        self.database = database
        self.folder = folder
        self.url = url
        self.journal = folder / "journal.jsonl"
        self.gate = folder / "gate"
        self.executors: list[Executor] = []
        self.heartbeats = Heartbeats(database.engine)
        self.queue: JobQueue

    def executor(self, *, version: int = 1) -> Executor:
        raise NotImplementedError

    def queue_of(self, *, version: int) -> JobQueue:
        raise NotImplementedError

    def enqueue(self, call: str, generation: int = 1, priority: int = 10) -> None:
        with self.database.session() as session:
            self.queue.enqueue(session, call, generation, priority)

    def events(self, kind: str) -> list[dict[str, str]]:
        lines = self.journal.read_text().splitlines() if self.journal.exists() else []
        return [event for event in map(json.loads, lines) if event["event"] == kind]

    def steps(self, id: str) -> list[str]:
        return [event["step"] for event in self.events("step") if event["job"] == id]

    def until(self, condition: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + PATIENCE_S
        while not (value := condition()):
            assert time.monotonic() < deadline, "what was waited for did not happen"
            time.sleep(0.02)
        return value

    def reaper(self, executor: str = "the reaper") -> Reaper:
        def exclusive() -> Any:
            if self.database.is_sqlite:
                return file_exclusive(self.folder / "reaper.lock")
            return advisory_exclusive(self.database.engine, 7)

        return Reaper(self.queue, self.heartbeats, executor=executor, exclusive=exclusive)

    def close(self) -> None:
        self.gate.touch()
        for executor in self.executors:
            executor.close()
        self.queue.close()


class MemoryBench(Bench):
    def __init__(self, database: Database, folder: Path, url: str) -> None:
        super().__init__(database, folder, url)
        self.queue = self._memory = MemoryQueue()

    def queue_of(self, *, version: int) -> JobQueue:
        self._memory.version = version
        return self._memory

    def executor(self, *, version: int = 1) -> Executor:
        return _MemoryExecutor(self)


class _MemoryExecutor:
    def __init__(self, bench: MemoryBench) -> None:
        self._dead = False
        self._runner = MemoryRunner(bench._memory)
        self.name = self._runner.executor
        bench.executors.append(self)
        self._runner.start(journaling(bench.journal, bench.gate, self.name, lambda: self._dead))

    def kill(self) -> None:
        self._dead = True
        self._runner.drain(PATIENCE_S)

    def drain(self, timeout_s: float) -> bool:
        return self._runner.drain(timeout_s)

    def close(self) -> None:
        self.kill()


class DbosBench(Bench):
    def __init__(self, database: Database, folder: Path, url: str) -> None:
        super().__init__(database, folder, url)
        self.queue = self.queue_of(version=1)
        self.queue.prepare()

    def queue_of(self, *, version: int) -> JobQueue:
        return DbosQueue(self.database.engine, self.url, version=version)

    def executor(self, *, version: int = 1) -> Executor:
        return _DbosExecutor(self, version)


class _DbosExecutor:
    def __init__(self, bench: DbosBench, version: int) -> None:
        self.name = f"executor-{secrets.token_hex(4)}"
        bench.executors.append(self)
        self._process = subprocess.Popen(
            [
                sys.executable, "-m", "tests.contract.jobs_executor",
                bench.url, self.name, str(bench.journal), str(bench.gate), str(version),
            ],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def drain(self, timeout_s: float) -> bool:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{timeout_s}\n")
        self._process.stdin.flush()
        return bool(json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


@contextmanager
def _postgres() -> Iterator[str]:
    """A database of its own on the local server."""
    admin = sa.create_engine(POSTGRES, isolation_level="AUTOCOMMIT")
    name = f"forbear_jobs_{secrets.token_hex(6)}"
    try:
        with admin.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
    except sa.exc.OperationalError:
        admin.dispose()
        pytest.skip(f"no PostgreSQL at {POSTGRES}; set FORBEAR_TEST_POSTGRES to run this")
    try:
        yield sa.make_url(POSTGRES).set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
        admin.dispose()


@pytest.fixture(params=["memory", "dbos-sqlite", "dbos-postgresql"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    kind = MemoryBench if request.param == "memory" else DbosBench
    with _postgres() if request.param == "dbos-postgresql" else _file(tmp_path) as url:
        database = Database(url)
        database.migrate()
        with database.session() as session:
            session.execute(sa.text("CREATE TABLE ours (id VARCHAR(20) PRIMARY KEY)"))
        made = kind(database, tmp_path, url)
        try:
            yield made
        finally:
            made.close()
            database.close()


@contextmanager
def _file(folder: Path) -> Iterator[str]:
    yield f"sqlite:///{folder / 'data' / 'forbear.db'}"


def _ours(session: Session, id: str) -> None:
    session.execute(sa.text("INSERT INTO ours VALUES (:id)"), {"id": id})


def test_a_job_is_queued_with_the_transaction_or_not_at_all(bench: Bench) -> None:
    class Stop(Exception):
        pass

    with pytest.raises(Stop), bench.database.session() as session:
        _ours(session, "gone")
        bench.queue.enqueue(session, "gone", 1, 10)
        raise Stop
    with bench.database.session() as session:
        _ours(session, "kept")
        bench.queue.enqueue(session, "kept", 1, 10)

    assert bench.queue.state("gone", 1) is None
    assert bench.queue.state("kept", 1) is JobState.QUEUED
    assert bench.queue.depth() == {"queued": 1, "running": 0}
    with bench.database.read() as session:
        assert session.execute(sa.text("SELECT id FROM ours")).scalars().all() == ["kept"]


def test_the_same_job_twice_is_one(bench: Bench) -> None:
    bench.enqueue("one")
    bench.enqueue("one")
    bench.enqueue("one", generation=2)
    assert bench.queue.living() == {Job(call="one", generation=1), Job(call="one", generation=2)}

    bench.executor()
    bench.until(lambda: len(bench.events("end")) == 2)
    bench.enqueue("one")  # done already: stays done
    bench.enqueue("other")
    bench.until(lambda: len(bench.events("end")) == 3)
    assert [event["job"] for event in bench.events("begin")].count("one:1") == 1


def test_lower_priority_numbers_go_first_and_one_at_a_time(bench: Bench) -> None:
    for call, place in (("last", 2**31 - 1), ("second", 20), ("first", 1), ("third", 20)):
        bench.enqueue(call, priority=place)
    bench.executor()
    bench.until(lambda: len(bench.events("end")) == 4)
    events = [json.loads(line) for line in bench.journal.read_text().splitlines()]
    begun = [event["job"].split(":")[0] for event in events if event["event"] == "begin"]
    assert begun == ["first", "second", "third", "last"]
    # Begin, a, b, c, end of one job before the next begins.
    assert [event["event"] for event in events] == ["begin", "step", "step", "step", "end"] * 4


def test_what_a_killed_executor_held_is_finished_by_another_without_repeating_steps(bench: Bench) -> None:
    bench.enqueue("slow")
    first = bench.executor()
    bench.until(lambda: bench.steps("slow:1") == ["a", "b"])
    assert bench.queue.held() == (HeldJob(job=Job(call="slow", generation=1), executor=first.name),)
    first.kill()

    second = bench.executor()
    assert bench.queue.state("slow", 1) is JobState.RUNNING  # nobody takes it by itself
    bench.heartbeats.beat(second.name)
    assert bench.reaper().sweep() == (Job(call="slow", generation=1),)
    bench.until(lambda: bench.steps("slow:1") == ["a", "b", "b"])
    bench.gate.touch()
    (end,) = bench.until(lambda: bench.events("end"))
    assert end["step"] == f"{first.name},{second.name},{second.name}"
    assert [event["executor"] for event in bench.events("begin")] == [first.name, second.name]
    bench.until(lambda: bench.queue.state("slow", 1) is JobState.ENDED)


def test_only_the_holder_s_jobs_are_given_back(bench: Bench) -> None:
    bench.enqueue("slow")
    holder = bench.executor()
    job = Job(call="slow", generation=1)
    bench.until(lambda: bench.queue.held())
    assert bench.queue.give_back([job], executor="somebody else") == ()
    assert bench.queue.held() == (HeldJob(job=job, executor=holder.name),)
    bench.heartbeats.beat(holder.name)
    assert bench.reaper().sweep() == ()
    holder.kill()
    assert bench.queue.give_back([job, Job(call="unknown", generation=1)], executor=holder.name) == (job,)
    assert bench.queue.give_back([job], executor=holder.name) == ()
    assert bench.queue.state("slow", 1) is JobState.QUEUED


def test_a_cancelled_job_is_never_begun(bench: Bench) -> None:
    bench.enqueue("unwanted", priority=1)
    bench.enqueue("wanted", priority=2)
    bench.queue.cancel("unwanted", 1)
    assert bench.queue.state("unwanted", 1) is JobState.ENDED
    bench.executor()
    bench.until(lambda: bench.events("end"))
    assert [event["job"] for event in bench.events("begin")] == ["wanted:1"]


def test_a_running_job_that_is_cancelled_stops_before_its_next_step(bench: Bench) -> None:
    bench.enqueue("slow", priority=1)
    bench.enqueue("next", priority=2)
    bench.executor()
    bench.until(lambda: bench.steps("slow:1") == ["a", "b"])
    bench.queue.cancel("slow", 1)
    bench.gate.touch()
    bench.until(lambda: bench.events("end"))
    assert [event["job"] for event in bench.events("end")] == ["next:1"]
    assert bench.steps("slow:1") == ["a", "b"]
    assert bench.queue.state("slow", 1) is JobState.ENDED


def test_a_draining_executor_finishes_its_step_and_takes_nothing_more(bench: Bench) -> None:
    bench.enqueue("slow", priority=1)
    bench.enqueue("next", priority=2)
    executor = bench.executor()
    bench.until(lambda: bench.steps("slow:1") == ["a", "b"])
    assert executor.drain(1.0) is False
    assert bench.queue.held() == (HeldJob(job=Job(call="slow", generation=1), executor=executor.name),)
    executor.kill()
    assert bench.queue.give_back([Job(call="slow", generation=1)], executor=executor.name)

    idle = bench.executor()
    bench.gate.touch()
    bench.until(lambda: len(bench.events("end")) == 2)
    assert idle.drain(5.0) is True
    bench.enqueue("late")
    assert bench.queue.depth() == {"queued": 1, "running": 0}
    assert [event["job"] for event in bench.events("begin")].count("late:1") == 0


def test_jobs_of_an_older_workflow_begin_afresh(bench: Bench) -> None:
    bench.enqueue("slow")
    old = bench.executor()
    bench.until(lambda: bench.steps("slow:1") == ["a", "b"])
    old.kill()
    job = Job(call="slow", generation=1)
    assert bench.queue.give_back([job], executor=old.name) == (job,)
    bench.gate.touch()

    assert bench.queue.renew() == ()
    newer = bench.queue_of(version=2)
    assert newer.renew() == (job,)
    bench.executor(version=2)
    bench.until(lambda: bench.events("end"))
    assert bench.steps("slow:1") == ["a", "b", "a", "b", "c"]


def test_newest_calls_come_first_and_bulk_imports_behind_all_others() -> None:
    from datetime import UTC, datetime, timedelta

    noon = datetime(2026, 5, 1, 12, tzinfo=UTC)
    ancient, future = datetime(1999, 1, 1, tzinfo=UTC), datetime(2060, 1, 1, tzinfo=UTC)
    places = [
        priority(future),
        priority(noon + timedelta(seconds=1)),
        priority(noon),
        priority(ancient),
        priority(noon, bulk=True),
        priority(ancient, bulk=True),
    ]
    assert places == sorted(places) and len(set(places)) == len(places)
    assert places[0] >= 1 and places[-1] < 2**31
