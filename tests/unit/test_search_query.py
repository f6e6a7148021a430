"""The search box: what it means, and what it says when it can't be read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InvalidInput
from pipeline.search.analysis import Pattern, analyse
from pipeline.search.query import EVERYTHING, LONGEST_TEXT, MOST_WORDS, And, Leaf, Not, Or, matches, parse, wanted


def word(*tokens: str, prefix: bool = False) -> Leaf:
    return Leaf(Pattern(tokens, prefix))


A, B, C = word("a"), word("b"), word("c")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", EVERYTHING),
        ("a", A),
        ("a b", And((A, B))),
        ("a AND b", And((A, B))),
        ("a OR b", Or((A, B))),
        ("a | b", Or((A, B))),
        ("a b OR c", And((A, Or((B, C))))),
        ("a OR b c", And((Or((A, B)), C))),
        ("a or b", And((A, word("or"), B))),
        ("-a", Not(A)),
        ("NOT a", Not(A)),
        ("a -b", And((A, Not(B)))),
        ("a - b", And((A, B))),
        ("--a", Not(Not(A))),
        ("a -(b c)", And((A, Not(And((B, C)))))),
        ("(a)", A),
        ("a(b)", And((A, B))),
        ("follow-up", word("follow", "up")),
        ('"a b"', word("a", "b")),
        ('-"a b"', Not(word("a", "b"))),
        ("“a b”", word("a", "b")),
        ("「a b」", word("a", "b")),
        ("（a OR b）－c", And((Or((A, B)), Not(C)))),
        ("thr*", word("thr", prefix=True)),
        ('"a thr*"', word("a", "thr", prefix=True)),
        ('"a thr"*', word("a", "thr", prefix=True)),
        ("a ， b", And((A, B))),
        ("a OR ！", A),
        ("a -！", A),
        ("a ()", A),
    ],
)
def test_what_is_typed_means(text: str, tree: object) -> None:
    assert parse(text) == tree


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ('a "b', "quotation mark is not closed"),
        ("(a", "bracket is not closed"),
        ("a)", "has no opening one"),
        ("a OR", "need a word beside"),
        ("OR a", "need a word beside"),
        ("a OR OR b", "need a word beside"),
        ("NOT", "need a word beside"),
        ("(NOT) a", "need a word beside"),
        ("AND a", "stands between two words"),
        ("a AND", "stands between two words"),
        ("a AND OR b", "stands between two words"),
        ("！？", "no word to look for"),
        ('""', "no word to look for"),
        ("-()", "no word to look for"),
        ("(" * 11 + "a" + ")" * 11, "nested"),
        ("-" * 11 + "a", "nested"),
        ("x " * (MOST_WORDS + 1), "words; leave some out"),
        ("x" * (LONGEST_TEXT + 1), "shorten it"),
    ],
)
def test_what_cannot_be_read_is_refused_with_advice(text: str, advice: str) -> None:
    with pytest.raises(InvalidInput, match=advice) as refused:
        parse(text)
    assert refused.value.code == "bad_query"


@given(st.text(alphabet='ab还款"()-*| 　ORANDNOT，“」', max_size=40))
def test_whatever_is_typed_is_a_tree_or_a_bad_query(text: str) -> None:
    try:
        node = parse(text)
    except InvalidInput as refused:
        assert refused.code == "bad_query"
    else:
        assert matches(node, analyse("")) in (True, False)
        assert all(pattern.tokens for pattern in wanted(node))


def test_only_what_is_wanted_is_highlighted() -> None:
    assert list(wanted(parse("a (b OR c) -d -(e f)"))) == [A.pattern, B.pattern, C.pattern]
