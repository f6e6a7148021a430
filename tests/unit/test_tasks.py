"""The workflow of one call over a real database: what it leaves in the call's row, whatever happens on the way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
from structlog.testing import capture_logs

from pipeline.errors import DecodeFailed, Unavailable
from pipeline.jobs.base import Draining, Job, JobState
from pipeline.jobs.memory import MemoryQueue
from pipeline.policy.registry import load_registry
from pipeline.records import CallStatus, Stage
from pipeline.run import RUN
from pipeline.services.lost import LostWork
from pipeline.services.processing import Processing
from pipeline.services.timeline import Timelines
from pipeline.settings import Settings
from pipeline.store.artifacts import Artifacts
from pipeline.store.database import Database
from pipeline.store.media import Media
from pipeline.store.tables import CallRow, RecordingRow, RevisionRow
from pipeline.tasks import TRIES, DrainIndex, ProcessCall
from tests.unit.tiny_stages import TinyStages

T = TypeVar("T")
JOB = Job(call="c1", generation=1)


class World:
    """A data folder with one call in it, and the workflow."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(data=folder)
        self.database = Database(self.settings.database)
        self.database.migrate()
        self.media = Media(self.settings)
        self.artifacts = Artifacts(self.settings.artifacts_dir)
        self.processing = Processing(
            database=self.database, media=self.media, artifacts=self.artifacts, timelines=Timelines(load_registry)
        )
        self.jobs = MemoryQueue()
        self.tiny = TinyStages()
        source = folder / "incoming"
        source.write_bytes(b"recording")
        staged = self.media.receive(source, 100)
        self.media.keep(staged)
        now = datetime.now(UTC)
        with self.database.session() as session:
            session.add(RecordingRow(sha256=staged.sha256, size_bytes=9, media_type="audio/x-tiny", created_at=now))
            session.flush()
            session.add(
                CallRow(
                    id="c1", recording_sha256=staged.sha256, file_name="a.wav", received_at=now,
                    status=CallStatus.QUEUED, generation=1, attempts=0, priority=5, context={},
                )
            )  # fmt: skip

    def work(self, steps: Any = None) -> None:
        task = ProcessCall(
            processing=self.processing,
            stages=self.tiny.bundle,
            media=self.media,
            artifacts=self.artifacts,
            max_attempts=self.settings.max_attempts,
            pause=lambda seconds: None,
        )
        task(JOB, steps or (lambda name, action: action()))

    @property
    def row(self) -> CallRow:
        with self.database.read() as session:
            return session.get_one(CallRow, "c1")

    @property
    def revisions(self) -> int:
        with self.database.read() as session:
            return session.query(RevisionRow).count()

    def ask_again(self) -> None:
        with self.database.session() as session:
            row = session.get_one(CallRow, "c1")
            row.generation, row.status = 2, CallStatus.QUEUED


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    (tmp_path / "data").mkdir()
    made = World(tmp_path / "data")
    yield made
    made.database.close()


class Crash(BaseException):
    """The process died here."""


def dying_in(stage: Stage) -> Callable[[str, Callable[[], T]], T]:
    def steps(name: str, action: Callable[[], T]) -> T:
        if name == stage:
            action()  # the artifact is there, the queue does not know it
            raise Crash
        return action()

    return steps


def test_a_call_is_processed_once(world: World) -> None:
    world.work()
    assert (world.row.status, world.row.revision, world.row.duration_ms) == (CallStatus.DONE, 1, 900)
    world.work()
    assert world.revisions == 1
    assert world.tiny.ran == dict.fromkeys(RUN, 1)


def test_steps_leave_ids_in_the_queue_never_words(world: World) -> None:
    kept: dict[str, Any] = {}

    def steps(name: str, action: Callable[[], Any]) -> Any:
        kept[name] = action()
        return kept[name]

    world.tiny.words = "something private"
    world.work(steps)
    assert list(kept) == [stage.value for stage in Stage]
    assert all(set(outcome) == {"key"} for outcome in kept.values())
    assert "private" not in str(kept)


@pytest.mark.parametrize("stage", list(Stage))
def test_a_crash_in_any_stage_repeats_no_finished_one_and_stores_one_outcome(world: World, stage: Stage) -> None:
    with pytest.raises(Crash):
        world.work(dying_in(stage))
    world.work()
    assert world.row.status == CallStatus.DONE
    assert world.revisions == 1
    assert world.tiny.ran == dict.fromkeys(RUN, 1)


def test_a_recording_that_takes_its_worker_down_again_and_again_is_given_up(world: World) -> None:
    world.tiny.fails[Stage.TRANSCRIBE] = Crash()  # type: ignore[assignment]
    for _ in range(world.settings.max_attempts):
        assert world.row.status in (CallStatus.QUEUED, CallStatus.RUNNING)
        with pytest.raises(Crash):
            world.work()
    world.work()
    row = world.row
    assert (row.status, row.error_code) == (CallStatus.FAILED, "crashed_repeatedly")
    assert "3 times in the stage transcribe" in (row.error_message or "")
    assert world.tiny.ran[Stage.TRANSCRIBE] == 3


def test_a_start_that_was_taken_back_does_not_count(world: World) -> None:
    world.tiny.fails[Stage.TRANSCRIBE] = Draining()  # type: ignore[assignment]
    for _ in range(world.settings.max_attempts + 2):
        with pytest.raises(Draining):
            world.work()
        world.processing.release("c1", 1)
    assert world.row.status == CallStatus.QUEUED
    world.tiny.fails.clear()
    world.work()
    assert world.row.status == CallStatus.DONE


def test_a_stage_that_can_t_go_on_fails_the_call_at_once_with_its_code(world: World) -> None:
    world.tiny.fails[Stage.DECODE] = DecodeFailed("No audio in it.", code="no_audio_stream")
    world.work()
    row = world.row
    assert (row.status, row.error_code, row.error_message) == (CallStatus.FAILED, "no_audio_stream", "No audio in it.")
    assert world.tiny.ran == {Stage.DECODE: 1}


def test_an_unforeseen_error_is_tried_again_and_then_told_without_its_words(world: World) -> None:
    world.tiny.fails[Stage.DETECT] = ValueError("can't parse 'my card is 4111'")
    world.work()
    row = world.row
    assert (row.status, row.error_code) == (CallStatus.FAILED, "internal_error")
    assert "ValueError" in (row.error_message or "") and "4111" not in (row.error_message or "")
    assert world.tiny.ran[Stage.DETECT] == TRIES


def test_a_part_that_is_missing_for_a_moment_costs_nothing(world: World) -> None:
    calls = 0

    def redact(transcript: Any) -> tuple[Any, ...]:
        nonlocal calls
        calls += 1
        if calls < TRIES:
            raise Unavailable("The disk is full; free space.")
        return ()

    world.tiny.redact = redact  # type: ignore[method-assign]
    world.work()
    assert world.row.status == CallStatus.DONE


def test_a_call_asked_for_again_meanwhile_gets_nothing_from_the_older_generation(world: World) -> None:
    def steps(name: str, action: Callable[[], T]) -> T:
        if name == Stage.ROLES:
            world.ask_again()
        return action()

    world.work(steps)
    assert (world.row.status, world.row.revision, world.row.error_code) == (CallStatus.QUEUED, 0, None)
    assert Stage.DETECT not in world.tiny.ran


def test_a_call_that_no_queue_knows_is_queued_again(world: World) -> None:
    lost = LostWork(database=world.database, jobs=world.jobs, processing=world.processing)
    assert lost.recover() == (JOB,)
    assert world.jobs.state("c1", 1) is JobState.QUEUED
    assert lost.recover() == ()


def test_a_call_whose_job_ended_without_an_outcome_is_visibly_failed(world: World) -> None:
    lost = LostWork(database=world.database, jobs=world.jobs, processing=world.processing)
    lost.recover()
    world.jobs.cancel("c1", 1)
    assert lost.recover() == (JOB,)
    assert (world.row.status, world.row.error_code) == (CallStatus.FAILED, "internal_error")
    assert lost.recover() == ()


class FakeIndexing:
    """Hands out numbers of drained changes; stops the loop when they are used up."""

    def __init__(self, stopping: threading.Event, drains: list[int | Exception]) -> None:
        self.stopping = stopping
        self.drains = drains
        self.rebuilt = 0

    def drain(self, index: Any, limit: int) -> int:
        if not self.drains:
            self.stopping.set()
            return 0
        drained = self.drains.pop(0)
        if isinstance(drained, Exception):
            raise drained
        return drained

    def rebuild(self, index: Any) -> None:
        self.rebuilt += 1


class FakeIndex:
    def __init__(self, documents: int | Unavailable) -> None:
        self.documents = documents
        self.closed = False

    def count(self) -> int:
        if isinstance(self.documents, Unavailable):
            raise self.documents
        return self.documents

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(("documents", "rebuilds"), [(5, 0), (0, 1), (Unavailable("old", code="index_outdated"), 1)])
def test_an_index_that_is_empty_or_of_another_time_is_made_anew(documents: Any, rebuilds: int) -> None:
    stopping = threading.Event()
    index, indexing = FakeIndex(documents), FakeIndexing(stopping, [3, 3])
    DrainIndex(indexing=indexing, open_index=lambda: index, retry_s=0.01).run(stopping)  # type: ignore[arg-type, return-value]
    assert (indexing.rebuilt, indexing.drains, index.closed) == (rebuilds, [], True)


def test_the_index_is_taken_over_when_its_writer_goes_and_opened_again_after_an_error() -> None:
    stopping = threading.Event()
    indexing = FakeIndexing(stopping, [1, OSError("disk"), 1])
    opened: list[FakeIndex] = []
    busy = 2

    def open_index() -> FakeIndex:
        nonlocal busy
        if busy:
            busy -= 1
            raise Unavailable("busy", code="index_locked")
        opened.append(FakeIndex(5))
        return opened[-1]

    DrainIndex(indexing=indexing, open_index=open_index, retry_s=0.01).run(stopping)  # type: ignore[arg-type]
    assert len(opened) == 2 and all(index.closed for index in opened)
    assert indexing.drains == []


@pytest.mark.parametrize(("code", "told"), [("index_locked", []), ("elasticsearch_unreachable", ["index not opened"])])
def test_an_index_that_cannot_be_opened_is_tried_again_and_said_where_it_is_no_other_writer(
    code: str, told: list[str]
) -> None:
    stopping = threading.Event()
    indexing = FakeIndexing(stopping, [1])
    waiting = [Unavailable("No answer from the search engine.", code=code)]
    index = FakeIndex(5)

    def open_index() -> FakeIndex:
        if waiting:
            raise waiting.pop()
        return index

    with capture_logs() as logs:
        DrainIndex(indexing=indexing, open_index=open_index, retry_s=0.01).run(stopping)  # type: ignore[arg-type]
    assert [line["event"] for line in logs] == told
    assert all(line["code"] == code for line in logs)
    assert (indexing.drains, index.closed) == ([], True)
