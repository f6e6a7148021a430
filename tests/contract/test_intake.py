"""Intake on every database: each content once, each call once, accepted and queued together, refused in the open."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from stores import ADMIN, KINDS, World, database_url, wav

from pipeline.errors import Forbidden
from pipeline.jobs.base import JobState
from pipeline.records import CallStatus
from pipeline.services.views import Actor, IntakeResult, Outcome, Permission
from pipeline.store.tables import CallRow, OutboxRow, RecordingRow


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with database_url(request.param, tmp_path) as url:
        world = World(tmp_path, url)
        yield world
        world.close()


@pytest.fixture
def call(tmp_path: Path) -> Path:
    return wav(tmp_path / "call.wav")


def rows(world: World, table: Any = CallRow) -> int:
    with world.database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def accepted(result: IntakeResult) -> str:
    assert result.outcome is Outcome.ACCEPTED, result
    assert result.id is not None
    return result.id


def test_an_accepted_file_is_kept_written_down_and_queued(world: World, call: Path) -> None:
    result = world.take(call, {"call_id": "C-1", "agent_id": "A5", "number": "13812345678"})
    id = accepted(result)
    row = world.row(id)
    assert (row.status, row.generation, row.call_id, row.agent_id) == ("queued", 1, "C-1", "A5")
    assert (row.file_name, row.recording_sha256) == ("call.wav", result.recording_sha256)
    assert world.media.path(row.recording_sha256).read_bytes() == call.read_bytes()
    assert world.jobs.state(id, 1) is JobState.QUEUED
    (line,) = world.audit()
    assert (line.actor, line.action, line.subject) == ("test:admin", "call.accepted", id)
    assert "13812345678" not in json.dumps(row.context) + json.dumps(line.details)
    assert list(world.settings.tmp_dir.iterdir()) == []


def test_the_same_bytes_are_one_recording_and_one_call_whatever_their_name(world: World, call: Path) -> None:
    id = accepted(world.take(call))
    again = call.rename(call.with_name("other.wav"))
    result = world.take(again)
    assert (result.outcome, result.file, result.id, result.same_as) == (Outcome.DUPLICATE, "other.wav", id, "call.wav")
    assert result.failure is None
    assert (rows(world), rows(world, RecordingRow), world.row(id).generation) == (1, 1, 1)
    assert len(world.audit()) == 1


def test_two_calls_may_share_one_recording(world: World, call: Path) -> None:
    first = accepted(world.take(call, {"call_id": "C-1"}))
    second = accepted(world.take(call, {"call_id": "C-2"}))
    assert first != second
    assert (rows(world), rows(world, RecordingRow)) == (2, 1)
    assert world.take(call, {"call_id": "C-2"}).outcome is Outcome.DUPLICATE
    assert world.take(call).id == first


def test_metadata_that_could_mean_either_call_is_not_guessed(world: World, call: Path) -> None:
    world.take(call, {"call_id": "C-1"})
    world.take(call, {"call_id": "C-2"})
    result = world.take(call, {"agent_id": "A1"})
    assert result.outcome is Outcome.REFUSED and result.failure is not None
    assert result.failure.code == "call_id_missing"
    assert rows(world) == 2


def test_a_call_id_that_comes_later_is_adopted_and_the_id_stays(world: World, call: Path) -> None:
    id = accepted(world.take(call, {"agent_id": "A1"}))
    result = world.take(call, {"call_id": "C-1"})
    assert (result.outcome, result.id) == (Outcome.UPDATED, id)
    row = world.row(id)
    assert (row.call_id, row.agent_id, row.generation) == ("C-1", "A1", 2)
    assert world.take(call, {"call_id": "C-1"}).outcome is Outcome.DUPLICATE
    assert accepted(world.take(call, {"call_id": "C-2"})) != id


def test_other_metadata_updates_audits_and_judges_again(world: World, call: Path) -> None:
    id = accepted(world.take(call, {"call_id": "C-1", "agent_id": "A1", "facts": {"suit": False}}))
    world.process(id)
    result = world.take(call, {"call_id": "C-1", "team": "east", "facts": {"suit": True}, "number": "13812345678"})
    assert result.outcome is Outcome.UPDATED
    row = world.row(id)
    assert (row.agent_id, row.team, row.status, row.generation, row.revision) == ("A1", "east", "queued", 2, 1)
    assert world.jobs.state(id, 2) is JobState.QUEUED
    (line,) = world.audit("call.updated")
    assert sorted(line.details["changed"]) == ["facts.suit", "number_hash", "team"]
    assert "east" not in json.dumps(line.details)
    with world.database.read() as session:
        assert id in session.scalars(select(OutboxRow.call)).all(), "the index must learn of the new team"


def test_the_run_that_an_update_replaces_is_cancelled(world: World, call: Path) -> None:
    id = accepted(world.take(call, {"call_id": "C-1"}))
    world.take(call, {"call_id": "C-1", "agent_id": "A2"})
    assert world.jobs.state(id, 1) is JobState.ENDED
    assert world.jobs.state(id, 2) is JobState.QUEUED


def test_a_call_id_can_not_move_to_other_bytes(world: World, tmp_path: Path) -> None:
    first = accepted(world.take(wav(tmp_path / "a.wav", 1), {"call_id": "C-1"}))
    result = world.take(wav(tmp_path / "b.wav", 2), {"call_id": "C-1"})
    assert result.outcome is Outcome.REFUSED and result.failure is not None and result.id is not None
    assert result.failure.code == "call_id_taken"
    failed = world.row(result.id)
    assert (failed.status, failed.error_code, failed.call_id) == ("failed", "call_id_taken", None)
    assert not world.media.has(failed.recording_sha256)
    assert world.row(first).call_id == "C-1"
    # Under a call_id of its own the same file is taken, and so it is with none.
    assert accepted(world.take(tmp_path / "b.wav", {"call_id": "C-2"})) == result.id
    assert world.row(result.id).call_id == "C-2"


def test_a_refused_call_id_does_not_come_back_by_itself(world: World, tmp_path: Path) -> None:
    world.take(wav(tmp_path / "a.wav", 1), {"call_id": "C-1"})
    refused = world.take(wav(tmp_path / "b.wav", 2), {"call_id": "C-1", "agent_id": "A1"})
    taken = world.take(tmp_path / "b.wav")
    assert accepted(taken) == refused.id
    assert world.row(accepted(taken)).call_id is None
    assert world.row(accepted(taken)).agent_id == "A1"


def test_bytes_that_are_already_a_call_stay_that_call_when_their_call_id_is_taken(world: World, tmp_path: Path) -> None:
    accepted(world.take(wav(tmp_path / "a.wav", 1), {"call_id": "C-1"}))
    other = accepted(world.take(wav(tmp_path / "b.wav", 2)))
    result = world.take(tmp_path / "b.wav", {"call_id": "C-1"})
    assert result.failure is not None and result.failure.code == "call_id_taken"
    assert (world.row(other).status, rows(world)) == ("queued", 2)


@pytest.mark.parametrize(("content", "code"), [(b"", "empty_file"), (b"just words\n" * 20, "not_audio")])
def test_a_refused_file_is_a_failed_call_once(world: World, tmp_path: Path, content: bytes, code: str) -> None:
    (tmp_path / "a.wav").write_bytes(content)
    (tmp_path / "b.wav").write_bytes(content)
    first = world.take(tmp_path / "a.wav", {"agent_id": "A1", "call_id": "C-1"})
    assert first.outcome is Outcome.REFUSED and first.failure is not None and first.id is not None
    assert first.failure.code == code
    row = world.row(first.id)
    assert (row.status, row.error_code, row.file_name, row.agent_id) == (CallStatus.FAILED, code, "a.wav", "A1")
    assert world.jobs.depth()["queued"] == 0
    assert not world.media.has(row.recording_sha256)
    second = world.take(tmp_path / "b.wav")
    assert (second.outcome, second.file, second.id, second.same_as) == (Outcome.DUPLICATE, "b.wav", first.id, "a.wav")
    assert second.failure == first.failure
    assert rows(world) == 1


def test_the_call_id_of_a_refused_file_is_free_for_the_right_one(world: World, tmp_path: Path, call: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"")
    world.take(tmp_path / "a.wav", {"call_id": "C-1"})
    assert world.row(accepted(world.take(call, {"call_id": "C-1"}))).call_id == "C-1"


def test_a_headerless_file_is_taken_once_its_format_is_named(world: World, tmp_path: Path) -> None:
    path = tmp_path / "a.raw"
    path.write_bytes(bytes([0x00, 0x12, 0x34, 0x56]) * 4000)
    refused = world.take(path, {"agent_id": "A1"})
    assert refused.outcome is Outcome.REFUSED
    taken = world.take(path, {"format": "mulaw/8000/1"})
    assert accepted(taken) == refused.id
    assert world.row(accepted(taken)).agent_id == "A1"
    with world.database.read() as session:
        recording = session.get_one(RecordingRow, taken.recording_sha256)
    assert (recording.audio_format, recording.refusal) == ("mulaw/8000/1", None)
    assert world.take(path).outcome is Outcome.DUPLICATE, "its bytes are known now"
    assert world.take(path, {"format": "alaw/8000/1"}).outcome is Outcome.UPDATED
    assert world.row(accepted(taken)).generation == 2


@pytest.mark.parametrize("metadata", [{"started_at": "2025-01-01T09:00:00"}, {"format": "speech"}, {"facts": "{"}])
def test_bad_metadata_is_reported_and_nothing_is_taken(world: World, call: Path, metadata: dict[str, Any]) -> None:
    result = world.take(call, metadata)
    assert result.outcome is Outcome.REFUSED and result.failure is not None
    assert (result.failure.code, result.id) == ("bad_metadata", None)
    assert result.failure.message.startswith(next(iter(metadata)))
    assert rows(world) == 0


def test_a_stream_is_limited_and_a_missing_file_is_reported(tmp_path: Path) -> None:
    world = World(tmp_path, upload_limit=100)
    big = world.intake.accept(ADMIN, io.BytesIO(b"RIFF" + b"x" * 200), file_name="big.wav")
    assert big.failure is not None and big.failure.code == "too_large"
    gone = world.take(tmp_path / "gone.wav")
    assert gone.failure is not None and gone.failure.code == "unreadable"
    assert rows(world) == 0
    assert list(world.settings.tmp_dir.iterdir()) == []
    world.close()


def test_if_queueing_fails_nothing_is_accepted(world: World, call: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no queue")

    monkeypatch.setattr(world.jobs, "enqueue", broken)
    with pytest.raises(RuntimeError):
        world.take(call)
    assert (rows(world), rows(world, RecordingRow), world.audit()) == (0, 0, [])
    monkeypatch.undo()
    # The bytes may lie there; the sweeper knows that no row names them, and a second try finds nothing in its way.
    assert world.upkeep.sweep().media == 1
    accepted(world.take(call))


def test_files_that_arrive_at_once_become_one_call_each_content(world: World, tmp_path: Path) -> None:
    files = [wav(tmp_path / f"{n}-{copy}.wav", n) for n in range(3) for copy in range(3)]
    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(world.take, files))
    outcomes = sorted(result.outcome for result in results)
    assert outcomes == [Outcome.ACCEPTED] * 3 + [Outcome.DUPLICATE] * 6
    assert (rows(world), rows(world, RecordingRow), len(list(world.media.kept()))) == (3, 3, 3)
    assert world.jobs.depth()["queued"] == 3


def test_newest_calls_go_first_and_bulk_behind(world: World, tmp_path: Path) -> None:
    def priority(seed: int, started_at: str, *, bulk: bool = False) -> int:
        path = wav(tmp_path / f"{seed}.wav", seed)
        result = world.intake.accept(ADMIN, path, file_name=path.name, metadata={"started_at": started_at}, bulk=bulk)
        return world.row(accepted(result)).priority

    old, new = priority(1, "2024-01-01T00:00:00Z"), priority(2, "2025-01-01T00:00:00Z")
    bulk = priority(3, "2025-06-01T00:00:00Z", bulk=True)
    assert new < old < bulk


def test_who_may_not_write_brings_nothing(world: World, call: Path) -> None:
    reader = Actor(name="r", permissions=frozenset({Permission.CALLS_READ}))
    with pytest.raises(Forbidden):
        world.take(call, actor=reader)
    assert rows(world) == 0


def member(*teams: str) -> Actor:
    return Actor(name="m", permissions=frozenset(Permission), teams=frozenset(teams))


def test_a_member_of_a_team_brings_calls_of_that_team_only(world: World, call: Path) -> None:
    assert world.row(accepted(world.take(call, actor=member("east")))).team == "east"
    for metadata, actor in (({"team": "west"}, member("east")), ({}, member("east", "west"))):
        with pytest.raises(Forbidden):
            world.take(call, metadata, actor=actor)


def test_a_member_can_not_change_or_learn_of_another_teams_call(world: World, call: Path) -> None:
    id = accepted(world.take(call, {"call_id": "C-1", "team": "west", "agent_id": "A1"}))
    for metadata in ({"call_id": "C-1", "agent_id": "A2", "team": "east"}, {"team": "east"}):
        result = world.take(call, metadata, actor=member("east"))
        assert (result.outcome, result.id, result.same_as) == (Outcome.REFUSED, None, None)
    row = world.row(id)
    assert (row.team, row.agent_id, row.generation) == ("west", "A1", 1)


def test_generations_go_on_after_a_deletion(world: World, call: Path) -> None:
    id = accepted(world.take(call))
    world.take(call, {"agent_id": "A1"})
    world.calls.delete(ADMIN, id)
    assert accepted(world.take(call)) == id
    assert world.row(id).generation == 3, "a job of a call that is gone must not be taken for this one's"
    assert world.jobs.state(id, 3) is JobState.QUEUED
