"""Measurements of a call: who talked how much, how fast, over whom, and how long nobody did. No emotion is inferred."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pipeline.records import Measures, Role, Transcript, Utterance

MIN_TALK_OVER_MS = 300
"""Shorter overlaps are backchannels and the inaccuracy of word times."""
_UNIT = re.compile(r"[\u3400-\u9fff]|[A-Za-z0-9]+(?:'[A-Za-z]+)?")

LONG_SILENCE_MS = 6000

Interval = tuple[int, int]


class Overlap(NamedTuple):
    """How long an utterance runs over others who began before, and whether it silences them."""

    over_ms: int
    interrupts: bool


def measure(transcript: Transcript, duration_ms: int) -> Measures:
    """Rates count Chinese characters and English words alike as one unit, per second of that role's own speech."""
    agent = [u for u in transcript.utterances if u.role is Role.AGENT]
    customer = [u for u in transcript.utterances if u.role is Role.CUSTOMER]
    agent_time, customer_time = _merged(map(_interval, agent)), _merged(map(_interval, customer))
    overlaps = [o for o in _overlaps(agent_time, customer_time) if o[1] - o[0] >= MIN_TALK_OVER_MS]
    silences = _gaps(_merged(map(_interval, transcript.utterances)), duration_ms)
    interruptions = {index: found.interrupts for index, found in overlaps_before(transcript.utterances).items()}
    return Measures(
        talk_over_count=len(overlaps),
        talk_over_ms=_length(overlaps),
        silence_ms=_length(silences),
        longest_silence_ms=max((end - start for start, end in silences), default=0),
        agent_speech_ms=_length(agent_time),
        customer_speech_ms=_length(customer_time),
        agent_rate=_rate(agent, _length(agent_time)),
        customer_rate=_rate(customer, _length(customer_time)),
        agent_interruptions=sum(interruptions[u.index] for u in agent),
        customer_interruptions=sum(interruptions[u.index] for u in customer),
        silence_share=round(_length(silences) / duration_ms, 3) if duration_ms else None,
        long_silence_count=sum(end - start >= LONG_SILENCE_MS for start, end in silences),
    )


def overlaps_before(utterances: Sequence[Utterance]) -> dict[int, Overlap]:
    """By index, how each utterance overlaps speech of others that began before it; `utterances` in order of start."""
    spoken_until: dict[str, int] = {}
    found: dict[int, Overlap] = {}
    for u in utterances:
        others = max((end for speaker, end in spoken_until.items() if speaker != u.speaker), default=0)
        over_ms = max(0, min(others, u.end_ms) - u.start_ms)
        # Who is talked over and goes on was not interrupted: the other said "mm-hm".
        found[u.index] = Overlap(over_ms, over_ms >= MIN_TALK_OVER_MS and others < u.end_ms)
        spoken_until[u.speaker] = max(u.end_ms, spoken_until.get(u.speaker, 0))
    return found


def _interval(utterance: Utterance) -> Interval:
    return utterance.start_ms, utterance.end_ms


def _merged(intervals: Iterable[Interval]) -> list[Interval]:
    merged: list[Interval] = []
    for start, end in sorted(intervals):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        elif end > start:
            merged.append((start, end))
    return merged


def _overlaps(one: Sequence[Interval], other: Sequence[Interval]) -> list[Interval]:
    found: list[Interval] = []
    i = j = 0
    while i < len(one) and j < len(other):
        start, end = max(one[i][0], other[j][0]), min(one[i][1], other[j][1])
        if start < end:
            found.append((start, end))
        if one[i][1] < other[j][1]:
            i += 1
        else:
            j += 1
    return found


def _gaps(spoken: Sequence[Interval], duration_ms: int) -> list[Interval]:
    gaps: list[Interval] = []
    place = 0
    for start, end in spoken:
        if start > place:
            gaps.append((place, start))
        place = max(place, end)
    if duration_ms > place:
        gaps.append((place, duration_ms))
    return gaps


def _length(intervals: Iterable[Interval]) -> int:
    return sum(end - start for start, end in intervals)


def units_of(text: str) -> int:
    """Chinese characters and English words of a text, each one unit of speech."""
    return len(_UNIT.findall(text))


def _rate(utterances: Sequence[Utterance], speech_ms: int) -> float | None:
    if speech_ms == 0:
        return None
    return round(sum(units_of(u.text) for u in utterances) / (speech_ms / 1000), 2)
