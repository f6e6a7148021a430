"""How a voice sounds, as numbers: its pitch, how much of it is voiced, how it trembles, and whether sobs break it.

Takes waveforms, gives measures. Knows no feeling and nobody's role: what may be measured is the caller's to say. Pitch
comes from SwiftF0, a small network that onnxruntime runs on one core.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.waveform import SPEECH_RATE_HZ, open_flac

LONGEST_MS = 10_000
"""Longer passages are measured on their beginning: pitch is the dearest measure of all."""
PITCH_MS = 2_500
"""So much of a passage is enough for its pitch."""
_FRAME_S = 0.016
_LOWEST_HZ, _HIGHEST_HZ = 65.0, 500.0
_VOICED = 0.5
_LEAST_VOICED = 12
"""With fewer voiced frames, about 0.2 s, there is no pitch to speak of."""

Values = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Passage:
    """[start_ms, end_ms) of one channel. `strain`: whether tremor and sobs are to be looked for as well."""

    channel: int
    start_ms: int
    end_ms: int
    strain: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Voice:
    """What was measured of a passage; None where there is too little voice, or where it was not asked for.

    `pitch_hz` is the median, `pitch_spread_st` the distance of the 10th and 90th percentile in semitones. `tremor`: see
    `tremor_of`. `sobs`: see `sobs_of`.
    """

    voiced_share: float | None = None
    pitch_hz: float | None = None
    pitch_spread_st: float | None = None
    tremor: float | None = None
    sobs: int | None = None


@dataclass(frozen=True, slots=True)
class Contour:
    """One value a frame of 16 ms: pitch in Hz (of voiced frames only), whether it is voiced, level in dB."""

    pitch_hz: Values
    voiced: NDArray[np.bool_]
    level_db: Values


class VoiceMeter:
    """Measures passages of a FLAC one after the other; no more than one of them lies in memory."""

    name = "swift-f0"

    def __init__(self) -> None:
        from importlib.metadata import version

        from swift_f0 import SwiftF0

        # A thread that waits asleep: recognition has the other cores.
        self._detector: Any = SwiftF0(threads=1, spin=False)
        self.version = version("swift-f0")

    def __call__(self, flac: Path, passages: Sequence[Passage]) -> list[Voice]:
        """The voice of each passage, in order."""
        voices = []
        with open_flac(flac) as audio:
            for passage in passages:
                end_ms = min(passage.end_ms, passage.start_ms + (LONGEST_MS if passage.strain else PITCH_MS))
                samples = audio.read(passage.start_ms, end_ms)
                channel = samples[passage.channel] if passage.channel < len(samples) else samples[0, :0]
                voices.append(self.measure(channel, strain=passage.strain))
        return voices

    def measure(self, samples: NDArray[np.float32], *, strain: bool = True) -> Voice:
        """The voice of one waveform at 16 kHz."""
        if len(samples) < _LEAST_VOICED * _FRAME_S * SPEECH_RATE_HZ:
            return Voice()
        contour = self.contour(samples)
        share = round(float(contour.voiced.mean()), 3)
        sobs = sobs_of(contour) if strain else None
        if contour.voiced.sum() < _LEAST_VOICED:
            return Voice(voiced_share=share, sobs=sobs)
        pitch = contour.pitch_hz[contour.voiced]
        low, high = np.percentile(pitch, (10, 90))
        return Voice(
            voiced_share=share,
            pitch_hz=round(float(np.median(pitch)), 1),
            pitch_spread_st=round(float(12 * np.log2(high / low)), 2),
            tremor=tremor_of(contour) if strain else None,
            sobs=sobs,
        )

    def contour(self, samples: NDArray[np.float32]) -> Contour:
        found = self._detector.detect(samples, SPEECH_RATE_HZ, fmin=_LOWEST_HZ, fmax=_HIGHEST_HZ)
        return Contour(found.pitch_hz, found.confidence >= _VOICED, found.loudness_db)


# --- tremor

_WINDOW, _HOP = 20, 8
"""A third of a second, a window of unbroken voice, an eighth of a second apart: ordinary speech has few longer ones."""
_LEAST_WINDOWS = 3
_BREATH_FRAMES = 2
"""So short a break in the voicing is bridged."""
_OCTAVE_ST = 6.0
"""A jump that no voice makes in 16 ms: the detector took another harmonic."""
_SLOWEST_HZ, _FASTEST_HZ = 5.0, 12.0
"""Under 5 Hz lie the tones and syllables of ordinary speech."""
_DEGREE = 3
_DB_A_SEMITONE = 5.0
_POINTS = 256
_FREQUENCIES = np.fft.rfftfreq(_POINTS, _FRAME_S)
_TREMBLES = (_FREQUENCIES >= _SLOWEST_HZ) & (_FREQUENCIES <= _FASTEST_HZ)
_TAPER = np.hanning(_WINDOW + 2)[1:-1]


def _straightener() -> Values:
    """What takes the melody, a polynomial, out of a window."""
    basis = np.vander(np.linspace(-1, 1, _WINDOW), _DEGREE + 1)
    straight: Values = np.eye(_WINDOW) - basis @ np.linalg.pinv(basis)
    return straight


_STRAIGHTEN = _straightener()


def tremor_of(contour: Contour) -> float | None:
    """How deep and how regularly pitch or level swing at 5 to 12 Hz, in semitones; None with too little steady voice.

    In each window the largest swing counts for the part of all movement that it explains; the passage has the median of
    its windows. 5 dB of level count as a semitone: on ordinary speech both are then equally rare.
    """
    bridged = _bridged(contour.voiced)
    places = np.flatnonzero(contour.voiced)
    if not len(places):
        return None
    melody = 12 * np.log2(np.interp(np.arange(len(bridged)), places, contour.pitch_hz[places]))
    starts = [
        start
        for start in range(0, len(bridged) - _WINDOW + 1, _HOP)
        if bridged[start : start + _WINDOW].all()
        and np.abs(np.diff(melody[start : start + _WINDOW])).max() < _OCTAVE_ST
    ]
    if len(starts) < _LEAST_WINDOWS:
        return None
    windows = np.asarray(starts)[:, None] + np.arange(_WINDOW)
    pitch, level = _swing(melody[windows]), _swing(contour.level_db[windows]) / _DB_A_SEMITONE
    return round(max(float(np.median(pitch)), float(np.median(level))), 2)


def _swing(windows: Values) -> Values:
    power = np.abs(np.fft.rfft((windows @ _STRAIGHTEN.T) * _TAPER, _POINTS, axis=1)) ** 2
    peak = np.argmax(np.where(_TREMBLES, power, 0), axis=1)
    near = np.abs(_FREQUENCIES - _FREQUENCIES[peak][:, None]) <= 1.7 / (_WINDOW * _FRAME_S)
    regular = (power * near).sum(axis=1) / np.maximum(power.sum(axis=1), 1e-12)
    depth: Values = 2 * np.sqrt(power[np.arange(len(peak)), peak]) / _TAPER.sum() * regular
    return depth


def _bridged(voiced: NDArray[np.bool_]) -> NDArray[np.bool_]:
    bridged = voiced.copy()
    for (_, end), (start, _) in pairwise(_runs(voiced)):
        if start - end <= _BREATH_FRAMES:
            bridged[end:start] = True
    return bridged


# --- sobs

_SHORTEST_BURST, _LONGEST_BURST = 3, 16
_SHORTEST_BREATH, _LONGEST_BREATH = 8, 25
"""In frames: bursts of 50 to 260 ms, breaths of 130 to 400 ms; consonants are shorter."""
_AUDIBLE_DB = 25.0
"""A breath is heard; a pause lies further below the voice."""


def sobs_of(contour: Contour) -> int:
    """The longest chain of short bursts of voice that audible breaths keep apart; 1 or 0 is none."""
    chain = longest = 0
    before: tuple[int, int] | None = None
    level = contour.level_db
    for start, end in _runs(contour.voiced):
        if not _SHORTEST_BURST <= end - start <= _LONGEST_BURST:
            before, chain = None, 0
            continue
        breathed = before is not None and _SHORTEST_BREATH <= start - before[1] <= _LONGEST_BREATH
        if breathed and before is not None:
            loudest = max(level[slice(*before)].max(), level[start:end].max())
            breathed = bool(np.median(level[before[1] : start]) > loudest - _AUDIBLE_DB)
        chain = chain + 1 if breathed else 1
        longest = max(longest, chain)
        before = start, end
    return longest


def _runs(voiced: NDArray[np.bool_]) -> Iterable[tuple[int, int]]:
    """[start, end) of each run of voiced frames."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], voiced.astype(np.int8), [0]))))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]
