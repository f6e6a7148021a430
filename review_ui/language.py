"""The reader's language: which one, and every word of the pages in it.

Knows no page. Texts live in `locales/<language>.json`; names of categories come from the policy, in Chinese and
English, and are converted to Taiwan's wording for traditional readers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from pipeline.policy.categories import GROUPS, categories
from review_ui.taiwan import to_traditional

LOCALES = Path(__file__).parent / "locales"

_REDACTED = re.compile(r"\[([a-z_]+)\]")

Text = str | Mapping[str, str]
"""A text, or one text for each plural form ("one", "other")."""


class Language(StrEnum):
    """The languages of the pages, by their BCP 47 tags; the value is also the page's `lang`."""

    ZH_HANS = "zh-Hans"
    ZH_HANT = "zh-Hant"
    EN = "en"

    @property
    def own_name(self) -> str:
        return {"zh-Hans": "简体中文", "zh-Hant": "繁體中文", "en": "English"}[self.value]

    @property
    def is_chinese(self) -> bool:
        return self is not Language.EN


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """All texts of one language: `words("queue.title")`, with values for the braces in it."""

    language: Language
    texts: Mapping[str, Text]

    def __call__(self, key: str, /, **values: object) -> str:
        """The text of a key, KeyError without one. `n` picks the plural form; whole numbers are grouped."""
        text = self.texts[key]
        if not isinstance(text, str):
            one = self.language is Language.EN and values.get("n") == 1
            text = text["one" if one else "other"]
        return (
            text.format_map({k: f"{v:,}" if isinstance(v, int) else v for k, v in values.items()}) if values else text
        )

    def named(self, prefix: str, value: str) -> str:
        """The text of `prefix.value`; the value itself where nobody named it, as with free text of a source system."""
        text = self.texts.get(f"{prefix}.{value}")
        return text if isinstance(text, str) else value

    def pick(self, zh: str, en: str) -> str:
        """Whichever of two texts the reader reads; the other one where it is missing."""
        if self.language is Language.EN:
            return en or zh
        text = zh or en
        return to_traditional(text) if self.language is Language.ZH_HANT else text

    def category(self, key: str) -> str:
        """The name of a category; the key itself for one that an older policy knew."""
        found = categories().get(key)
        return self.pick(found.name_zh, found.name_en) if found else key

    def group(self, key: str) -> str:
        """The name of a group of categories."""
        names = GROUPS.get(key)
        return self.pick(*names) if names else key

    def readable(self, text: str) -> str:
        """Text of a transcript with what stands for a redacted stretch ("[phone]") named in the reader's language."""
        return _REDACTED.sub(lambda found: f"[{self.named('redacted', found[1])}]", text)

    def subset(self, prefix: str) -> dict[str, Text]:
        """The texts below a prefix, without it: what a script of the page is given."""
        return {key.removeprefix(prefix): text for key, text in self.texts.items() if key.startswith(prefix)}


@cache
def words_of(language: Language) -> Words:
    """The words of a language, read once."""
    texts: dict[str, Text] = json.loads((LOCALES / f"{language.value}.json").read_text(encoding="utf-8"))
    return Words(language=language, texts=texts)


def negotiate(cookie: str | None, accept_language: str | None) -> Language:
    """The language for a request: the one chosen before, else the best that the browser asks for, else English."""
    chosen = next((language for language in Language if language.value == cookie), None)
    if chosen is not None:
        return chosen
    for tag in _by_preference(accept_language or ""):
        found = _language_of(tag)
        if found is not None:
            return found
    return Language.EN


def _by_preference(header: str) -> list[str]:
    weighed: list[tuple[float, str]] = []
    for part in header.split(","):
        tag, _, parameters = part.strip().partition(";")
        name, _, value = parameters.strip().partition("=")
        try:
            weight = float(value) if name.strip() == "q" else 1.0
        except ValueError:
            weight = 0.0
        if tag and weight > 0:
            weighed.append((weight, tag.strip().lower()))
    return [tag for _, tag in sorted(weighed, key=lambda pair: -pair[0])]


def _language_of(tag: str) -> Language | None:
    parts = tag.split("-")
    if parts[0] == "en":
        return Language.EN
    if parts[0] != "zh":
        return None
    if "hans" in parts:
        return Language.ZH_HANS
    return Language.ZH_HANT if {"hant", "tw", "hk", "mo"} & set(parts) else Language.ZH_HANS
