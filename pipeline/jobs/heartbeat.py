"""Signs of life of executors, kept in the database and written by a thread that does nothing else.

A recognition step can hold the interpreter for seconds; the thread only needs it for milliseconds now and then, so a
busy executor does not look dead. Times written here are for people; nobody compares clocks of two machines.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

_log = logging.getLogger(__name__)

# The migrations of the store make this table; the seam only needs its name and columns.
_TABLE = sa.table(
    "heartbeats",
    sa.column("executor", sa.String),
    sa.column("pid", sa.Integer),
    sa.column("host", sa.String),
    sa.column("at", sa.DateTime(timezone=True)),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Beat:
    """The last sign of life of one executor; `at` is only good for seeing that it changed."""

    executor: str
    pid: int
    host: str
    at: datetime


def this_host() -> str:
    """Names the machine, its boot and its process table, so that equal pids on equal names mean equal processes."""
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8])
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return "/".join(parts)[:200]


def pid_alive(pid: int) -> bool:
    """Whether a process of this machine runs; one that died and was not yet collected by its parent does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    with suppress(OSError, IndexError):
        # The state stands behind the name, which is in parentheses and may hold anything.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    return True


class Heartbeats:
    """The table of signs of life."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def beat(self, executor: str) -> None:
        """Says that this process lives and works as `executor`."""
        values = {"pid": os.getpid(), "host": this_host(), "at": datetime.now(UTC)}
        with self._engine.begin() as connection:
            changed = connection.execute(sa.update(_TABLE).where(_TABLE.c.executor == executor).values(values))
            if changed.rowcount == 0:
                connection.execute(sa.insert(_TABLE).values(executor=executor, **values))

    def forget(self, executor: str) -> None:
        """Removes an executor that left, or that is dead and whose work was given back."""
        with self._engine.begin() as connection:
            connection.execute(sa.delete(_TABLE).where(_TABLE.c.executor == executor))

    def all(self) -> tuple[Beat, ...]:
        """Every executor that was not forgotten."""
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(_TABLE)).all()
        return tuple(Beat(executor=r.executor, pid=r.pid, host=r.host, at=r.at) for r in rows)


class Heartbeat:
    """Keeps one executor's sign of life fresh until it is stopped."""

    def __init__(self, heartbeats: Heartbeats, executor: str, *, interval_s: float = 5.0) -> None:
        self._heartbeats = heartbeats
        self._executor = executor
        self._interval_s = interval_s
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """The first sign stands in the table when this returns, so no job is ever held by an unknown executor."""
        self._heartbeats.beat(self._executor)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread and takes the sign away."""
        self._stopped.set()
        self._thread.join(timeout=self._interval_s + 5)
        self._heartbeats.forget(self._executor)

    def _run(self) -> None:
        while not self._stopped.wait(self._interval_s):
            try:
                self._heartbeats.beat(self._executor)
            except sa.exc.SQLAlchemyError as error:
                # The database may be away for a while; silence of a minute is what counts as death.
                _log.warning("heartbeat not written: %s", type(error).__name__)
