"""Fragments become words, with times in order."""

from __future__ import annotations

from models.words import SpokenWord, join_fragments


def word(text: str, start_ms: int, end_ms: int, confidence: float = 0.9) -> SpokenWord:
    return SpokenWord(text=text, start_ms=start_ms, end_ms=end_ms, confidence=confidence)


def test_pieces_of_a_latin_word_and_of_a_number_are_joined() -> None:
    joined = join_fragments(
        [
            word("您", 0, 100),
            word("bal", 100, 200),
            word("ance", 200, 300, 0.4),
            word("82", 300, 400),
            word("00", 400, 500),
            word("元", 500, 600),
        ]
    )
    assert [each.text for each in joined] == ["您", "balance", "8200", "元"]
    assert (joined[1].start_ms, joined[1].end_ms, joined[1].confidence) == (100, 300, 0.4)
    assert (joined[2].start_ms, joined[2].end_ms) == (300, 500)


def test_words_with_a_space_of_their_own_stay_apart() -> None:
    assert [each.text for each in join_fragments([word(" your", 0, 1), word(" card", 1, 2)])] == [" your", " card"]


def test_chinese_characters_stay_apart() -> None:
    assert len(join_fragments([word("还", 0, 10), word("款", 10, 20)])) == 2


def test_blank_words_vanish_and_each_word_lasts_a_moment() -> None:
    joined = join_fragments([word(" a", 500, 500), word(" ", 500, 600), word(" b", 400, 450)])
    assert [(each.start_ms, each.end_ms) for each in joined] == [(500, 520), (500, 520)]
