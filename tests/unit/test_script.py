"""One script, and no character moves."""

from __future__ import annotations

from models.script import Script, convert_words


def test_words_become_simplified_one_for_one() -> None:
    assert convert_words(["帳單", "逾", "期", "了"], Script.SIMPLIFIED) == ["帐单", "逾", "期", "了"]


def test_traditional_reads_phrases_across_words() -> None:
    assert "".join(convert_words(["头", "发"], Script.TRADITIONAL)) == "頭髮"
    assert "".join(convert_words(["发", "生"], Script.TRADITIONAL)) == "發生"


def test_latin_and_digits_stay() -> None:
    assert convert_words(["balance", "8200"], Script.TRADITIONAL) == ["balance", "8200"]
