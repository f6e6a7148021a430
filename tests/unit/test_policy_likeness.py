"""Example sentences and forms of words: how alike is alike enough, in both languages."""

from __future__ import annotations

import pytest

from pipeline.policy.folding import fold_text
from pipeline.policy.inflection import forms_of, stem
from pipeline.policy.lexicon import Entry
from pipeline.policy.likeness import Likeness
from pipeline.records import Role


def entry(lang: str, *like: str) -> Entry:
    return Entry(
        id="e",
        category="solution.instalment_plan",
        lang=lang,
        role=Role.AGENT,
        score=0.9,
        say=(),
        unless=(),
        ignore=frozenset(),
        like=tuple(map(fold_text, like)),
        like_from=0.62,
    )


@pytest.mark.parametrize(
    ("lang", "example", "text", "alike"),
    [
        ("zh", "我们可以把欠款分成十二期慢慢还", "那我们可以把您的欠款分成十二期，慢慢来还。", True),
        ("zh", "我们可以把欠款分成十二期慢慢还", "我們可以把欠款分成十二期慢慢還", True),
        ("zh", "我们可以把欠款分成十二期慢慢还", "您的欠款明天要还清。", False),
        (
            "en",
            "we can spread the balance over twelve months",
            "We could be spreading your balances over twelve months.",
            True,
        ),
        ("en", "we can spread the balance over twelve months", "Your balance is twelve hundred dollars.", False),
    ],
)
def test_a_sentence_is_like_its_example_or_not(lang: str, example: str, text: str, alike: bool) -> None:
    found = list(Likeness([entry(lang, example)], lang).find(fold_text(text)))
    assert bool(found) == alike
    if found:
        assert 0.62 <= found[0].similarity <= 1 and found[0].start < found[0].end


def test_the_likest_example_of_an_entry_counts_once() -> None:
    two = entry("en", "we can spread the balance over twelve months", "let us set up a payment plan for you")
    found = list(Likeness([two], "en").find(fold_text("Let's set up a payment plan for you today.")))
    assert len(found) == 1 and found[0].similarity == pytest.approx(1.0)
    assert list(Likeness([], "en").find("anything")) == []


@pytest.mark.parametrize(
    ("word", "forms"),
    [
        ("sue", {"sue", "sues", "sued", "suing"}),
        ("pay", {"pay", "pays", "paid", "paying"}),
        ("carry", {"carry", "carries", "carried", "carrying"}),
        ("stop", {"stop", "stops", "stopped", "stopping"}),
        ("lie", {"lie", "lies", "lied", "lying"}),
        ("catch", {"catch", "catches", "caught", "catching"}),
    ],
)
def test_forms_of_words(word: str, forms: set[str]) -> None:
    assert forms <= set(forms_of(word))
    assert len({stem(form) for form in forms}) == 1
