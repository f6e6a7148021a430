"""The spoken form, and the way back to the words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.policy.folding import FILLERS, fold, fold_characters
from pipeline.records import Word


def words(*texts: str) -> tuple[Word, ...]:
    return tuple(Word(text=t, start_ms=0, end_ms=1, confidence=1.0) for t in texts)


@pytest.mark.parametrize(
    ("said", "folded"),
    [
        (["您", "好，", "请问", "是", "王", "女士", "吗？"], "你好请问是王女士吗?"),
        (["繳", "款", "單", "，", "妳", "的", "帳", "單"], "缴款单你的账单"),
        (["嗯", "我", "我", "我", "没", "啊", "钱", "了"], "我没钱了"),
        (["加", "我", "LINE", "啦", "，", "好", "嗎"], "加我line好吗"),
        ([" You're", " late,", " um,", " aren't", " you?"], "you are late are not you?"),
        ([" I", " won't", " pay", " $4,500.50", " today!", " Sue", " me."], "i will not pay $4500点50 today. sue me."),
        ([" Your", " sister's", " place…", " that's", " it"], "your sister place that is it"),
        ([" the", " the", " money", " CANNOT", " wait"], "the money can not wait"),
        (["ＡＢＣ", "１２３"], "abc 123"),
        (["...", "？！", "  "], ""),
    ],
)
def test_folded(said: list[str], folded: str) -> None:
    assert fold(words(*said)).text == folded


def test_every_character_knows_its_word() -> None:
    folded = fold(words("您", "好，", "嗯", "I", "'m", " here.", "再見"))
    assert folded.text == "你好i m here.再见"
    assert folded.span(0, 2) == (0, 2)
    assert folded.span(folded.text.index("here"), folded.text.index("here") + 4) == (5, 6)
    assert folded.span(folded.text.index("再"), len(folded.text)) == (6, 7)


@given(st.lists(st.text(max_size=8), max_size=12))
def test_any_words_fold_and_map_back(texts: list[str]) -> None:
    folded = fold(words(*texts))
    assert len(folded.text) == len(folded.word_of)
    assert list(folded.word_of) == sorted(folded.word_of)
    assert not set(folded.text) & FILLERS
    assert all(0 <= owner < len(texts) for owner in folded.word_of)


def test_traditional_keeps_its_length() -> None:
    assert fold_characters("臺灣銀行強制執行處") == "台湾银行强制执行处"
