"""The words of the pages: all there in every language, and none outside the locale files."""

from __future__ import annotations

import json
import re
import string
from pathlib import Path

import opencc
import pytest

import review_ui
from pipeline.policy.categories import categories
from pipeline.services.views import Failure
from review_ui.failure_view import failure_view
from review_ui.language import LOCALES, Language, negotiate, words_of

UI = Path(review_ui.__file__).parent
TEMPLATES = sorted((UI / "templates").rglob("*.html"))

_FAILURES = (
    *("empty_file", "not_audio", "too_large", "call_id_taken", "unreadable", "refused_file"),
    *("not_yours", "call_id_missing", "bad_metadata", "bad_form", "forbidden"),
    *("recording_missing", "no_audio_stream", "decode_error", "decode_crashed", "decode_timeout", "decode_memory"),
    *("decoder_missing", "weights_missing", "weights_corrupt", "model_unavailable", "unavailable"),
    *("crashed_repeatedly", "internal_error"),
)
"""Codes that can end an upload or a call."""

_CALLED = re.compile(r"""\b(?:t|words|reader\.words)\(\s*(f?)"([^"]+)"(\s*~)?""")


def _texts(language: Language) -> dict[str, str | dict[str, str]]:
    loaded: dict[str, str | dict[str, str]] = json.loads((LOCALES / f"{language}.json").read_text(encoding="utf-8"))
    return loaded


def _holes(text: str | dict[str, str]) -> set[str]:
    whole = text if isinstance(text, str) else "".join(text.values())
    return {name for _, name, _, _ in string.Formatter().parse(whole) if name}


def test_every_language_has_every_key_with_the_same_values() -> None:
    english = _texts(Language.EN)
    for language in Language:
        texts = _texts(language)
        assert sorted(texts) == sorted(english), language
        for key, text in texts.items():
            assert _holes(text) == _holes(english[key]), (language, key)


def test_plural_texts_have_both_forms() -> None:
    for key, text in _texts(Language.EN).items():
        assert isinstance(text, str) or set(text) == {"one", "other"}, key


def test_traditional_texts_hold_no_simplified_characters() -> None:
    converter = opencc.OpenCC("s2tw")
    for key, text in _texts(Language.ZH_HANT).items():
        plain = str(text).replace("台灣", "臺灣")  # both are written; the shorter is the usual one
        assert converter.convert(plain) == plain, key


@pytest.mark.parametrize("path", [*TEMPLATES, *sorted(UI.glob("*.py"))], ids=lambda p: p.name)
def test_every_text_that_is_asked_for_exists(path: Path) -> None:
    texts = _texts(Language.EN)
    for f_string, key, joined in _CALLED.findall(path.read_text(encoding="utf-8")):
        if f_string or joined:
            prefix = key.split("{")[0]
            assert any(known.startswith(prefix) for known in texts), key
        else:
            assert key in texts, key


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: p.name)
def test_templates_hold_no_words_of_their_own(path: Path) -> None:
    """What is left without tags, expressions, key names and commands to type is punctuation."""
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"\{% block body_class %\}.*?\{% endblock %\}", "", text)
    text = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", text, flags=re.S)
    text = re.sub(r"<(kbd|code|script|title)\b.*?</\1>", "", text, flags=re.S)
    for attribute in ("title", "aria-label", "placeholder", "alt"):
        for value in re.findall(rf'\b{attribute}="([^"]*)"', text):
            assert not re.search(r"\w", value), f"{attribute}={value}"
    text = re.sub(r"=\s*(\"[^\"]*\"|'[^']*')", "", text)
    text = re.sub(r"<!doctype html>|<[^>]*>", "", text, flags=re.S)
    assert not re.search(r"[^\W\d_]", text), re.findall(r"\w+", text)


@pytest.mark.parametrize("path", sorted((UI / "static").glob("*.js")), ids=lambda p: p.name)
def test_scripts_hold_no_chinese_and_put_no_text_of_their_own(path: Path) -> None:
    source = re.sub(r"//.*", "", path.read_text(encoding="utf-8"))
    assert not re.search(r"[一-鿿]", source)
    assert not re.search(r"""(textContent|innerHTML)\s*=\s*["'`]\s*[A-Za-z]""", source)


@pytest.mark.parametrize(
    ("cookie", "header", "expected"),
    [
        (None, None, Language.EN),
        (None, "zh-CN,zh;q=0.9,en;q=0.8", Language.ZH_HANS),
        (None, "zh-TW,zh;q=0.9", Language.ZH_HANT),
        (None, "zh-HK", Language.ZH_HANT),
        (None, "zh-Hans-HK", Language.ZH_HANS),
        (None, "fr, zh;q=0.3, en;q=0.7", Language.EN),
        (None, "en;q=0, zh;q=0.1", Language.ZH_HANS),
        (None, "de;q=x, *", Language.EN),
        ("zh-Hant", "en", Language.ZH_HANT),
        ("klingon", "zh", Language.ZH_HANS),
    ],
)
def test_the_language_is_the_chosen_one_else_what_the_browser_asks_for(
    cookie: str | None, header: str | None, expected: Language
) -> None:
    assert negotiate(cookie, header) is expected


def test_categories_have_names_in_every_language() -> None:
    english, hans, hant = (words_of(language) for language in (Language.EN, Language.ZH_HANS, Language.ZH_HANT))
    assert hant.category("threat.violence") == "暴力威脅"
    for key in categories():
        assert english.category(key) != key
        assert hans.category(key) != key
    assert english.category("gone.category") == "gone.category"


@pytest.mark.parametrize("language", Language)
def test_whatever_ends_a_call_or_an_upload_has_words_of_ours(language: Language) -> None:
    words = words_of(language)
    for code in _FAILURES:
        told = failure_view(Failure(code=code, message="Do this."), words)
        assert told.text not in ("", code, words("failure")) and told.detail == "", code


def test_numbers_are_grouped_and_plurals_chosen() -> None:
    english = words_of(Language.EN)
    assert english("queue.newer", n=1).startswith("1 new call.")
    assert english("queue.newer", n=1234).startswith("1,234 new calls.")


def test_redacted_stretches_are_named_and_other_brackets_left() -> None:
    hans = words_of(Language.ZH_HANS)
    assert hans.readable("卡号[card]，[嗯]") == "卡号[卡号]，[嗯]"
    assert hans.readable("[something_new]") == "[something_new]"
