from __future__ import annotations

import io
import wave
from pathlib import Path

import av
import numpy as np
import pytest
from audio_files import Samples, tones

from models.waveform import open_flac
from pipeline import errors
from pipeline.stages.decode_flac import FlacWriter
from pipeline.stages.render import ClipFormat, clip, render_redacted

RATE_HZ = 8000


@pytest.fixture
def call(tmp_path: Path) -> tuple[Path, Samples]:
    samples = tones(6, RATE_HZ, 2)
    with (tmp_path / "call.flac").open("wb") as out, FlacWriter(out, channels=2, rate_hz=RATE_HZ) as writer:
        writer.write(samples)
    return tmp_path / "call.flac", samples


def samples_of(path: Path) -> Samples:
    with open_flac(path) as audio:
        return np.concatenate(list(audio.native()))


def correlation(one: Samples, other: Samples) -> float:
    return abs(float(np.corrcoef(one.astype(float), other.astype(float))[0, 1]))


@pytest.mark.parametrize("style", ["tone", "mute"])
def test_spans_are_covered_and_the_rest_is_untouched(call: tuple[Path, Samples], tmp_path: Path, style: str) -> None:
    path, samples = call
    out = tmp_path / "redacted.flac"
    render_redacted(path, [(1000, 1500), (1, 3000, 3600), (1, 3500, 3700)], out, style=style)  # type: ignore[arg-type]
    redacted = samples_of(out)
    covered = np.zeros(samples.shape, bool)
    covered[8000:12000, :] = True
    covered[24000:29600, 1] = True
    assert np.array_equal(redacted[~covered], samples[~covered])
    assert correlation(redacted[8000:12000, 0], samples[8000:12000, 0]) < 0.05 if style == "tone" else True
    level = np.abs(redacted[covered]).max()
    assert level == 0 if style == "mute" else 3000 < level < 5000
    assert not list(tmp_path.glob("*.part"))


def test_a_channel_that_is_not_there_covers_all(call: tuple[Path, Samples], tmp_path: Path) -> None:
    path, _ = call
    render_redacted(path, [(7, 0, 1000)], tmp_path / "out.flac", style="mute")
    assert not samples_of(tmp_path / "out.flac")[:8000].any()


def test_a_wav_clip_has_the_right_seconds_and_a_beep(call: tuple[Path, Samples]) -> None:
    path, samples = call
    data = clip(path, 1000, 4000, mute=[(0, 500, 1500), (1, 3000, 3250), (5000, 5500)])
    with wave.open(io.BytesIO(data)) as wav:
        assert (wav.getframerate(), wav.getnchannels(), wav.getnframes()) == (RATE_HZ, 2, 24_000)
        heard = np.frombuffer(wav.readframes(24_000), np.int16).reshape(-1, 2)
    assert np.array_equal(heard[5000:15_000], samples[13_000:23_000])
    assert np.array_equal(heard[19_000:23_000, 0], samples[27_000:31_000, 0])
    assert correlation(heard[200:4000, 0], samples[8200:12_000, 0]) < 0.05
    assert correlation(heard[16_000:18_000, 1], samples[24_000:26_000, 1]) < 0.05
    assert np.abs(heard[:4]).max() < 1000  # faded in


@pytest.mark.parametrize(("format", "codec"), [("mp3", "mp3"), ("flac", "flac")])
def test_other_clip_formats_decode(call: tuple[Path, Samples], format: ClipFormat, codec: str) -> None:
    with av.open(io.BytesIO(clip(call[0], 500, 2500, format=format))) as container:
        assert container.streams.audio[0].codec_context.codec.canonical_name == codec
        heard = sum(frame.samples for frame in container.decode(audio=0))
    assert abs(heard - 2 * RATE_HZ) < 200


@pytest.mark.parametrize(("start_ms", "end_ms"), [(-1, 100), (2000, 2000), (3000, 2000), (6000, 7000)])
def test_a_clip_outside_the_call_is_refused(call: tuple[Path, Samples], start_ms: int, end_ms: int) -> None:
    with pytest.raises(errors.InvalidInput) as refused:
        clip(call[0], start_ms, end_ms)
    assert refused.value.code == "bad_clip"
