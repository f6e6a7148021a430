"""The outbox and the index behind it: what changed arrives, redacted, and everything can be sent again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from stores import ADMIN, World, finding, utterance, wav

from pipeline.records import Redaction, Role, Span
from pipeline.search.base import Scope, SearchQuery
from pipeline.search.memory import MemoryIndex
from pipeline.store.tables import OutboxRow

PHONE = Redaction(kind="phone", span=Span(utterance=0, word_start=1, word_end=3), start_ms=100, end_ms=290)
SAID = [utterance(0, Role.AGENT, ["call", " 13812345678", " now", " please"])]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


@pytest.fixture
def index() -> MemoryIndex:
    return MemoryIndex()


def found(index: MemoryIndex, text: str, teams: frozenset[str] | None = None) -> list[str]:
    return [hit.document.call_id for hit in index.search(SearchQuery(text=text), Scope(teams=teams)).hits]


def make(world: World, folder: Path, seed: int = 0, **metadata: str) -> str:
    id = world.take(wav(folder / f"{seed}.wav", seed), metadata).id
    assert id is not None
    world.process(id, utterances=SAID, redactions=[PHONE], findings=[finding()])
    return id


def test_a_processed_call_is_found_and_its_private_words_are_not(
    world: World, index: MemoryIndex, tmp_path: Path
) -> None:
    id = make(world, tmp_path)
    assert world.indexing.pending() == 1
    assert world.indexing.drain(index) == 1
    assert (world.indexing.pending(), world.indexing.drain(index)) == (0, 0)
    assert found(index, "please") == [id]
    assert found(index, "13812345678") == []


def test_a_call_that_changed_often_is_sent_once_and_a_deleted_one_goes(
    world: World, index: MemoryIndex, tmp_path: Path
) -> None:
    first, second = make(world, tmp_path, 1), make(world, tmp_path, 2)
    world.calls.reprocess(ADMIN, first)
    world.process(first, utterances=[utterance(0, Role.AGENT, ["hello"])])
    world.indexing.drain(index)
    assert (found(index, "please"), found(index, "hello")) == ([second], [first])
    world.calls.delete(ADMIN, first)
    world.indexing.drain(index)
    assert found(index, "hello") == []


def test_a_new_team_counts_before_the_call_is_judged_again(world: World, index: MemoryIndex, tmp_path: Path) -> None:
    id = make(world, tmp_path, call_id="C-1", team="east")
    world.indexing.drain(index)
    assert found(index, "please", frozenset({"east"})) == [id]
    world.take(tmp_path / "0.wav", {"call_id": "C-1", "team": "west"})
    world.indexing.drain(index)
    assert found(index, "please", frozenset({"east"})) == []
    assert found(index, "please", frozenset({"west"})) == [id]


def test_a_crash_before_the_outbox_is_cleared_sends_again(world: World, index: MemoryIndex, tmp_path: Path) -> None:
    id = make(world, tmp_path)

    class Crashing(MemoryIndex):
        def commit(self) -> None:
            raise RuntimeError

    with pytest.raises(RuntimeError):
        world.indexing.drain(Crashing())
    assert world.indexing.pending() == 1
    world.indexing.drain(index)
    assert found(index, "please") == [id]


def test_a_batch_has_a_limit(world: World, index: MemoryIndex, tmp_path: Path) -> None:
    for seed in range(3):
        make(world, tmp_path, seed)
    assert [world.indexing.drain(index, limit=2) for _ in range(3)] == [2, 1, 0]


def test_the_index_can_be_thrown_away(world: World, tmp_path: Path) -> None:
    made = {make(world, tmp_path, seed) for seed in range(3)}
    world.take(wav(tmp_path / "9.wav", 9))
    rebuilt = MemoryIndex()
    world.indexing.rebuild(rebuilt)
    assert set(found(rebuilt, "please")) == made
    assert world.indexing.pending() == 0
    sent = MemoryIndex()
    world.indexing.send_all()
    assert world.indexing.pending() == 3
    world.indexing.drain(sent)
    assert set(found(sent, "please")) == made


def test_a_call_without_its_record_does_not_stop_the_others(world: World, index: MemoryIndex, tmp_path: Path) -> None:
    lost, kept = make(world, tmp_path, 1), make(world, tmp_path, 2)
    row = world.row(lost)
    world.artifacts.of(row.recording_sha256).delete("record", row.record_digest or "")
    world.indexing.drain(index)
    assert found(index, "please") == [kept]
    with world.database.read() as session:
        assert session.scalars(select(OutboxRow)).all() == []
