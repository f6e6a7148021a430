"""The queue on DBOS, inside our own database: SQLite on one machine, PostgreSQL for many. All that knows DBOS is here.

Accepting a recording and queueing it is one transaction, because both are rows of one database. Arguments and results
are stored as JSON, so nothing in the database is ever unpickled. Rows of DBOS are only changed through its public
calls; they are counted straight from its documented `workflow_status` table, because listing a long queue is slow.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from pipeline.jobs.base import Draining, HeldJob, Job, JobState, Workflow

if TYPE_CHECKING:
    from dbos import DBOSClient, DBOSConfig

T = TypeVar("T")

VERSION = 2
"""The shape of the workflow. Raise it whenever a step is added, removed, renamed or moved: executors only take jobs of
their own version, and `renew` starts the jobs of older ones afresh."""

QUEUE = "calls"
WORKFLOW = "process_call"
_APPLICATION = "forbear"
_SCHEMA = "dbos"
_POLL_S = 0.2
_COLUMNS = ("workflow_uuid", "status", "queue_name", "executor_id", "application_version", "priority")

_log = logging.getLogger(__name__)


def executor_name() -> str:
    """A name no other executor has, or ever had."""
    host = re.sub(r"[^A-Za-z0-9.-]", "-", socket.gethostname())[:40]
    return f"{host}-{os.getpid()}-{secrets.token_hex(4)}"


class DbosQueue:
    """Queues jobs and gives them back; runs none. `engine` and `url` are those of our own database.

    `stamp` is a file that remembers for which release of DBOS its tables were last brought up to date.
    """

    def __init__(self, engine: sa.Engine, url: str, *, stamp: Path | None = None, version: int = VERSION) -> None:
        self._engine = engine
        self._stamp = stamp
        self._url = _plain_url(url)
        self._version = version
        self._client: DBOSClient | None = None
        self._connecting = threading.Lock()
        self._status = sa.table(
            "workflow_status",
            *map(sa.column, _COLUMNS),
            schema=None if engine.dialect.name == "sqlite" else _SCHEMA,
        )

    def prepare(self) -> None:
        release = metadata.version("dbos")
        stamped = self._stamp is not None and self._stamp.exists() and self._stamp.read_text() == release
        if stamped and sa.inspect(self._engine).has_table("dbos_migrations", schema=self._status.schema):
            return  # without importing DBOS, which takes longer than most commands
        _quiet()
        from dbos import DBOS

        DBOS.migrate(self._url, schema=_SCHEMA)
        if self._stamp is not None:
            self._stamp.write_text(release)

    def enqueue(self, session: Session, call: str, generation: int, priority: int) -> None:
        job = Job(call=call, generation=generation)
        self._dbos.enqueue_in_transaction(session, self._options(job, priority), call, generation)

    def cancel(self, call: str, generation: int) -> None:
        self._dbos.cancel_workflow(Job(call=call, generation=generation).id)

    def depth(self) -> Mapping[str, int]:
        status = self._status.c.status
        query = sa.select(status, sa.func.count()).where(self._status.c.queue_name == QUEUE).group_by(status)
        counts: dict[str, int] = dict(self._rows(query))
        return {"queued": counts.get("ENQUEUED", 0), "running": counts.get("PENDING", 0)}

    def state(self, call: str, generation: int) -> JobState | None:
        id = Job(call=call, generation=generation).id
        rows = self._rows(sa.select(self._status.c.status).where(self._status.c.workflow_uuid == id))
        if not rows:
            return None
        return {"ENQUEUED": JobState.QUEUED, "PENDING": JobState.RUNNING}.get(rows[0][0], JobState.ENDED)

    def living(self) -> frozenset[Job]:
        columns = self._status.c
        query = sa.select(columns.workflow_uuid).where(
            columns.queue_name == QUEUE, columns.status.in_(("ENQUEUED", "PENDING"))
        )
        return frozenset(Job.of(id) for (id,) in self._rows(query))

    def held(self) -> tuple[HeldJob, ...]:
        columns = self._status.c
        query = sa.select(columns.workflow_uuid, columns.executor_id).where(
            columns.queue_name == QUEUE, columns.status == "PENDING"
        )
        return tuple(HeldJob(job=Job.of(id), executor=executor) for id, executor in self._rows(query))

    def give_back(self, jobs: Iterable[Job], *, executor: str) -> tuple[Job, ...]:
        wanted = {job.id for job in jobs}
        # DBOS queues again whoever holds it; so the owner is looked at last, just before the call.
        theirs = [held.job for held in self.held() if held.executor == executor and held.job.id in wanted]
        if theirs:
            self._dbos.resume_workflows([job.id for job in theirs], queue_name=QUEUE)
        return tuple(theirs)

    def renew(self) -> tuple[Job, ...]:
        columns = self._status.c
        query = sa.select(columns.workflow_uuid, columns.application_version, columns.priority).where(
            columns.queue_name == QUEUE, columns.status == "ENQUEUED", columns.application_version.is_not(None)
        )
        # Only older ones: during an upgrade, executors of two versions must not take turns renewing each other's jobs.
        old = [(Job.of(id), priority) for id, version, priority in self._rows(query) if int(version) < self._version]
        for job, priority in old:
            self._dbos.delete_workflow(job.id)
            self._dbos.enqueue(self._options(job, priority), job.call, job.generation)
        return tuple(job for job, _ in old)

    def close(self) -> None:
        if self._client is not None:
            self._client.destroy()
            self._client = None

    @property
    def _dbos(self) -> DBOSClient:
        with self._connecting:
            if self._client is None:
                _quiet()
                from dbos import DBOSClient, DBOSPortableJSONSerializer

                self._client = DBOSClient(
                    system_database_engine=self._engine,
                    dbos_system_schema=_SCHEMA,
                    serializer=DBOSPortableJSONSerializer(),
                    application_name=_APPLICATION,
                    lazy=True,
                )
            return self._client

    def _options(self, job: Job, priority: int) -> Any:
        return {
            "workflow_name": WORKFLOW,
            "queue_name": QUEUE,
            "workflow_id": job.id,
            "priority": priority,
            # Without it DBOS gives the job to its latest version only, also after a return to an older release.
            "app_version": str(self._version),
        }

    def _rows(self, query: sa.Select[Any]) -> list[Any]:
        # Looking must not wait for, or hold, SQLite's write lock: the store's engine begins as this option says.
        with self._engine.connect().execution_options(forbear_begin="BEGIN") as connection:
            return list(connection.execute(query).all())


class DbosRunner:
    """This process as one executor; DBOS allows one a process."""

    def __init__(self, url: str, *, executor: str | None = None, version: int = VERSION) -> None:
        self._url = _plain_url(url)
        self._executor = executor or executor_name()
        self._version = version
        self._running: set[str] = set()
        self._draining = threading.Event()

    @property
    def executor(self) -> str:
        return self._executor

    def start(self, workflow: Workflow) -> None:
        _quiet()
        from dbos import DBOS

        DBOS(config=self._config())

        def process_call(call: str, generation: int) -> None:
            job = Job(call=call, generation=generation)
            self._running.add(job.id)
            try:
                workflow(job, self._step)
            finally:
                self._running.discard(job.id)

        # Starts are counted by the workflow itself, for DBOS's own count begins anew with every job given back.
        DBOS.workflow(name=WORKFLOW, max_recovery_attempts=None)(process_call)
        DBOS.listen_queues([QUEUE])
        DBOS.launch()
        DBOS.register_queue(QUEUE, worker_concurrency=1, polling_interval_sec=_POLL_S)

    def drain(self, timeout_s: float) -> bool:
        from dbos import DBOS

        self._draining.set()
        # `destroy` first stops taking jobs, then waits, in whole seconds and at least one.
        DBOS.destroy(workflow_completion_timeout_sec=max(1, round(timeout_s)) if self._running else 0)
        return not self._running

    def stop(self) -> None:
        from dbos import DBOS

        DBOS.destroy(workflow_completion_timeout_sec=0, destroy_registry=True)

    def _step(self, name: str, action: Callable[[], T]) -> T:
        from dbos import DBOS

        if self._draining.is_set():
            raise Draining
        result: T = DBOS.run_step({"name": name}, action)
        return result

    def _config(self) -> DBOSConfig:
        from dbos import DBOSConfig, DBOSPortableJSONSerializer

        return DBOSConfig(
            name=_APPLICATION,
            system_database_url=self._url,
            dbos_system_schema=_SCHEMA,
            executor_id=self._executor,
            application_version=str(self._version),
            serializer=DBOSPortableJSONSerializer(),
            log_level="WARNING",
            # Nobody waits for events or messages of a workflow, so nothing needs to be woken by the database.
            use_listen_notify=False,
        )


def _plain_url(url: str) -> str:
    """The URL as DBOS wants it: with its password, and without a driver it would not know."""
    parsed = sa.make_url(url)
    return parsed.set(drivername=parsed.get_backend_name()).render_as_string(hide_password=False)


def _quiet() -> None:
    """Keeps DBOS off the terminal: with a handler of ours in place it adds none, and what it says goes to our log."""
    logger = logging.getLogger("dbos")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
        logger.setLevel(logging.WARNING)
