"""Calls of a folder with their truth, through stages of a few lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import DecodeFailed, RefusedFile
from pipeline.evaluation.recordings import judge_recording, known_calls
from pipeline.records import Stage
from pipeline.run import RUN
from tests.unit.test_evaluation_calls import CALL
from tests.unit.tiny_stages import TinyStages

WAV = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(64)


def written(folder: Path, name: str, **changes: Any) -> None:
    (folder / f"{name}.json").write_text(json.dumps({**CALL, "id": name, **changes}), encoding="utf-8")


def test_a_folder_holds_calls_with_and_without_a_recording_and_other_files(tmp_path: Path) -> None:
    (tmp_path / "truth").mkdir()
    written(tmp_path, "b")
    written(tmp_path / "truth", "a")
    (tmp_path / "a.WAV").write_bytes(WAV)
    (tmp_path / "b.txt").write_text("notes")
    (tmp_path / "c.json").write_text("{}")
    (tmp_path / "d.json").write_text("[1]")
    (tmp_path / "e.json").write_text("{")
    found = known_calls(tmp_path)
    assert {call.truth.id: call.audio for call in found.calls} == {"b": None, "a": tmp_path / "a.WAV"}
    assert dict(found.bad) == {
        "c.json": "'meta' is missing",
        "d.json": "not the truth of a call (TypeError)",
        "e.json": "not the truth of a call (JSONDecodeError)",
    }


def test_a_recording_goes_through_every_stage(tmp_path: Path) -> None:
    written(tmp_path, "a")
    (tmp_path / "a.wav").write_bytes(WAV)
    call = known_calls(tmp_path).calls[0]
    assert call.audio is not None
    tiny, told = TinyStages(), []
    judgement = judge_recording(
        call.truth, call.audio, tiny.bundle(), tmp_path / "work", lambda stage, part: told.append((stage, part))
    )
    assert judgement.pack == "tiny" and set(tiny.ran) == set(RUN)
    assert (Stage.TRANSCRIBE, 0.5) in told
    tiny.fails = {Stage.DECODE: DecodeFailed("no audio")}
    with pytest.raises(DecodeFailed):
        judge_recording(call.truth, call.audio, tiny.bundle(), tmp_path / "other")
    call.audio.write_bytes(b"no audio at all")
    with pytest.raises(RefusedFile):
        judge_recording(call.truth, call.audio, tiny.bundle(), tmp_path / "third")
