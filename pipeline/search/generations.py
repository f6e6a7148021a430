"""A folder in which an index is replaced as a whole: each generation in a folder of its own, a pointer file that names
the one in use, and a lock that only one writer can hold. Knows nothing of what a generation contains.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import uuid
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import Unavailable

POINTER = "current"
LOCK = "writer.lock"
PREFIX = "generation-"


class Generations:
    """Readers ask `current` each time they read; a generation they have open stays readable after it was removed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def current(self) -> Path | None:
        """The generation in use, or None where nothing was ever written."""
        try:
            return self.folder / (self.folder / POINTER).read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return None

    def create(self) -> Path:
        """A new, empty folder that nothing points at."""
        path = self.folder / f"{PREFIX}{uuid.uuid4().hex}"
        path.mkdir(mode=0o700)
        return path

    def use(self, generation: Path) -> None:
        """Makes `generation` the current one, at once and for good, and removes all others."""
        draft = self.folder / f"{POINTER}.new"
        with draft.open("w", encoding="ascii") as file:
            file.write(generation.name + "\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.folder / POINTER)
        _sync_folder(self.folder)
        self.sweep()

    def sweep(self) -> None:
        """Removes every generation but the current one: what an earlier rebuild left, whole or half made."""
        current = self.current()
        for path in self.folder.glob(f"{PREFIX}*"):
            if path != current:
                shutil.rmtree(path, ignore_errors=True)


class WriterLock:
    """Held by the one writer of a folder until it lets go or its process ends, however it ends."""

    def __init__(self, folder: Path) -> None:
        self._file: BinaryIO | None = (folder / LOCK).open("ab")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise Unavailable(
                "Another process writes this search index. Leave the writing to it, or stop it first.",
                code="index_locked",
            ) from None

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
