"""Arithmetic of time: which turns are recognised together, and where a word of a glued piece of audio really was.

Turns are gathered into windows that end where nobody speaks; a window's turns are cut out with a little air, laid one
after the other into chunks of one channel, and the words found in a chunk are mapped back. Pure: no audio is touched.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

LONGEST_WINDOW_MS = 300_000
_PADDING_MS = 200
_PADDING_OVER_SPEECH_MS = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class SpeakerTurn:
    """A stretch in which one speaker talks on one channel."""

    speaker: str
    channel: int
    start_ms: int
    end_ms: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Clip:
    """A turn (by its place in the caller's list) or a piece of one, with the air around it that recognition needs."""

    turn: int
    channel: int
    start_ms: int
    end_ms: int

    @property
    def duration_ms(self) -> int:
        return self.end_ms - self.start_ms


@dataclass(frozen=True, kw_only=True, slots=True)
class Chunk:
    """Clips of one channel laid one after the other; what the recogniser hears in one go."""

    clips: tuple[Clip, ...]

    @property
    def channel(self) -> int:
        return self.clips[0].channel

    @property
    def duration_ms(self) -> int:
        return sum(clip.duration_ms for clip in self.clips)

    def place(self, start_ms: int, end_ms: int) -> tuple[Clip, int, int]:
        """Where [start_ms, end_ms) of the chunk was in the recording; a span over a seam is where its middle is."""
        ends = list(accumulate(clip.duration_ms for clip in self.clips))
        index = min(bisect_right(ends, (start_ms + end_ms) // 2), len(self.clips) - 1)
        clip = self.clips[index]
        offset = clip.start_ms - (ends[index] - clip.duration_ms)
        start = min(max(start_ms + offset, clip.start_ms), clip.end_ms)
        end = min(max(end_ms + offset, start), clip.end_ms)
        return clip, start, end


def cut_windows(turns: Sequence[SpeakerTurn], longest_ms: int = LONGEST_WINDOW_MS) -> list[list[int]]:
    """Groups turns (given in order of start) into windows of at most `longest_ms`, by their indices.

    A window ends at the widest silence of its second half, across all channels; where there is none, before a turn.
    """
    windows: list[list[int]] = []
    first = 0
    while first < len(turns):
        limit = turns[first].start_ms + longest_ms
        last = first
        while last + 1 < len(turns) and turns[last + 1].end_ms <= limit:
            last += 1
        if last + 1 < len(turns):
            last = _widest_silence(turns, first, last, limit - longest_ms // 2)
        windows.append(list(range(first, last + 1)))
        first = last + 1
    return windows


def _widest_silence(turns: Sequence[SpeakerTurn], first: int, last: int, earliest_ms: int) -> int:
    """The index after which to cut: the widest silence after `earliest_ms`, else `last`."""
    best, widest = last, -1
    spoken_until = 0
    for index in range(first, last + 1):
        spoken_until = max(spoken_until, turns[index].end_ms)
        if spoken_until < earliest_ms:
            continue
        silence = turns[index + 1].start_ms - spoken_until
        if silence > widest:
            best, widest = index, silence
    return best


def cut_clips(turns: Sequence[SpeakerTurn], wanted: Sequence[int], duration_ms: int) -> list[Clip]:
    """One clip for each wanted turn, with air on both sides: up to half the pause, and hardly any where another channel
    speaks, because that speech leaks."""
    clips: list[Clip] = []
    for index in wanted:
        turn = turns[index]
        start, end = max(0, turn.start_ms - _PADDING_MS), min(duration_ms, turn.end_ms + _PADDING_MS)
        for other in turns[max(0, index - 8) : index + 9]:
            if other is turn:
                continue
            if other.channel == turn.channel:
                if other.end_ms <= turn.start_ms:
                    start = max(start, (other.end_ms + turn.start_ms) // 2)
                elif other.start_ms >= turn.end_ms:
                    end = min(end, (turn.end_ms + other.start_ms) // 2)
            else:
                if other.start_ms < turn.start_ms and other.end_ms > start:
                    start = max(start, min(other.end_ms, turn.start_ms - _PADDING_OVER_SPEECH_MS))
                if other.end_ms > turn.end_ms and other.start_ms < end:
                    end = min(end, max(other.start_ms, turn.end_ms + _PADDING_OVER_SPEECH_MS))
        clips.append(Clip(turn=index, channel=turn.channel, start_ms=max(0, start), end_ms=min(end, duration_ms)))
    return [clip for clip in clips if clip.duration_ms > 0]


def pack_chunks(clips: Sequence[Clip], target_ms: int, longest_ms: int) -> list[Chunk]:
    """Lays one channel's clips into chunks of even length near `target_ms`, none over `longest_ms`.

    Even lengths matter: a batch costs what its longest chunk costs. Longer clips must have been cut before.
    """
    total = sum(clip.duration_ms for clip in clips)
    even_ms = total / max(1, -(-total // target_ms))
    chunks: list[Chunk] = []
    held: list[Clip] = []
    held_ms = 0
    for clip in clips:
        if held and held_ms + clip.duration_ms > longest_ms:
            chunks.append(Chunk(clips=tuple(held)))
            held, held_ms = [], 0
        held.append(clip)
        held_ms += clip.duration_ms
        if held_ms >= even_ms:
            chunks.append(Chunk(clips=tuple(held)))
            held, held_ms = [], 0
    if held:
        chunks.append(Chunk(clips=tuple(held)))
    return chunks
