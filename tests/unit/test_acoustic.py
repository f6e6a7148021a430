"""What is planted in a voice is measured: pitch, its shift and spread, tremor of pitch and level, sobs; and nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.acoustic import PITCH_MS, Passage, VoiceMeter
from tests.audio_files import encode

RATE_HZ = 16_000
Wave = NDArray[np.float32]


@pytest.fixture(scope="module")
def meter() -> VoiceMeter:
    return VoiceMeter()


def voice(
    pitch_hz: float | NDArray[np.float64], seconds: float, gain: float | NDArray[np.float64] = 1.0, seed: int = 0
) -> Wave:
    """A vowel: harmonics under two formants, with the breath that every voice has."""
    times = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(pitch_hz, times.shape)) / RATE_HZ
    middle = float(np.median(pitch_hz))
    wave = np.zeros_like(times)
    for harmonic in range(1, int(3400 / middle)):
        frequency = harmonic * middle
        strength = np.exp(-(((frequency - 600) / 400) ** 2)) + 0.4 * np.exp(-(((frequency - 1500) / 500) ** 2)) + 0.03
        wave += strength * np.sin(harmonic * phase)
    breath = np.random.default_rng(seed).normal(0, 0.002, len(times))
    return (0.1 * gain * wave + breath).astype(np.float32)


def swing(rate_hz: float, seconds: float) -> NDArray[np.float64]:
    return np.sin(2 * np.pi * rate_hz * np.arange(int(seconds * RATE_HZ)) / RATE_HZ)


@pytest.mark.parametrize("pitch_hz", [90.0, 120.0, 210.0, 330.0])
def test_pitch_is_found_within_two_percent(meter: VoiceMeter, pitch_hz: float) -> None:
    found = meter.measure(voice(pitch_hz, 1.5))
    assert found.pitch_hz == pytest.approx(pitch_hz, rel=0.02)
    assert found.voiced_share is not None and found.voiced_share > 0.9
    assert found.pitch_spread_st == pytest.approx(0, abs=0.2)
    assert found.tremor is not None and found.tremor < 0.1 and found.sobs == 0


def test_a_shift_by_resampling_is_found_in_semitones(meter: VoiceMeter) -> None:
    wave = voice(150.0, 2.0)
    higher = np.interp(np.arange(0, len(wave) - 1, 2 ** (5 / 12)), np.arange(len(wave)), wave).astype(np.float32)
    low, high = meter.measure(wave).pitch_hz, meter.measure(higher).pitch_hz
    assert low is not None and high is not None
    assert 12 * np.log2(high / low) == pytest.approx(5, abs=0.3)


def test_spread_is_the_range_of_a_melody(meter: VoiceMeter) -> None:
    glide = 150 * 2 ** (np.linspace(0, 10, 2 * RATE_HZ) / 12)
    assert meter.measure(voice(glide, 2.0)).pitch_spread_st == pytest.approx(8, abs=0.5), "80 of 100 of the way"


@pytest.mark.parametrize("rate_hz", [5.5, 7.0, 10.0])
@pytest.mark.parametrize("depth_st", [1.0, 2.0])
def test_a_trembling_pitch_has_the_depth_that_was_planted(meter: VoiceMeter, rate_hz: float, depth_st: float) -> None:
    trembling = 180 * 2 ** (depth_st * swing(rate_hz, 2) / 12)
    assert meter.measure(voice(trembling, 2.0)).tremor == pytest.approx(depth_st, rel=0.3)


def test_a_trembling_level_is_found_where_pitch_is_steady(meter: VoiceMeter) -> None:
    shallow, deep = (meter.measure(voice(180.0, 2.0, gain=1 + depth * swing(6, 2))).tremor for depth in (0.2, 0.8))
    assert shallow is not None and deep is not None
    assert shallow < 0.5 < 1.3 < deep


def test_slow_melody_is_no_tremor(meter: VoiceMeter) -> None:
    found = meter.measure(voice(180 * 2 ** (4 * swing(2, 3) / 12), 3.0)).tremor
    assert found is not None and found < 0.3


@pytest.mark.parametrize("bursts", [3, 6])
def test_bursts_between_audible_breaths_are_counted(meter: VoiceMeter, bursts: int) -> None:
    breath = np.random.default_rng(1).normal(0, 0.03, int(0.22 * RATE_HZ)).astype(np.float32)
    sobbing = np.concatenate([np.concatenate([voice(260.0, 0.15), breath]) for _ in range(bursts)])
    assert meter.measure(sobbing).sobs == bursts
    silent = np.concatenate([np.concatenate([voice(260.0, 0.15), breath * 0.001]) for _ in range(bursts)])
    assert meter.measure(silent).sobs == 1, "pauses are no breaths"


def test_what_is_not_asked_for_is_not_measured(meter: VoiceMeter) -> None:
    found = meter.measure(voice(180 * 2 ** (2 * swing(6, 2) / 12), 2.0), strain=False)
    assert found.pitch_hz is not None and found.tremor is None and found.sobs is None


@pytest.mark.parametrize("seconds", [0.0, 0.05, 1.0])
def test_silence_and_noise_have_no_pitch(meter: VoiceMeter, seconds: float) -> None:
    for level in (0.0, 0.02):
        found = meter.measure(np.random.default_rng(2).normal(0, level, int(seconds * RATE_HZ)).astype(np.float32))
        assert found.pitch_hz is None and found.tremor is None


def test_passages_are_read_from_their_channel(meter: VoiceMeter, tmp_path: Path) -> None:
    low, high = voice(110.0, 6.0), voice(220.0, 6.0)
    low[PITCH_MS * 16 :] = voice(300.0, 6.0)[PITCH_MS * 16 :]
    samples = (np.stack([low, high], axis=1) * 20_000).astype(np.int16)[::2]
    file = encode(tmp_path / "call.flac", samples, 8000, "flac")
    passages = [
        Passage(channel=0, start_ms=0, end_ms=6000, strain=False),
        Passage(channel=1, start_ms=2000, end_ms=3000, strain=True),
        Passage(channel=2, start_ms=0, end_ms=1000, strain=True),
        Passage(channel=0, start_ms=4500, end_ms=60_000, strain=False),
        Passage(channel=0, start_ms=90_000, end_ms=91_000, strain=True),
    ]
    found = [v.pitch_hz for v in meter(file, passages)]
    assert found[:4] == [pytest.approx(110, rel=0.02), pytest.approx(220, rel=0.02), None, pytest.approx(300, rel=0.02)]
    assert found[4] is None, "after the end"
