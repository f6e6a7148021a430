"""What of a call may be heard: private stretches are covered on every channel, originals are asked for and audited."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from audio_files import Samples, tones
from stores import ADMIN, World, wav

from models.waveform import open_flac
from pipeline.errors import InvalidInput, NotFound
from pipeline.records import Audio, Redaction, Span, Stage
from pipeline.stages.decode_flac import FlacWriter
from pipeline.stages.decode_peaks import PeakBuilder

RATE_HZ = 8000
HIDDEN = Redaction(kind="phone", span=Span(utterance=0, word_start=1, word_end=2), start_ms=500, end_ms=900)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path, clip_limit_ms=1500)
    yield world
    world.close()


@pytest.fixture
def samples() -> Samples:
    return tones(2, RATE_HZ, 2)


def make(world: World, folder: Path, samples: Samples, *, seed: int = 0, redactions: tuple[Redaction, ...] = ()) -> str:
    """A processed call whose derived audio are these samples."""
    result = world.take(wav(folder / f"{seed}.wav", seed))
    assert result.id is not None and result.recording_sha256 is not None
    artifacts = world.artifacts.of(result.recording_sha256)
    key = artifacts.key(Stage.DECODE, "1", result.recording_sha256)
    with (
        artifacts.writing(Stage.DECODE, key, ".flac") as path,
        path.open("wb") as out,
        FlacWriter(out, channels=2, rate_hz=RATE_HZ) as writer,
    ):
        writer.write(samples)
    peaks = PeakBuilder(channels=2, rate_hz=RATE_HZ)
    peaks.write(samples)
    with artifacts.writing(Stage.DECODE, key, ".peaks") as path:
        path.write_bytes(peaks.to_bytes())
    audio = Audio(digest=key, peaks_digest=key, duration_ms=2000, channels=2, sample_rate_hz=RATE_HZ, codec="pcm_s16le")
    world.process(result.id, audio=audio, redactions=redactions)
    return result.id


def heard(path: Path) -> Samples:
    with open_flac(path) as audio:
        return np.concatenate(list(audio.native()))


def test_a_redacted_stretch_is_covered_on_both_channels_and_nothing_else(
    world: World, tmp_path: Path, samples: Samples
) -> None:
    id = make(world, tmp_path, samples, redactions=(HIDDEN,))
    shown = heard(world.calls.audio_path(ADMIN, id))
    hidden = slice(500 * 8, 900 * 8)
    for channel in range(2):
        assert np.array_equal(shown[: 500 * 8, channel], samples[: 500 * 8, channel])
        assert np.array_equal(shown[900 * 8 :, channel], samples[900 * 8 :, channel])
        one, other = shown[hidden, channel].astype(float), samples[hidden, channel].astype(float)
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.1
    assert np.array_equal(heard(world.calls.audio_path(ADMIN, id, original=True)), samples)


def test_it_is_rendered_once_and_again_for_other_redactions(world: World, tmp_path: Path, samples: Samples) -> None:
    id = make(world, tmp_path, samples, redactions=(HIDDEN,))
    with ThreadPoolExecutor(4) as pool:
        paths = set(pool.map(lambda _: world.calls.audio_path(ADMIN, id), range(8)))
    (path,) = paths
    written = path.stat().st_mtime_ns
    assert world.calls.audio_path(ADMIN, id) == path and path.stat().st_mtime_ns == written
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    other = make(world, tmp_path, samples, seed=1)
    assert np.array_equal(heard(world.calls.audio_path(ADMIN, other)), samples)


def test_what_is_rendered_is_played_while_another_call_is_rendered(
    world: World, tmp_path: Path, samples: Samples
) -> None:
    id = make(world, tmp_path, samples, redactions=(HIDDEN,))
    path = world.calls.audio_path(ADMIN, id)
    with world.calls._audio._rendering, ThreadPoolExecutor(1) as pool:
        assert pool.submit(world.calls.audio_path, ADMIN, id).result(timeout=20) == path


def test_a_player_that_asks_in_pieces_leaves_one_line(world: World, tmp_path: Path, samples: Samples) -> None:
    id = make(world, tmp_path, samples, redactions=(HIDDEN,))
    world.calls.audio_path(ADMIN, id)
    assert world.audit("call.original_heard") == []
    for _ in range(5):
        world.calls.audio_path(ADMIN, id, original=True)
    assert [line.subject for line in world.audit("call.original_heard")] == [id]
    other = make(world, tmp_path, samples, seed=1)
    world.calls.audio_path(ADMIN, other, original=True)
    assert len(world.audit("call.original_heard")) == 2


def test_a_clip_is_redacted_unless_the_original_is_asked_for(world: World, tmp_path: Path, samples: Samples) -> None:
    id = make(world, tmp_path, samples, redactions=(HIDDEN,))

    def clip(*, original: bool) -> Samples:
        data = world.calls.clip(ADMIN, id, 400, 1000, original=original)
        with wave.open(io.BytesIO(data)) as file:
            assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (2, RATE_HZ, 4800)
            return np.frombuffer(file.readframes(4800), np.int16).reshape(-1, 2)

    middle = slice(200 * 8, 400 * 8)
    expected = samples[600 * 8 : 800 * 8]
    assert np.array_equal(clip(original=True)[middle], expected)
    assert not np.array_equal(clip(original=False)[middle], expected)
    (original,) = world.audit("call.original_clipped")
    assert original.details == {"start_ms": 400, "end_ms": 1000}
    assert len(world.audit("call.clipped")) == 1


@pytest.mark.parametrize(("start_ms", "end_ms"), [(0, 1501), (500, 500), (-1, 100), (5000, 5100)])
def test_a_clip_lies_in_the_call_and_is_short(
    world: World, tmp_path: Path, samples: Samples, start_ms: int, end_ms: int
) -> None:
    id = make(world, tmp_path, samples)
    with pytest.raises(InvalidInput) as caught:
        world.calls.clip(ADMIN, id, start_ms, end_ms)
    assert caught.value.code == "bad_clip"
    assert world.audit("call.clipped") == []


def test_the_waveform_is_that_of_the_call(world: World, tmp_path: Path, samples: Samples) -> None:
    peaks = world.calls.peaks(ADMIN, make(world, tmp_path, samples))
    assert (peaks.duration_ms, len(peaks.pairs)) == (2000, 2)
    assert max(peaks.pairs[0]) == pytest.approx(int(samples[:, 0].max()) / 256, abs=1)


def test_audio_that_is_gone_is_said_to_be_gone(world: World, tmp_path: Path, samples: Samples) -> None:
    id = make(world, tmp_path, samples)
    row = world.row(id)
    artifacts = world.artifacts.of(row.recording_sha256)
    artifacts.delete(Stage.DECODE, artifacts.key(Stage.DECODE, "1", row.recording_sha256))
    for ask in (world.calls.audio_path, world.calls.peaks):
        with pytest.raises(NotFound, match="reprocess"):
            ask(ADMIN, id)
