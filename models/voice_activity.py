"""Where somebody speaks, channel by channel: Silero's probabilities, less what leaks over from the other channel.

Takes waveforms, gives stretches in milliseconds. Knows neither who speaks nor what is said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE_HZ = 16_000
FRAME_MS = 32
_FRAME_SAMPLES = SAMPLE_RATE_HZ * FRAME_MS // 1000
_BLOCK_FRAMES = 1875
"""One minute: both a whole number of frames and of milliseconds."""
_CONTEXT_FRAMES = 32
_FLOOR_DB = -90.0
_SAME_SOUND_DB = 1.5

Waveform = NDArray[np.float32]
ReadWindow = Callable[[int, int], Waveform]
"""(start_ms, end_ms) → (channels, samples) float32 at 16 kHz; shorter than asked at the end of the recording."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """[start_ms, end_ms) of one channel in which somebody speaks."""

    channel: int
    start_ms: int
    end_ms: int

    @property
    def duration_ms(self) -> int:
        return self.end_ms - self.start_ms


@dataclass(frozen=True, kw_only=True, slots=True)
class Activity:
    """Per channel and 32 ms frame: how likely speech is, and how loud it is in dB of full scale."""

    probability: NDArray[np.float32]
    level_db: NDArray[np.float32]
    duration_ms: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ActivityRules:
    """When a frame is speech and which frames belong together."""

    threshold: float = 0.5
    release: float = 0.35
    shortest_speech_ms: int = 96
    shortest_pause_ms: int = 160
    breath_pause_ms: int = 700
    longest_stretch_ms: int = 20_000
    leak_margin_db: float = 12.0
    leak_below_own_db: float = 14.0
    leak_smoothing_frames: int = 5


def measure_activity(read: ReadWindow, duration_ms: int) -> Activity:
    """Runs the detector over the recording a minute at a time; only 8 bytes a frame and channel are kept."""
    from faster_whisper.vad import get_vad_model

    detector = get_vad_model()
    probability: list[NDArray[np.float32]] = []
    level_db: list[NDArray[np.float32]] = []
    for first in range(0, -(-duration_ms // FRAME_MS), _BLOCK_FRAMES):
        lead = min(first, _CONTEXT_FRAMES)
        block = _whole_frames(read((first - lead) * FRAME_MS, min((first + _BLOCK_FRAMES) * FRAME_MS, duration_ms)))
        if block.shape[1] <= lead * _FRAME_SAMPLES:
            break
        scores = np.stack([detector(channel).reshape(-1) for channel in block])
        power = np.mean(np.square(block.reshape(len(block), -1, _FRAME_SAMPLES)), axis=2)
        probability.append(scores[:, lead:].astype(np.float32))
        level_db.append(np.maximum(10 * np.log10(power[:, lead:] + 1e-12), _FLOOR_DB).astype(np.float32))
    if not probability:
        empty = np.zeros((0, 0), np.float32)
        return Activity(probability=empty, level_db=empty, duration_ms=duration_ms)
    return Activity(
        probability=np.concatenate(probability, axis=1),
        level_db=np.concatenate(level_db, axis=1),
        duration_ms=duration_ms,
    )


def suppress_leaks(activity: Activity, rules: ActivityRules) -> Activity:
    """Takes the speech away that a channel only overhears from another one.

    A frame is overheard when the other channel speaks, is louder by `leak_margin_db`, and this channel is
    `leak_below_own_db` below the level at which its own speaker talks (or has no level of its own). Codecs that code
    both channels together and handsets leak at -20 to -30 dB, which a recogniser transcribes under the wrong name.
    """
    channels = len(activity.probability)
    if channels < 2:
        return activity
    level = np.stack([_smooth(row, rules.leak_smoothing_frames) for row in activity.level_db])
    speaks = activity.probability >= rules.threshold
    probability = activity.probability.copy()
    for channel in range(channels):
        others = [other for other in range(channels) if other != channel]
        louder = np.max(np.where(speaks[others], level[others], _FLOOR_DB), axis=0) - level[channel]
        alone = speaks[channel] & (louder < 0)
        own = float(np.percentile(activity.level_db[channel][alone], 75)) if np.any(alone) else 0.0
        overheard = (louder > rules.leak_margin_db) & (level[channel] < own - rules.leak_below_own_db)
        probability[channel][overheard] = 0.0
    return Activity(probability=probability, level_db=activity.level_db, duration_ms=activity.duration_ms)


def same_sound(activity: Activity, rules: ActivityRules) -> bool:
    """Whether two channels hold one and the same mix: a mono call that a recorder wrote twice."""
    if len(activity.probability) != 2:
        return False
    spoken = (activity.probability >= rules.threshold).any(axis=0)
    if not spoken.any():
        return False
    difference = np.abs(activity.level_db[0] - activity.level_db[1])[spoken]
    return bool(np.percentile(difference, 90) < _SAME_SOUND_DB)


def find_stretches(activity: Activity, rules: ActivityRules) -> list[Stretch]:
    """Speech of every channel in order of start, one stretch a breath: pauses under `breath_pause_ms` stay inside."""
    found: list[Stretch] = []
    for channel, probability in enumerate(activity.probability):
        pieces = [
            Stretch(channel=channel, start_ms=start * FRAME_MS, end_ms=min(end * FRAME_MS, activity.duration_ms))
            for start, end in _voiced_runs(probability, rules)
        ]
        found.extend(join_breaths(pieces, rules))
    return sorted(found, key=lambda stretch: (stretch.start_ms, stretch.channel))


def join_breaths(pieces: Sequence[Stretch], rules: ActivityRules) -> list[Stretch]:
    """Joins one channel's pieces over short pauses; what would be too long is cut at its longest pause."""
    groups: list[list[Stretch]] = []
    for piece in pieces:
        if groups and piece.start_ms - groups[-1][-1].end_ms < rules.breath_pause_ms:
            groups[-1].append(piece)
        else:
            groups.append([piece])
    return [stretch for group in groups for stretch in _cut_long(group, rules.longest_stretch_ms)]


def _cut_long(group: list[Stretch], longest_ms: int) -> list[Stretch]:
    whole = Stretch(channel=group[0].channel, start_ms=group[0].start_ms, end_ms=group[-1].end_ms)
    if whole.duration_ms <= longest_ms or len(group) == 1:
        return [whole]
    pauses = [after.start_ms - before.end_ms for before, after in pairwise(group)]
    cut = int(np.argmax(pauses)) + 1
    return _cut_long(group[:cut], longest_ms) + _cut_long(group[cut:], longest_ms)


def _voiced_runs(probability: NDArray[np.float32], rules: ActivityRules) -> list[tuple[int, int]]:
    """[start, end) in frames; speech begins at `threshold` and goes on until it was under `release` for a pause."""
    pause = rules.shortest_pause_ms // FRAME_MS
    shortest = rules.shortest_speech_ms // FRAME_MS
    runs: list[tuple[int, int]] = []
    start = quiet_since = -1
    for frame, value in enumerate(probability.tolist()):
        if start < 0:
            if value >= rules.threshold:
                start, quiet_since = frame, -1
        elif value >= rules.release:
            quiet_since = -1
        else:
            quiet_since = frame if quiet_since < 0 else quiet_since
            if frame - quiet_since + 1 >= pause:
                runs.append((start, quiet_since))
                start = quiet_since = -1
    if start >= 0:
        runs.append((start, quiet_since if quiet_since >= 0 else len(probability)))
    return [(first, last) for first, last in runs if last - first >= shortest]


def _whole_frames(block: Waveform) -> Waveform:
    missing = -block.shape[1] % _FRAME_SAMPLES
    return np.pad(block, ((0, 0), (0, missing))) if missing else block


def _smooth(row: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """The loudest of the neighbours: a leak is judged by the envelope, not by the dips inside it."""
    padded = np.pad(row, width // 2, mode="edge")
    smooth: NDArray[np.float32] = np.lib.stride_tricks.sliding_window_view(padded, width).max(axis=-1)
    return smooth
