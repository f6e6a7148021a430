"""The command as a process of its own, and its database looked at from outside."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [
    sys.executable,
    "-c",
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from forbear.cli import main; main()",
]
PATIENCE_S = 120.0
WITHOUT_TEXT = {"FORBEAR_DETECTORS": "rules,acoustic"}
"""What these processes are asked is how they work, not what they hear; the text model is asked by the demo's tests."""


def forbear(data: Path, *arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
    """Starts `forbear ARGUMENTS` on a data folder, as the leader of a process group."""
    return subprocess.Popen(
        [*COMMAND, str(ROOT), *map(str, arguments), "--data", str(data)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**WITHOUT_TEXT, **os.environ, **environment},
        start_new_session=True,
    )


@contextmanager
def running(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """Ends the process and its whole group when the block ends."""
    try:
        yield process
    finally:
        kill_group(process)


def kill_group(process: subprocess.Popen[str]) -> None:
    """kill -9 to the process and all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def until(condition: Callable[[], T], *, patience_s: float = PATIENCE_S, pause_s: float = 0.02) -> T:
    """What the condition gives once it is true; fails when that never happens."""
    deadline = time.monotonic() + patience_s
    while not (value := condition()):
        assert time.monotonic() < deadline, "what was waited for did not happen"
        time.sleep(pause_s)
    return value


def rows(data: Path, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Rows of the database, read from outside; none where it is not made yet."""
    file = data / "forbear.db"
    if not file.exists():
        return []
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=30)) as connection:
        try:
            return connection.execute(query, parameters).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return []
            raise


def workers(data: Path) -> dict[str, int]:
    """Process ids of the workers that say they live, by executor."""
    return dict(rows(data, "SELECT executor, pid FROM heartbeats"))
