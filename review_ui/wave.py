"""The waves of a call as two lanes, one a speaker, made from the stored peaks; audio itself is never read here.

A two-channel recording has a lane a channel. In a mono recording the peaks of each stretch stand in the lane of whoever
speaks in it, and in both lanes where nobody was recognised or both talk.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.records import Role, Transcript, Utterance
from pipeline.stages.decode_peaks import Peaks

BARS = 360
"""Bars of the picture that stands before the player is ready: about one in three pixels of a desktop page."""

_ROLE_ORDER = (Role.AGENT, Role.CUSTOMER, Role.UNKNOWN)


@dataclass(frozen=True, kw_only=True, slots=True)
class Lane:
    """`loudness` is 0 to 255 a bucket, on one scale for all lanes; `speakers` are those whose words it holds."""

    role: Role
    speakers: frozenset[str]
    loudness: bytes


def lanes(peaks: Peaks, transcript: Transcript | None) -> tuple[Lane, ...]:
    """The collector's lane first, then the customer's; one lane where only one speaker can be told."""
    spoken = transcript.utterances if transcript else ()
    heard = [_loudness(channel) for channel in peaks.pairs]
    top = max((max(channel, default=0) for channel in heard), default=0) or 1
    scaled = [bytes(value * 255 // top for value in channel) for channel in heard]
    made = _of_channels(scaled, spoken) if len(scaled) > 1 else _of_voices(scaled[0], spoken, peaks)
    return tuple(sorted(made, key=lambda lane: _ROLE_ORDER.index(lane.role)))


def lane_of(lanes_: Sequence[Lane], utterance: Utterance | None, role: Role) -> int:
    """The lane on which words stand: their speaker's, else that of the role, else the first."""
    for index, lane in enumerate(lanes_):
        if utterance is not None and utterance.speaker in lane.speakers:
            return index
    return next((index for index, lane in enumerate(lanes_) if lane.role is role), 0)


def lanes_file(lanes_: Sequence[Lane]) -> bytes:
    """The lanes for a player to draw: their number in one byte, then the loudness of each, all equally long."""
    return bytes([len(lanes_)]) + b"".join(lane.loudness for lane in lanes_)


def picture(lane: Lane, *, bars: int = BARS) -> str:
    """An SVG path of vertical strokes, in a box `bars` wide and 100 high."""
    size = len(lane.loudness)
    parts: list[str] = []
    for bar in range(bars):
        first = bar * size // bars
        loud = max(lane.loudness[first : max(first + 1, (bar + 1) * size // bars)], default=0)
        half = max(1, round(loud * 48 / 255))
        parts.append(f"M{bar}.5 {50 - half}v{2 * half}")
    return "".join(parts)


def _loudness(pairs: Sequence[int]) -> list[int]:
    return [max(-pairs[i], pairs[i + 1], 0) for i in range(0, len(pairs) - 1, 2)]


def _of_channels(channels: Sequence[bytes], spoken: Iterable[Utterance]) -> list[Lane]:
    said: dict[int, list[Utterance]] = {}
    for utterance in spoken:
        said.setdefault(utterance.channel, []).append(utterance)
    return [
        Lane(
            role=_main_role(said.get(index, [])),
            speakers=frozenset(u.speaker for u in said.get(index, [])),
            loudness=loudness,
        )
        for index, loudness in enumerate(channels)
    ]


def _of_voices(loudness: bytes, spoken: Sequence[Utterance], peaks: Peaks) -> list[Lane]:
    speakers = sorted({u.speaker for u in spoken})
    if len(speakers) < 2:
        return [Lane(role=_main_role(spoken), speakers=frozenset(speakers), loudness=loudness)]
    ms = peaks.samples_per_bucket * 1000 / peaks.sample_rate_hz
    taken: list[set[str]] = [set() for _ in loudness]
    for utterance in spoken:
        for bucket in range(int(utterance.start_ms / ms), min(int(utterance.end_ms / ms) + 1, len(taken))):
            taken[bucket].add(utterance.speaker)
    return [
        Lane(
            role=_main_role([u for u in spoken if u.speaker == speaker]),
            speakers=frozenset({speaker}),
            loudness=bytes(
                value if not who or speaker in who else 0 for value, who in zip(loudness, taken, strict=True)
            ),
        )
        for speaker in speakers
    ]


def _main_role(spoken: Sequence[Utterance]) -> Role:
    counts = {role: sum(u.role is role for u in spoken) for role in _ROLE_ORDER}
    return max(_ROLE_ORDER, key=lambda role: counts[role]) if any(counts.values()) else Role.UNKNOWN
