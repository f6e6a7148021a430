"""Calls of a folder with their truth, through stages of a few lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import DecodeFailed, InvalidInput, RefusedFile
from pipeline.evaluation.recordings import judge_recording, known_calls
from pipeline.evaluation.speech import samples_of_calls
from pipeline.records import Role, Stage
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


def test_speech_is_measured_on_the_same_recordings(tmp_path: Path) -> None:
    (tmp_path / "truth").mkdir()
    written(tmp_path, "a[1]", layout="stereo")
    written(tmp_path / "truth", "b")
    written(tmp_path, "c")
    (tmp_path / "a[1].WAV").write_bytes(WAV)
    (tmp_path / "b.opus").write_bytes(WAV)
    stereo, mono = samples_of_calls(tmp_path)
    assert (stereo.id, stereo.audio.name, mono.id, mono.audio.name) == ("a[1]", "a[1].WAV", "b", "b.opus")
    assert stereo.texts == ("您好。 那就等着坐牢吧。 自己想想。", "我失业了。")
    assert mono.texts == ("您好。 我失业了。 那就等着坐牢吧。 自己想想。",)
    assert [(s.role, s.start_ms, s.end_ms) for s in mono.speech[:2]] == [
        (Role.AGENT, 1_000, 4_000),
        (Role.CUSTOMER, 5_000, 8_000),
    ]


def test_speech_is_not_measured_on_a_part_of_the_calls_unseen(tmp_path: Path) -> None:
    written(tmp_path, "a")
    (tmp_path / "a.wav").write_bytes(WAV)
    (tmp_path / "d.json").write_text("{}")
    with pytest.raises(InvalidInput, match=r"Mend these files or take them out .*d\.json: 'meta' is missing"):
        samples_of_calls(tmp_path)
