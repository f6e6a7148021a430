"""The work that runs behind the application: a call through its stages, and the search index after the calls.

What goes wrong with a call ends in the call's own row, as a code and a sentence, never in the queue's tables; no
message holds anything that was said.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from pipeline.errors import ForbearError, StageFailed, Unavailable
from pipeline.jobs.base import Job, Steps
from pipeline.records import Stage
from pipeline.run import RUN, CallRun, Stages
from pipeline.search.base import SearchIndex
from pipeline.services.indexing import Indexing
from pipeline.services.processing import Processing, Work
from pipeline.store.artifacts import Artifacts
from pipeline.store.media import Media

_log = structlog.get_logger(__name__)

TRIES = 3
"""How often a stage that fails in an unexpected way is tried before its call fails."""
_PAUSE_S = 1.0
_PROGRESS_EVERY_S = 1.0
_INDEX_BATCH = 20
_INDEX_PAUSE_S = 0.5

Outcome = dict[str, str]
"""What a step leaves behind: `key`, or `code` and `message`, or nothing when the call was asked for again meanwhile."""


class _Superseded(Exception):
    """The call is gone or was asked for again: this generation has nothing more to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessCall:
    """The workflow of one call: begin, a step a stage, finish."""

    processing: Processing
    stages: Callable[[], Stages]
    """Asked for each call: the policy in force may have changed."""
    media: Media
    artifacts: Artifacts
    max_attempts: int
    pause: Callable[[float], None] = field(default=time.sleep)

    def __call__(self, job: Job, steps: Steps) -> None:
        try:
            self._process(job, steps)
        except Exception as error:
            _log.exception("call not processed", call=job.call, generation=job.generation)
            self._fail(job, _failure(error))

    def _process(self, job: Job, steps: Steps) -> None:
        # Not a step: every start counts, also one that only repeats what an executor did not live to finish.
        work = self.processing.begin(job.call, job.generation)
        if work is None:
            return
        if work.attempts > self.max_attempts:
            self._fail(job, _given_up(work))
            return
        run = self._run(job, work)
        for stage in RUN:
            if not self._went_well(job, steps(stage.value, self._tried(stage, run.ensure))):
                return
        self._went_well(job, steps(Stage.STORE.value, self._tried(Stage.STORE, lambda _: self._finish(job, work, run))))

    def _went_well(self, job: Job, outcome: Outcome) -> bool:
        if "code" in outcome:
            self._fail(job, outcome)
        return "key" in outcome

    def _fail(self, job: Job, failure: Outcome) -> None:
        _log.warning("call failed", call=job.call, generation=job.generation, code=failure["code"])
        self.processing.fail(job.call, job.generation, failure["code"], failure["message"])

    def _run(self, job: Job, work: Work) -> CallRun:
        told: dict[Stage, float] = {}

        def tell(stage: Stage, part: float | None) -> None:
            now = time.monotonic()
            if stage in told and now - told[stage] < _PROGRESS_EVERY_S:
                return
            told[stage] = now
            if not self.processing.advance(job.call, stage, part, generation=job.generation):
                raise _Superseded

        return CallRun(
            id=job.call,
            stages=self.stages(),
            artifacts=self.artifacts.of(work.recording.sha256),
            source=self.media.path(work.recording.sha256),
            recording=work.recording,
            context=work.context,
            roles_swapped=work.roles_swapped,
            progress=tell,
        )

    def _finish(self, job: Job, work: Work, run: CallRun) -> str:
        run.progress(Stage.STORE, None)
        self.processing.finish(job.call, job.generation, run.record(work.revision))
        return job.id

    def _tried(self, stage: Stage, action: Callable[[Stage], str]) -> Callable[[], Outcome]:
        """The stage as a step that never raises: tried again after what nobody foresaw, its outcome told in words."""

        def step() -> Outcome:
            for left in reversed(range(TRIES)):
                try:
                    return {"key": action(stage)}
                except _Superseded:
                    return {}
                except StageFailed as error:
                    return _failure(error)
                except Exception as error:
                    _log.exception("stage failed", stage=stage.value, tries_left=left)
                    if left == 0:
                        return _failure(error)
                    self.pause(_PAUSE_S)
            raise AssertionError("unreachable")

        return step


def _given_up(work: Work) -> Outcome:
    # Before this start stand `attempts - 1` that ended with their process, or they would have ended the call.
    where = f"in the stage {work.stage.value}" if work.stage else "before its first stage"
    return {
        "code": "crashed_repeatedly",
        "message": f"Processing crashed {work.attempts - 1} times {where}; see the log, then retry the call.",
    }


def _failure(error: Exception) -> Outcome:
    if isinstance(error, ForbearError):
        return {"code": error.code, "message": error.message}
    # The message of a foreign error may quote what it failed on; its type is all that may be shown.
    message = f"An unexpected error ({type(error).__name__}) stopped the processing; see the log, then retry the call."
    return {"code": "internal_error", "message": message}


@dataclass(frozen=True, kw_only=True, slots=True)
class DrainIndex:
    """Keeps the search index up with the calls, in the one process that has it open for writing."""

    indexing: Indexing
    open_index: Callable[[], SearchIndex]
    """Raises Unavailable (`index_locked`) while another process writes."""
    retry_s: float = 3.0

    def run(self, stopping: threading.Event) -> None:
        """Returns when `stopping` is set. Takes over when the present writer goes; starts again after an error."""
        while not stopping.is_set():
            index = self._opened()
            if index is not None:
                try:
                    self._drain(index, stopping)
                except Unavailable as error:
                    _log.error("index not written", code=error.code, reason=error.message)
                except Exception:
                    _log.exception("index not written")
                finally:
                    with suppress(Exception):
                        index.close()
            stopping.wait(self.retry_s)

    def _opened(self) -> SearchIndex | None:
        try:
            return self.open_index()
        except Unavailable as error:
            if error.code != "index_locked":
                _log.error("index not opened", code=error.code, reason=error.message)
            return None

    def _drain(self, index: SearchIndex, stopping: threading.Event) -> None:
        if not _usable(index):
            self.indexing.rebuild(index)
        while not stopping.is_set():
            if self.indexing.drain(index, _INDEX_BATCH) == 0:
                stopping.wait(_INDEX_PAUSE_S)


def _usable(index: SearchIndex) -> bool:
    """Whether the index holds something and can be added to; an empty one may stand under a database that is not."""
    try:
        return index.count() > 0
    except Unavailable:
        return False
