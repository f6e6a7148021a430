"""Measurements: overlaps, silences and rates."""

from __future__ import annotations

from pipeline.records import ModelStamp, Role, Transcript, Utterance
from pipeline.stages.dialogue import words_of
from pipeline.stages.measure import measure


def call(*turns: tuple[Role, int, int, str]) -> Transcript:
    return Transcript(
        utterances=tuple(
            Utterance(index=i, speaker=role, channel=0, role=role, lang="zh", words=words_of(text, start, end))
            for i, (role, start, end, text) in enumerate(turns)
        ),
        model=ModelStamp(name="script", version="1"),
    )


def test_overlaps_and_silences() -> None:
    found = measure(
        call(
            (Role.AGENT, 1_000, 5_000, "一二三四五六七八"),
            (Role.CUSTOMER, 4_000, 6_000, "yes I know"),
            (Role.AGENT, 5_900, 7_000, "好的"),
            (Role.CUSTOMER, 10_000, 12_000, "再见"),
        ),
        15_000,
    )
    assert (found.talk_over_count, found.talk_over_ms) == (1, 1_000)
    assert (found.silence_ms, found.longest_silence_ms) == (1_000 + 3_000 + 3_000, 3_000)
    assert (found.agent_speech_ms, found.customer_speech_ms) == (5_100, 4_000)
    assert found.agent_rate == round(10 / 5.1, 2)
    assert found.customer_rate == 1.25
    assert (found.agent_interruptions, found.customer_interruptions) == (0, 1), "0.1 s is an inaccuracy of word times"
    assert (found.silence_share, found.long_silence_count) == (round(7 / 15, 3), 0)


def test_who_speaks_on_after_a_word_between_was_not_interrupted() -> None:
    found = measure(
        call(
            (Role.CUSTOMER, 0, 6_000, "我最近真的没有钱"),
            (Role.AGENT, 2_000, 2_500, "嗯"),
            (Role.AGENT, 5_000, 9_000, "你听我说完"),
            (Role.CUSTOMER, 20_000, 21_000, "好"),
        ),
        30_000,
    )
    assert (found.agent_interruptions, found.customer_interruptions, found.talk_over_count) == (1, 0, 2)
    assert (found.long_silence_count, found.silence_share) == (2, round(20 / 30, 3))


def test_speech_of_one_role_is_not_counted_twice() -> None:
    found = measure(call((Role.AGENT, 0, 3_000, "你好"), (Role.AGENT, 1_000, 4_000, "你好")), 4_000)
    assert found.agent_speech_ms == 4_000 and found.customer_rate is None and found.silence_ms == 0


def test_an_empty_call_is_silence() -> None:
    found = measure(call(), 9_000)
    assert (found.silence_ms, found.longest_silence_ms, found.agent_rate) == (9_000, 9_000, None)
