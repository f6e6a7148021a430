"""Error rates: folding is the same for both sides, edits are counted, intervals are paired."""

from __future__ import annotations

import pytest

from pipeline.evaluation.error_rate import (
    Tally,
    chinese_number,
    edit_distance,
    english_number,
    error_rate,
    paired_interval,
    tally,
    units_of,
)


@pytest.mark.parametrize(
    ("digits", "spoken"),
    [
        ("8200", "八千二百"),
        ("10", "十"),
        ("48", "四十八"),
        ("105", "一百零五"),
        ("3008", "三千零八"),
        ("0538", "零五三八"),
        ("13912345678", "一三九一二三四五六七八"),
        ("0", "零"),
    ],
)
def test_chinese_numbers(digits: str, spoken: str) -> None:
    assert chinese_number(digits) == spoken


@pytest.mark.parametrize(
    ("digits", "spoken"),
    [
        ("1400", "one thousand four hundred"),
        ("15", "fifteen"),
        ("42", "forty two"),
        ("0", "zero"),
        ("0042", "zero zero four two"),
        ("12345678", "one two three four five six seven eight"),
    ],
)
def test_english_numbers(digits: str, spoken: str) -> None:
    assert english_number(digits) == spoken


def test_chinese_is_folded_to_simplified_characters_without_punctuation() -> None:
    assert units_of("帳單8,200元, OK嗎?", "zh") == ["帐", "单", "八", "千", "二", "百", "元", "ok", "吗"]


def test_english_is_folded_to_words() -> None:
    assert units_of("That's $1,400 — OK?", "en") == ["thats", "one", "thousand", "four", "hundred", "dollars", "ok"]


@pytest.mark.parametrize(
    ("reference", "recognised", "edits"),
    [("abc", "abc", 0), ("abc", "axc", 1), ("abc", "", 3), ("", "ab", 2), ("kitten", "sitting", 3)],
)
def test_edit_distance(reference: str, recognised: str, edits: int) -> None:
    assert edit_distance(list(reference), list(recognised)) == edits


def test_rate_is_over_all_calls_together() -> None:
    tallies = [tally("a", "en", "pay me now", "pay me"), tally("b", "en", "no", "no")]
    assert error_rate(tallies) == pytest.approx(0.25)
    assert error_rate([]) == 0.0


def test_interval_is_paired_and_repeatable() -> None:
    ours = [Tally(call=str(n), lang="en", edits=5 + n % 3, units=100) for n in range(12)]
    worse = [Tally(call=str(n), lang="en", edits=15 + n % 3, units=100) for n in range(12)]
    assert paired_interval(ours, worse) == pytest.approx((-0.1, -0.1))
    assert paired_interval(ours, worse, seed=3) == paired_interval(ours, worse, seed=3)
    with pytest.raises(ValueError, match="same calls"):
        paired_interval(ours, list(reversed(worse)))
