"""How each utterance was spoken: over whom, after what pause, how fast; how loud and high beside the speaker's median.

Measures, never an inferred emotion. Loudness comes from the stored peaks; the voice is read from the FLAC, an utterance
at a time. Of a collector, and of who may be one, pitch is a number and nothing more: tremor and sobs are measured of
customers only (EU AI Act, article 5(1)(f)).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Protocol

from models.acoustic import Passage, Voice
from pipeline.records import Role, Transcript, Utterance, UtteranceSound
from pipeline.stages.decode_peaks import Peaks
from pipeline.stages.measure import overlaps_before, units_of

_LEAST_UTTERANCES = 3
"""With fewer utterances of a speaker there is no median to speak of."""
_LEAST_SPEECH_MS = 700
"""Shorter utterances have no rate: a single "yes" would be the fastest of a call."""
_SILENT = 1.0
_SHARED = 0.25
"""Where more of an utterance is spoken over on its own channel, two voices would be measured as one."""


class MeasureVoice(Protocol):
    """Measures passages of a FLAC, in order."""

    def __call__(self, flac: Path, passages: Sequence[Passage], /) -> Sequence[Voice]: ...


def hear(
    transcript: Transcript,
    peaks: Peaks | None,
    flac: Path | None = None,
    meter: MeasureVoice | None = None,
    *,
    customer_voice: bool = True,
) -> tuple[UtteranceSound, ...]:
    """The sound of every utterance, in order; without peaks no loudness, without FLAC and meter no pitch.

    Without `customer_voice`, neither loudness nor voice of anybody but the collector is measured.
    """
    utterances = transcript.utterances
    allowed = [u for u in utterances if customer_voice or u.role is Role.AGENT]
    voices = _voices(allowed, utterances, flac, meter)
    rates = [_rate(u) for u in utterances]
    levels = [_level_db(u, peaks) if customer_voice or u.role is Role.AGENT else None for u in utterances]
    pitches = [_semitones(voices[u.index].pitch_hz) if u.index in voices else None for u in utterances]
    usual_rate = {speaker: _usual(utterances, rates, speaker) for speaker in {u.speaker for u in utterances}}
    usual_level = {speaker: _usual(utterances, levels, speaker) for speaker in usual_rate}
    usual_pitch = {speaker: _usual(utterances, pitches, speaker) for speaker in usual_rate}
    overlaps = overlaps_before(utterances)
    spoken_until = 0
    sounds = []
    for u, rate, level, pitch in zip(utterances, rates, levels, pitches, strict=True):
        voice = voices.get(u.index, Voice())
        sounds.append(
            UtteranceSound(
                utterance=u.index,
                talk_over_ms=overlaps[u.index].over_ms,
                pause_before_ms=max(0, u.start_ms - spoken_until),
                rate=rate,
                rate_ratio=_against(rate, usual_rate[u.speaker], lambda a, b: a / b),
                loudness_db=_against(level, usual_level[u.speaker], lambda a, b: a - b),
                interrupts=overlaps[u.index].interrupts,
                pitch_hz=voice.pitch_hz,
                pitch_ratio_st=_against(pitch, usual_pitch[u.speaker], lambda a, b: a - b),
                pitch_spread_st=voice.pitch_spread_st,
                voiced_share=voice.voiced_share,
                tremor=voice.tremor,
                sobs=voice.sobs,
            )
        )
        spoken_until = max(u.end_ms, spoken_until)
    return tuple(sounds)


def _voices(
    allowed: Sequence[Utterance], utterances: Sequence[Utterance], flac: Path | None, meter: MeasureVoice | None
) -> dict[int, Voice]:
    """By index, the voice of each utterance that may be measured and has its channel to itself."""
    if flac is None or meter is None:
        return {}
    alone = _alone(utterances)
    chosen = [u for u in allowed if u.index in alone and u.end_ms > u.start_ms]
    passages = [
        Passage(channel=u.channel, start_ms=u.start_ms, end_ms=u.end_ms, strain=u.role is Role.CUSTOMER) for u in chosen
    ]
    return {u.index: voice for u, voice in zip(chosen, meter(flac, passages), strict=True)}


def _alone(utterances: Sequence[Utterance]) -> set[int]:
    """Utterances that others hardly speak over on the same channel; `utterances` in order of start."""
    shared_ms = dict.fromkeys((u.index for u in utterances), 0)
    speaking: list[Utterance] = []
    for u in utterances:
        speaking = [other for other in speaking if other.end_ms > u.start_ms]
        for other in speaking:
            if other.channel == u.channel and other.speaker != u.speaker:
                both_ms = min(other.end_ms, u.end_ms) - u.start_ms
                shared_ms[u.index] += both_ms
                shared_ms[other.index] += both_ms
        speaking.append(u)
    return {u.index for u in utterances if shared_ms[u.index] <= _SHARED * (u.end_ms - u.start_ms)}


def _semitones(pitch_hz: float | None) -> float | None:
    """Above 1 Hz, so that differences are in semitones and no pitch is 0."""
    return None if pitch_hz is None else 12 * math.log2(pitch_hz)


def _rate(utterance: Utterance) -> float | None:
    length_ms = utterance.end_ms - utterance.start_ms
    return round(units_of(utterance.text) / (length_ms / 1000), 2) if length_ms >= _LEAST_SPEECH_MS else None


def _level_db(utterance: Utterance, peaks: Peaks | None) -> float | None:
    """The level of an utterance: mean square of the extremes of its buckets, in decibels below full scale."""
    if peaks is None or utterance.channel >= len(peaks.pairs):
        return None
    width_ms = peaks.samples_per_bucket * 1000 / peaks.sample_rate_hz
    first, last = int(utterance.start_ms / width_ms), math.ceil(utterance.end_ms / width_ms)
    extremes = peaks.pairs[utterance.channel][2 * first : 2 * last]
    if not extremes:
        return None
    power = sum(value * value for value in extremes) / len(extremes)
    return 10 * math.log10(power / 127**2) if power >= _SILENT else None


def _usual(utterances: Sequence[Utterance], values: Sequence[float | None], speaker: str) -> float | None:
    known = [v for u, v in zip(utterances, values, strict=True) if u.speaker == speaker and v is not None]
    return median(known) if len(known) >= _LEAST_UTTERANCES else None


def _against(value: float | None, usual: float | None, compare: Callable[[float, float], float]) -> float | None:
    return None if value is None or not usual else round(compare(value, usual), 2)
