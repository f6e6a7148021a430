"""The watched folder: what is taken, when, and what never stops it."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from forbear.watch import WATCHER, Watcher
from pipeline.errors import Unavailable
from pipeline.services.views import Actor, Failure, IntakeResult, Outcome


class Accepting:
    """Stands for intake; remembers what it was given."""

    def __init__(self) -> None:
        self.given: list[tuple[str, Mapping[str, Any] | None]] = []
        self.away = False
        self.taken = threading.Event()

    def accept(
        self, actor: Actor, source: Path, *, file_name: str, metadata: Mapping[str, Any] | None = None
    ) -> IntakeResult:
        assert actor is WATCHER
        if self.away:
            raise Unavailable("The disk is full; free space.")
        self.given.append((file_name, metadata))
        self.taken.set()
        if source.stat().st_size == 0:
            failure = Failure(code="empty_file", message="The file is empty.")
            return IntakeResult(
                file=file_name, outcome=Outcome.REFUSED, id=None, recording_sha256=None, failure=failure
            )
        return IntakeResult(file=file_name, outcome=Outcome.ACCEPTED, id="c1", recording_sha256="ab")


@pytest.fixture
def intake() -> Accepting:
    return Accepting()


@pytest.fixture
def watcher(intake: Accepting, tmp_path: Path) -> Watcher:
    return Watcher(intake, tmp_path, looks=2)


def test_a_file_is_taken_once_when_it_stands_still(watcher: Watcher, intake: Accepting, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"1")
    assert watcher.look() == []
    path.write_bytes(b"12")
    assert watcher.look() == []
    assert [result.outcome for result in watcher.look()] == [Outcome.ACCEPTED]
    assert watcher.look() == [] and watcher.look() == []
    assert intake.given == [("a.wav", None)]


def test_a_file_that_changes_later_is_taken_again(watcher: Watcher, intake: Accepting, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"1")
    watcher.look(), watcher.look()
    path.write_bytes(b"23")
    os.utime(path, ns=(1, 1))
    watcher.look(), watcher.look()
    assert len(intake.given) == 2


def test_metadata_is_read_and_what_comes_later_is_taken_too(
    watcher: Watcher, intake: Accepting, tmp_path: Path
) -> None:
    (tmp_path / "a.wav").write_bytes(b"1")
    watcher.look(), watcher.look()
    (tmp_path / "a.json").write_text(json.dumps({"meta": {"team": "north"}}))
    watcher.look(), watcher.look()
    assert intake.given == [("a.wav", None), ("a.wav", {"team": "north"})]


def test_bad_metadata_keeps_back_its_own_file_until_it_is_mended(
    watcher: Watcher, intake: Accepting, tmp_path: Path
) -> None:
    (tmp_path / "a.wav").write_bytes(b"1")
    (tmp_path / "a.json").write_text("{")
    (tmp_path / "b.wav").write_bytes(b"1")
    watcher.look(), watcher.look(), watcher.look()
    assert intake.given == [("b.wav", None)]
    (tmp_path / "a.json").write_text('{"team": "south"}')
    watcher.look(), watcher.look()
    assert intake.given[1:] == [("a.wav", {"team": "south"})]


def test_hidden_unfinished_and_paper_files_are_left_alone(watcher: Watcher, intake: Accepting, tmp_path: Path) -> None:
    (tmp_path / ".cache").mkdir()
    (tmp_path / "deep").mkdir()
    for name in (".a.wav", "b.wav.part", "list.csv", "notes.txt", ".cache/c.wav", "deep/d.wav"):
        (tmp_path / name).write_bytes(b"1")
    watcher.look(), watcher.look()
    assert intake.given == [("d.wav", None)]


def test_a_refused_file_is_not_offered_again_and_one_that_could_not_be_stored_is(
    watcher: Watcher, intake: Accepting, tmp_path: Path
) -> None:
    (tmp_path / "empty.wav").touch()
    watcher.look(), watcher.look(), watcher.look()
    assert [name for name, _ in intake.given] == ["empty.wav"]
    (tmp_path / "a.wav").write_bytes(b"1")
    intake.away = True
    watcher.look(), watcher.look()
    intake.away = False
    assert [result.file for result in watcher.look()] == ["a.wav"]


def test_it_watches_while_it_is_entered_and_rests_without_a_folder(intake: Accepting, tmp_path: Path) -> None:
    with Watcher(intake, None):
        pass
    with Watcher(intake, tmp_path, interval_s=0.01, looks=2):
        (tmp_path / "a.wav").write_bytes(b"1")
        assert intake.taken.wait(30)
    (tmp_path / "b.wav").write_bytes(b"1")
    assert [name for name, _ in intake.given] == ["a.wav"]
