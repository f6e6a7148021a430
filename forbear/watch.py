"""A watched folder: every file that appears in it is taken in, once its size and time stand still.

Polling, because it works the same on network drives, on Linux and on macOS. What was taken is remembered by path, size
and time for as long as the process lives; after that intake knows a recording by its content.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import structlog

from pipeline.errors import BadMetadata, ForbearError, Unavailable
from pipeline.services.metadata import sidecar
from pipeline.services.views import Actor, IntakeResult, Outcome, Permission

_log = structlog.get_logger(__name__)

WATCHER = Actor(name="watch", permissions=frozenset({Permission.CALLS_READ, Permission.CALLS_WRITE}))
_PARTIAL = frozenset({".part", ".partial", ".tmp", ".crdownload", ".filepart"})
_PAPERS = frozenset({".json", ".csv", ".txt", ".md", ".xml", ".log"})


class Accepts(Protocol):
    """The part of intake that a watcher needs."""

    def accept(
        self, actor: Actor, source: Path, *, file_name: str, metadata: Mapping[str, Any] | None = None
    ) -> IntakeResult: ...


@dataclass(frozen=True, slots=True)
class _Mark:
    """What a file and its metadata looked like: equal marks, some time apart, mean that nobody writes to them."""

    size: int
    mtime_ns: int
    metadata: tuple[int, int] | None


class Watcher:
    """Looks at `folder` every `interval_s`, takes a file that looks the same `looks` times; without a folder idle."""

    def __init__(self, intake: Accepts, folder: Path | None, *, interval_s: float = 1.0, looks: int = 3) -> None:
        self._intake = intake
        self._folder = folder
        self._interval_s = interval_s
        self._looks = looks
        self._seen: dict[Path, tuple[_Mark, int]] = {}
        self._taken: dict[Path, _Mark] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def __enter__(self) -> Self:
        if self._folder is not None:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> list[IntakeResult]:
        """One look at the folder; takes in what stood still long enough."""
        results = []
        found = dict(self._marks())
        for gone in self._seen.keys() - found.keys():
            del self._seen[gone]
        for gone in self._taken.keys() - found.keys():
            del self._taken[gone]
        for path, mark in sorted(found.items(), key=lambda item: (item[1].mtime_ns, item[0])):
            if self._taken.get(path) == mark:
                continue
            before, times = self._seen.get(path, (mark, 0))
            times = times + 1 if before == mark else 1
            self._seen[path] = (mark, times)
            if times < self._looks:
                continue
            try:
                results += self._take(path)
            except Unavailable as error:
                _log.warning("not taken yet", file=path.name, reason=error.message)
                continue
            self._taken[path] = mark
        return results

    def _marks(self) -> list[tuple[Path, _Mark]]:
        assert self._folder is not None
        marks = []
        for path in self._folder.rglob("*"):
            hidden = any(part.startswith(".") for part in path.relative_to(self._folder).parts)
            if hidden or path.suffix.lower() in _PARTIAL | _PAPERS:
                continue
            try:
                stat = path.stat()
            except OSError:
                continue  # it went away between two looks
            if path.is_file():
                marks.append((path, _Mark(stat.st_size, stat.st_mtime_ns, _beside(path))))
        return marks

    def _take(self, path: Path) -> list[IntakeResult]:
        try:
            result = self._intake.accept(WATCHER, path, file_name=path.name, metadata=sidecar(path))
        except BadMetadata as error:
            _log.warning("not taken until its metadata is mended", file=path.name, reason=error.message)
            return []
        if result.outcome is Outcome.REFUSED and result.failure is not None:
            _log.warning("refused", file=path.name, code=result.failure.code, reason=result.failure.message)
        else:
            _log.info("taken", file=path.name, outcome=result.outcome, call=result.id)
        return [result]

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.look()
            except (ForbearError, OSError):
                _log.exception("watched folder not read")
            self._stopping.wait(self._interval_s)


def _beside(path: Path) -> tuple[int, int] | None:
    """Size and time of NAME.json beside NAME.opus: metadata that comes or changes later is taken too."""
    try:
        stat = path.with_suffix(".json").stat()
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns
