from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from audio_files import Samples, encode, tones

from models.waveform import iter_blocks, open_flac, read_channels
from pipeline.stages.decode_flac import FlacWriter


def flac(path: Path, samples: Samples, rate_hz: int) -> Path:
    with path.open("wb") as out, FlacWriter(out, channels=samples.shape[1], rate_hz=rate_hz) as writer:
        writer.write(samples)
    return path


def test_native_windows_are_the_very_samples(tmp_path: Path) -> None:
    samples = tones(31.7, 8000, 2)
    with open_flac(flac(tmp_path / "a.flac", samples, 8000)) as audio:
        assert (audio.frames, audio.channels, audio.rate_hz, audio.duration_ms) == (len(samples), 2, 8000, 31_700)
        rng = random.Random(1)
        for _ in range(40):
            start = rng.randrange(len(samples))
            end = start + rng.randrange(1, 40_000)
            assert np.array_equal(np.concatenate(list(audio.native(start, end))), samples[start:end])


@pytest.mark.parametrize("rate_hz", [8000, 11025, 16000, 44100, 48000])
def test_a_window_is_the_same_alone_and_within_the_whole(tmp_path: Path, rate_hz: int) -> None:
    path = flac(tmp_path / "a.flac", tones(9.37, rate_hz, 2), rate_hz)
    whole = np.concatenate([block for _, block in iter_blocks(path, 1700)], axis=1)
    assert abs(whole.shape[1] - 9_370 * 16) <= 16
    rng = random.Random(2)
    for _ in range(15):
        start_ms = rng.randrange(8000)
        end_ms = start_ms + rng.randrange(1, 9000)
        window = read_channels(path, start_ms, end_ms)
        assert window.dtype == np.float32
        assert np.array_equal(window, whole[:, start_ms * 16 : end_ms * 16])


@pytest.mark.parametrize("rate_hz", [8000, 44100])
def test_resampling_keeps_level_and_place(tmp_path: Path, rate_hz: int) -> None:
    times = np.arange(rate_hz * 4) / rate_hz
    path = flac(tmp_path / "a.flac", (9000 * np.sin(2 * np.pi * 440 * times)).astype(np.int16)[:, None], rate_hz)
    window = read_channels(path, 1500, 2500)[0]
    expected = 9000 / 32768 * np.sin(2 * np.pi * 440 * (1.5 + np.arange(16_000) / 16_000))
    assert np.abs(window - expected).max() < 0.01


def test_blocks_say_where_they_begin(tmp_path: Path) -> None:
    path = flac(tmp_path / "a.flac", tones(5, 8000), 8000)
    blocks = list(iter_blocks(path, 2000, rate_hz=8000))
    assert [(start_ms, block.shape) for start_ms, block in blocks] == [
        (0, (1, 16_000)),
        (2000, (1, 16_000)),
        (4000, (1, 8000)),
    ]


def test_windows_end_where_the_file_ends(tmp_path: Path) -> None:
    path = flac(tmp_path / "a.flac", tones(2, 8000, 2), 8000)
    assert read_channels(path, 1500, 9000).shape == (2, 8000)
    assert read_channels(path, 2000, 9000).shape == (2, 0)
    assert read_channels(path, 700, 700).shape == (2, 0)


def test_a_file_from_another_encoder_reads_too(tmp_path: Path) -> None:
    samples = tones(3, 16000, 2)
    path = encode(tmp_path / "other.flac", samples, 16000, "flac")
    assert np.array_equal(read_channels(path, 1000, 2000), samples[16_000:32_000].T / np.float32(32768))
