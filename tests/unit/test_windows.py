"""Cutting turns into windows and chunks, and mapping words back."""

from __future__ import annotations

import random

import pytest

from models.windows import Chunk, Clip, SpeakerTurn, cut_clips, cut_windows, pack_chunks


def turn(start_ms: int, end_ms: int, channel: int = 0) -> SpeakerTurn:
    return SpeakerTurn(speaker=f"ch{channel}", channel=channel, start_ms=start_ms, end_ms=end_ms)


def clip(start_ms: int, end_ms: int, number: int = 0, channel: int = 0) -> Clip:
    return Clip(turn=number, channel=channel, start_ms=start_ms, end_ms=end_ms)


def test_short_call_is_one_window() -> None:
    assert cut_windows([turn(0, 1000), turn(2000, 3000)], longest_ms=10_000) == [[0, 1]]


def test_no_turns_give_no_window() -> None:
    assert cut_windows([]) == []


def test_window_ends_at_the_widest_silence_of_its_second_half() -> None:
    turns = [
        turn(0, 2000),
        turn(5000, 6000),
        turn(6500, 7000),
        turn(8800, 9000),
        turn(9100, 9900),
        turn(10_500, 11_000),
    ]
    assert cut_windows(turns, longest_ms=10_000) == [[0, 1, 2], [3, 4, 5]]


def test_silence_counts_only_where_no_channel_speaks() -> None:
    turns = [turn(0, 3000), turn(3100, 8900, channel=1), turn(5000, 5200), turn(7000, 9300), turn(9500, 12_000)]
    assert cut_windows(turns, longest_ms=10_000) == [[0, 1, 2, 3], [4]]


def test_every_turn_is_in_exactly_one_window_and_none_is_too_long() -> None:
    chance = random.Random(7)
    turns: list[SpeakerTurn] = []
    at = 0
    for _ in range(400):
        at += chance.randint(0, 3000)
        turns.append(turn(at, at + chance.randint(200, 20_000), chance.randint(0, 1)))
    windows = cut_windows(turns, longest_ms=60_000)
    assert [index for window in windows for index in window] == list(range(400))
    for window in windows:
        assert max(turns[index].end_ms for index in window) - turns[window[0]].start_ms <= 60_000


def test_clips_get_air_but_share_a_pause() -> None:
    turns = [turn(1000, 2000), turn(2100, 3000)]
    first, second = cut_clips(turns, [0, 1], duration_ms=3100)
    assert (first.start_ms, first.end_ms) == (800, 2050)
    assert (second.start_ms, second.end_ms) == (2050, 3100)


def test_hardly_any_air_where_the_other_channel_speaks() -> None:
    turns = [turn(0, 2000, channel=1), turn(2050, 3000), turn(3050, 4000, channel=1)]
    (own,) = cut_clips(turns, [1], duration_ms=5000)
    assert 1980 <= own.start_ms <= 2050
    assert 3000 <= own.end_ms <= 3070


def test_chunks_are_even_and_keep_order() -> None:
    clips = [clip(at * 3000, at * 3000 + 2500, at) for at in range(10)]
    chunks = pack_chunks(clips, target_ms=20_000, longest_ms=29_000)
    assert len(chunks) == 2
    assert [chunk.duration_ms for chunk in chunks] == [12_500, 12_500]
    assert [each.turn for chunk in chunks for each in chunk.clips] == list(range(10))


def test_no_chunk_is_longer_than_allowed() -> None:
    clips = [clip(0, 20_000), clip(20_000, 35_000, 1), clip(35_000, 36_000, 2)]
    assert all(chunk.duration_ms <= 29_000 for chunk in pack_chunks(clips, 20_000, 29_000))


@pytest.mark.parametrize(
    ("start_ms", "end_ms", "expected"),
    [(0, 500, (0, 10_000, 10_500)), (900, 1000, (0, 10_900, 11_000)), (1200, 1900, (1, 20_200, 20_900))],
)
def test_a_word_is_put_back_where_it_was(start_ms: int, end_ms: int, expected: tuple[int, int, int]) -> None:
    chunk = Chunk(clips=(clip(10_000, 11_000, 0), clip(20_000, 21_000, 1)))
    found, start, end = chunk.place(start_ms, end_ms)
    assert (found.turn, start, end) == expected


def test_a_word_over_a_seam_stays_inside_its_clip() -> None:
    chunk = Chunk(clips=(clip(10_000, 11_000, 0), clip(20_000, 21_000, 1)))
    found, start, end = chunk.place(800, 1100)
    assert (found.turn, start, end) == (0, 10_800, 11_000)


def test_times_past_the_end_stay_in_the_last_clip() -> None:
    chunk = Chunk(clips=(clip(10_000, 11_000),))
    assert chunk.place(1500, 1800)[1:] == (11_000, 11_000)
