"""The run of one call, with stages of a few lines: what is repeated, and what never is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import DecodeFailed, StageFailed
from pipeline.records import CallContext, Channels, Recording, Role, Stage
from pipeline.run import FLAC, PEAKS, RUN, CallRun
from pipeline.store.artifacts import Artifacts
from tests.unit.tiny_stages import TinyStages


@pytest.fixture
def tiny() -> TinyStages:
    return TinyStages()


@pytest.fixture
def run_of(tiny: TinyStages, tmp_path: Path) -> Callable[..., CallRun]:
    source = tmp_path / "source"
    source.write_bytes(b"recording")

    def make(**changes: Any) -> CallRun:
        tiny.ran.clear()
        values: dict[str, Any] = {
            "id": "call",
            "stages": tiny.bundle(),
            "artifacts": Artifacts(tmp_path / "artifacts"),
            "source": source,
            "recording": Recording(sha256="ab" * 32, media_type="audio/x-tiny", size_bytes=9),
            "context": CallContext(),
        }
        return CallRun(**{**values, **changes})

    return make


def finished(run: CallRun) -> CallRun:
    for stage in RUN:
        run.ensure(stage)
    return run


def test_every_stage_runs_once_and_the_record_holds_all_of_it(tiny: TinyStages, run_of: Any) -> None:
    run = finished(run_of())
    record = run.record(3)
    assert tiny.ran == dict.fromkeys(RUN, 1)
    assert (record.id, record.revision) == ("call", 3)
    assert record.transcript.utterances[0].role is Role.AGENT
    assert record.signals[0].category == "by.agent"
    assert record.audio.duration_ms == record.measures.silence_ms == 900
    assert record.digests == {stage: run.ensure(stage) for stage in RUN}


def test_what_is_there_is_not_made_again(tiny: TinyStages, run_of: Any) -> None:
    first = finished(run_of()).record(1)
    again = finished(run_of())
    assert not tiny.ran
    assert again.record(1) == first


def test_a_killed_run_goes_on_after_its_last_stage(tiny: TinyStages, run_of: Any) -> None:
    run = run_of()
    for stage in (Stage.DECODE, Stage.SEPARATE, Stage.TRANSCRIBE):
        run.ensure(stage)
    finished(run_of())
    assert set(tiny.ran) == {Stage.ROLES, Stage.HEAR, Stage.DETECT, Stage.JUDGE, Stage.REDACT}


def test_asking_for_a_late_stage_makes_what_it_stands_on(tiny: TinyStages, run_of: Any) -> None:
    run_of().ensure(Stage.REDACT)
    assert set(tiny.ran) == {Stage.DECODE, Stage.SEPARATE, Stage.TRANSCRIBE, Stage.ROLES, Stage.REDACT}


@pytest.mark.parametrize(
    ("changed", "repeated"),
    [
        (Stage.DECODE, {Stage.DECODE, Stage.SEPARATE, Stage.TRANSCRIBE, Stage.HEAR}),
        (Stage.TRANSCRIBE, {Stage.TRANSCRIBE}),
        (Stage.DETECT, {Stage.DETECT}),
        (Stage.JUDGE, {Stage.JUDGE}),
    ],
)
def test_a_new_version_repeats_its_stage_and_what_gets_other_inputs(
    tiny: TinyStages, run_of: Any, changed: Stage, repeated: set[Stage]
) -> None:
    finished(run_of())
    tiny.versions[changed] = "2"
    finished(run_of())
    assert set(tiny.ran) == repeated


def test_a_model_that_hears_other_words_repeats_all_that_follows(tiny: TinyStages, run_of: Any) -> None:
    finished(run_of())
    tiny.versions[Stage.TRANSCRIBE], tiny.words = "2", "goodbye"
    record = finished(run_of()).record(2)
    assert set(tiny.ran) == set(RUN) - {Stage.DECODE, Stage.SEPARATE}
    assert record.transcript.utterances[0].text == "goodbye"


def test_swapped_roles_run_again_from_the_roles(tiny: TinyStages, run_of: Any) -> None:
    finished(run_of())
    record = finished(run_of(roles_swapped=True)).record(2)
    assert set(tiny.ran) == {Stage.ROLES, Stage.HEAR, Stage.DETECT, Stage.JUDGE, Stage.REDACT}
    assert record.signals[0].category == "by.customer"
    assert record.roles.method == "reviewer"


def test_other_metadata_is_judged_again_without_hearing_again(tiny: TinyStages, run_of: Any) -> None:
    finished(run_of())
    finished(run_of(context=CallContext(product="card")))
    assert set(tiny.ran) == {Stage.JUDGE}
    finished(run_of(context=CallContext(channels=Channels.AGENT_RIGHT)))
    assert set(tiny.ran) == {Stage.ROLES, Stage.HEAR, Stage.DETECT, Stage.JUDGE, Stage.REDACT}


def test_a_customers_voice_that_may_not_be_used_is_heard_again_without_it(tiny: TinyStages, run_of: Any) -> None:
    assert finished(run_of()).record(1).sounds[0].sobs == 0
    tiny.customer_voice = False
    assert finished(run_of()).record(2).sounds[0].sobs is None
    assert set(tiny.ran) == {Stage.HEAR, Stage.DETECT}


@pytest.mark.parametrize("stage", [s for s in RUN if s is not Stage.DECODE])
def test_a_corrupt_or_missing_artifact_is_made_again(tiny: TinyStages, run_of: Any, stage: Stage) -> None:
    run = finished(run_of())
    path = run.artifacts.path_for(stage, run.ensure(stage))
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    finished(run_of())
    assert tiny.ran == {stage: 1}
    path.unlink()
    finished(run_of())
    assert tiny.ran == {stage: 1}
    assert path.read_bytes() == whole


@pytest.mark.parametrize("suffix", [FLAC, PEAKS, ".json"])
def test_a_cut_or_missing_audio_file_is_decoded_again(tiny: TinyStages, run_of: Any, suffix: str) -> None:
    run = finished(run_of())
    path = run.artifacts.path_for(Stage.DECODE, run.ensure(Stage.DECODE), suffix)
    path.write_bytes(path.read_bytes()[:-1])
    finished(run_of())
    assert tiny.ran == {Stage.DECODE: 1}
    path.unlink()
    finished(run_of())
    assert tiny.ran == {Stage.DECODE: 1}


def test_a_failed_stage_leaves_nothing_and_runs_at_the_next_try(tiny: TinyStages, run_of: Any) -> None:
    tiny.fails[Stage.DECODE] = DecodeFailed("no audio", code="no_audio_stream")
    run = run_of()
    for _ in range(2):
        with pytest.raises(StageFailed):
            run.ensure(Stage.SEPARATE)
    assert tiny.ran == {Stage.DECODE: 2}
    tiny.fails.clear()
    finished(run)
    assert tiny.ran[Stage.DECODE] == 3


def test_progress_names_the_stages_that_really_run(tiny: TinyStages, run_of: Any) -> None:
    told: list[tuple[Stage, float | None]] = []
    run = run_of(progress=lambda stage, part: told.append((stage, part)))
    run.ensure(Stage.TRANSCRIBE)
    assert told == [
        (Stage.DECODE, None),
        (Stage.SEPARATE, None),
        (Stage.TRANSCRIBE, None),
        (Stage.TRANSCRIBE, 0.5),
    ]
    told.clear()
    run_of(progress=lambda stage, part: told.append((stage, part))).ensure(Stage.TRANSCRIBE)
    assert told == []
