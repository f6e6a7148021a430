"""Speech from probabilities: pauses, breaths, and what only leaks over from the other channel."""

from __future__ import annotations

import numpy as np

from models.voice_activity import (
    FRAME_MS,
    Activity,
    ActivityRules,
    Stretch,
    find_stretches,
    join_breaths,
    same_sound,
    suppress_leaks,
)

RULES = ActivityRules()


def activity(*channels: list[tuple[int, int, float]], frames: int = 400) -> Activity:
    """Channels of (first frame, last frame, dB); elsewhere silence at -60 dB."""
    probability = np.zeros((len(channels), frames), np.float32)
    level_db = np.full((len(channels), frames), -60.0, np.float32)
    for row, spoken in enumerate(channels):
        for first, last, loud in spoken:
            probability[row, first:last] = 0.95
            level_db[row, first:last] = loud
    return Activity(probability=probability, level_db=level_db, duration_ms=frames * FRAME_MS)


def spans(stretches: list[Stretch], channel: int) -> list[tuple[int, int]]:
    return [(each.start_ms // FRAME_MS, each.end_ms // FRAME_MS) for each in stretches if each.channel == channel]


def test_speech_is_found_and_a_click_is_not() -> None:
    found = find_stretches(activity([(50, 100, -25.0), (200, 202, -20.0)]), RULES)
    assert spans(found, 0) == [(50, 100)]


def test_a_short_pause_stays_inside_a_breath() -> None:
    found = find_stretches(activity([(50, 100, -25.0), (110, 150, -25.0), (200, 250, -25.0)]), RULES)
    assert spans(found, 0) == [(50, 150), (200, 250)]


def test_speech_until_the_end_of_the_recording_ends_there() -> None:
    found = find_stretches(activity([(350, 400, -25.0)]), RULES)
    assert found[0].end_ms == 400 * FRAME_MS


def test_a_leak_is_nobody_and_the_answer_stays() -> None:
    heard = activity([(50, 150, -25.0), (160, 200, -50.0)], [(50, 150, -50.0), (155, 210, -26.0)])
    found = find_stretches(suppress_leaks(heard, RULES), RULES)
    assert spans(found, 0) == [(50, 150)]
    assert spans(found, 1) == [(155, 210)]


def test_two_who_talk_at_once_are_both_kept() -> None:
    heard = activity([(50, 200, -25.0)], [(100, 150, -31.0)])
    found = find_stretches(suppress_leaks(heard, RULES), RULES)
    assert (spans(found, 0), spans(found, 1)) == ([(50, 200)], [(100, 150)])


def test_a_quiet_speaker_is_kept_beside_a_loud_one() -> None:
    heard = activity([(50, 150, -15.0)], [(100, 140, -38.0), (200, 280, -38.0)])
    found = find_stretches(suppress_leaks(heard, RULES), RULES)
    assert spans(found, 1) == [(100, 140), (200, 280)]


def test_a_channel_that_only_overhears_is_silent() -> None:
    heard = activity([(50, 150, -25.0)], [(50, 150, -50.0)])
    assert spans(find_stretches(suppress_leaks(heard, RULES), RULES), 1) == []


def test_too_long_a_breath_is_cut_at_its_longest_pause() -> None:
    pieces = [
        Stretch(channel=0, start_ms=0, end_ms=12_000),
        Stretch(channel=0, start_ms=12_200, end_ms=15_000),
        Stretch(channel=0, start_ms=15_600, end_ms=25_000),
    ]
    joined = join_breaths(pieces, RULES)
    assert [(each.start_ms, each.end_ms) for each in joined] == [(0, 15_000), (15_600, 25_000)]


def test_no_audio_gives_no_stretch() -> None:
    empty = Activity(probability=np.zeros((0, 0), np.float32), level_db=np.zeros((0, 0), np.float32), duration_ms=0)
    assert find_stretches(suppress_leaks(empty, RULES), RULES) == []


def test_one_mix_on_both_channels_is_noticed() -> None:
    mix = [(50, 150, -25.0), (200, 280, -31.0)]
    assert same_sound(activity(mix, mix), RULES)
    assert not same_sound(activity([(50, 150, -25.0)], [(200, 280, -25.0)]), RULES)
    assert not same_sound(activity([(50, 150, -25.0)]), RULES)
    assert not same_sound(activity([], []), RULES)
