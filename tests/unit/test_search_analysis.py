"""The analyser: every token maps back to its characters, and any piece of a text finds the text."""

from __future__ import annotations

import importlib.util
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.search.analysis import LONGEST_WORD, Pattern, analyse, query_tokens, tokens
from pipeline.search.highlight import highlights
from pipeline.search.traditional import SIMPLIFIED, TRADITIONAL

ROOT = Path(__file__).resolve().parents[2]

HAN = st.text(alphabet=st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF), min_size=1, max_size=12)
TELEPHONE = st.text(alphabet="您好還款还计划臺台著着ABCabcé１2３,，。 -'　\n㎏½㍿", max_size=30)
ANY = st.text(max_size=30)


def test_chinese_becomes_bigrams_and_the_last_character() -> None:
    assert tokens("还款计划") == ["还款", "款计", "计划", "划"]
    assert tokens("好") == ["好"]
    assert tokens("好，我") == ["好", "我"]


def test_words_and_numbers_stay_whole() -> None:
    assert tokens("I don't owe 1,200 on Card2") == ["i", "don", "t", "owe", "1", "200", "on", "card2"]
    assert tokens("我要cancel这个") == ["我要", "要", "cancel", "这个", "个"]
    assert tokens("x" * 500) == ["x" * LONGEST_WORD]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("請還款", "请还款"),
        ("妳等著", "你等着"),
        ("臺灣", "台湾"),
        ("ＡＢＣ１２３", "abc123"),
        ("José", "jose"),
        ("Jose\u0301", "jose"),
        ("５㎏", "5kg"),
        ("so\u00adft", "soft"),
        ("\ufeff还\u200b款", "还款"),
        ("STRASSE", "straße"),
    ],
)
def test_what_looks_alike_is_alike(one: str, other: str) -> None:
    assert tokens(one) == tokens(other)


def test_offsets_survive_characters_that_grow_or_vanish() -> None:
    text = "重５㎏，Jose\u0301還"
    analysis = analyse(text)
    assert analysis.tokens == ("重", "5kg", "jose", "还")
    assert [text[start:end] for start, end in analysis.spans] == ["重", "５㎏", "Jose\u0301", "還"]


@given(st.one_of(TELEPHONE, ANY))
def test_every_token_maps_back_to_its_own_characters(text: str) -> None:
    analysis = analyse(text)
    assert len(analysis.tokens) == len(analysis.spans)
    assert list(analysis.spans) == sorted(analysis.spans)
    for token, (start, end) in zip(analysis.tokens, analysis.spans, strict=True):
        assert token[0] in "".join(tokens(text[start:end]))
    covered = {place for start, end in analysis.spans for place in range(start, end)}
    assert not any(tokens(character) for place, character in enumerate(text) if place not in covered)


@given(TELEPHONE)
def test_tokens_hold_letters_and_digits_only(text: str) -> None:
    assert all(token.isalnum() for token in tokens(text))


@given(TELEPHONE.filter(lambda text: "½" not in text), st.data())  # one character, two words: it has no piece
def test_any_piece_that_cuts_no_word_is_found_where_it_stands(text: str, data: st.DataObject) -> None:
    analysis = analyse(text)
    assume(analysis.spans)
    first = data.draw(st.integers(0, len(analysis.spans) - 1))
    last = data.draw(st.integers(first, len(analysis.spans) - 1))
    start, end = analysis.spans[first][0], analysis.spans[last][1]
    assert (start, end) in list(query_tokens(text[start:end]).places(analysis))


@given(HAN, HAN)
def test_a_chinese_phrase_is_found_exactly_where_it_is_a_substring(text: str, phrase: str) -> None:
    folded = str.maketrans(TRADITIONAL, SIMPLIFIED)
    expected = phrase.translate(folded) in text.translate(folded)
    assert any(True for _ in query_tokens(phrase).places(analyse(text))) is expected


@given(HAN, st.data())
def test_every_substring_of_chinese_is_found_and_highlighted_to_the_character(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    assert (start, end) in list(query_tokens(text[start:end]).places(analyse(text)))


@pytest.mark.parametrize(
    ("phrase", "pattern"),
    [
        ("还款", Pattern(("还款",))),
        ("还", Pattern(("还",), prefix=True)),
        ("cancel 这个", Pattern(("cancel", "这个"))),
        ("cancel 这", Pattern(("cancel", "这"), prefix=True)),
        ("这个 cancel", Pattern(("这个", "个", "cancel"))),
        ("还，款", Pattern(("还", "款"), prefix=True)),
        ("", Pattern(())),
        ("，！", Pattern(())),
    ],
)
def test_a_phrase_gives_up_only_the_end_of_its_last_run(phrase: str, pattern: Pattern) -> None:
    assert query_tokens(phrase) == pattern


def test_the_open_end_is_asked_for() -> None:
    assert query_tokens("will threat", prefix=True) == Pattern(("will", "threat"), prefix=True)
    assert query_tokens("！", prefix=True) == Pattern(())


def test_the_map_is_that_of_opencc_and_maps_to_ends_only() -> None:
    script = _load(ROOT / "scripts" / "make_traditional.py")
    pairs = dict(zip(TRADITIONAL, SIMPLIFIED, strict=True))
    assert script.simplified() == pairs, "run scripts/make_traditional.py and raise ANALYSER_VERSION"
    assert not set(pairs.values()) & set(pairs)


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# --- highlights -----------------------------------------------------------------------------------------------------


def marked(text: str, *phrases: str) -> list[str]:
    return [text[start:end] for start, end in highlights(text, map(query_tokens, phrases))]


def test_highlights_are_the_characters_of_the_text_itself() -> None:
    assert marked("我們談還款計劃吧", "还款计划") == ["還款計劃"]
    assert marked("我要 Cancel 这个 plan", "cancel 这个", "plan") == ["Cancel 这个", "plan"]
    assert marked("死也不还", "死", "还") == ["死", "还"]
    assert marked("没有", "还款") == []


def test_highlights_that_overlap_are_one() -> None:
    text = "还款计划书"
    assert highlights(text, map(query_tokens, ["还款计", "款计划"])) == ((0, 4),)
    assert highlights(text, map(query_tokens, ["还款", "计划"])) == ((0, 2), (2, 4))


@given(TELEPHONE, st.lists(TELEPHONE, max_size=4))
def test_highlights_are_in_order_and_within_the_text(text: str, phrases: list[str]) -> None:
    places = highlights(text, map(query_tokens, phrases))
    assert all(0 <= start < end <= len(text) for start, end in places)
    assert all(one[1] <= other[0] for one, other in pairwise(places))
