"""How each utterance was spoken: over whom, after what pause, how fast, how loud beside the speaker's own median.

Measures, never an inferred emotion. Loudness comes from the stored peaks, so no audio is read again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import median

from pipeline.records import Transcript, Utterance, UtteranceSound
from pipeline.stages.decode_peaks import Peaks
from pipeline.stages.measure import units_of

_LEAST_UTTERANCES = 3
"""With fewer utterances of a speaker there is no median to speak of."""
_LEAST_SPEECH_MS = 700
"""Shorter utterances have no rate: a single "yes" would be the fastest of a call."""
_SILENT = 1.0


def hear(transcript: Transcript, peaks: Peaks | None) -> tuple[UtteranceSound, ...]:
    """The sound of every utterance, in order; without peaks no loudness."""
    utterances = transcript.utterances
    rates = [_rate(u) for u in utterances]
    levels = [_level_db(u, peaks) for u in utterances]
    usual_rate = {speaker: _usual(utterances, rates, speaker) for speaker in {u.speaker for u in utterances}}
    usual_level = {speaker: _usual(utterances, levels, speaker) for speaker in usual_rate}
    spoken_until: dict[str, int] = {}
    sounds = []
    for u, rate, level in zip(utterances, rates, levels, strict=True):
        others = max((end for speaker, end in spoken_until.items() if speaker != u.speaker), default=0)
        sounds.append(
            UtteranceSound(
                utterance=u.index,
                # Over somebody else who had begun before and still spoke; after the end of all speech before.
                talk_over_ms=max(0, min(others, u.end_ms) - u.start_ms),
                pause_before_ms=max(0, u.start_ms - max(spoken_until.values(), default=0)),
                rate=rate,
                rate_ratio=_against(rate, usual_rate[u.speaker], lambda a, b: a / b),
                loudness_db=_against(level, usual_level[u.speaker], lambda a, b: a - b),
            )
        )
        spoken_until[u.speaker] = max(u.end_ms, spoken_until.get(u.speaker, 0))
    return tuple(sounds)


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
