"""Locks that the death of their holder releases: files on one machine, the database between machines."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa


class Exclusive(Protocol):
    """`with exclusive() as mine:` says whether the block has the lock; it never waits for it."""

    def __call__(self) -> AbstractContextManager[bool]: ...


class FileLock:
    """A lock on a file, held by one process until it lets go or dies; the file says what the holder wrote."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self, text: str = "") -> bool:
        """Takes the lock if it is free and writes `text` into the file."""
        if self._descriptor is not None:
            return True
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        self.write(text)
        return True

    def write(self, text: str) -> None:
        """Replaces what the file says; only for the holder."""
        if self._descriptor is None:
            raise ValueError("the lock is not held")
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text.encode(), 0)

    def release(self) -> None:
        """Lets go; the file stays, because removing it would let two hold locks of one name."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor is not None


def holder_of(path: Path) -> str | None:
    """What the holder of a file lock wrote, or None when nobody holds it."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return os.pread(descriptor, 10_000, 0).decode(errors="replace")
    else:
        return None
    finally:
        os.close(descriptor)


@contextmanager
def file_exclusive(path: Path) -> Iterator[bool]:
    """A FileLock for the length of a block."""
    lock = FileLock(path)
    mine = lock.acquire()
    try:
        yield mine
    finally:
        lock.release()


@contextmanager
def advisory_exclusive(engine: sa.Engine, number: int) -> Iterator[bool]:
    """PostgreSQL's advisory lock of that number for the length of a block."""
    with engine.connect() as connection, connection.begin():
        mine = connection.execute(sa.select(sa.func.pg_try_advisory_xact_lock(number))).scalar_one()
        yield bool(mine)
