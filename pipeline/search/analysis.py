"""The one analyser: text to tokens that every engine indexes and asks for, so that all of them find the same.

Per character NFKC, case folding, accents off, traditional to simplified; then one token a position: a Chinese
character joined with its right neighbour ("还款计划" → 还款 款计 计划 划), a Latin word or number as it is. Every
position knows which characters of the text it came from. Knows no engine. Raise ANALYSER_VERSION when any text would
give other tokens.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.search.traditional import SIMPLIFIED, TRADITIONAL

ANALYSER_VERSION = 1

LONGEST_WORD = 64
"""Longer words are found by their beginning: engines split or refuse very long tokens, each in its own way."""

_TO_SIMPLIFIED = str.maketrans(TRADITIONAL, SIMPLIFIED)

_RUN_TOGETHER = (
    (0x3005, 0x3007),  # 々〆〇
    (0x3040, 0x30FF),  # kana
    (0x3100, 0x312F),  # bopomofo
    (0x31A0, 0x31BF),
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),
    (0xAC00, 0xD7AF),  # Hangul
    (0xF900, 0xFAFF),
    (0x20000, 0x323AF),
)
"""Scripts written without spaces, or in which a part of a word is asked for: they become bigrams."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """Token i stands at position i; `spans[i]` is the character of the text (or the word) that it begins with."""

    tokens: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """Tokens to be found one after the other; with `prefix` the last one may go on. No tokens: nothing to look for."""

    tokens: tuple[str, ...]
    prefix: bool = False

    def places(self, analysis: Analysis) -> Iterator[tuple[int, int]]:
        """The half-open ranges of characters at which the pattern stands."""
        if not self.tokens:
            return
        *head, last = self.tokens
        ends_in_bigram = _is_bigram(last)
        for first in range(len(analysis.tokens) - len(head)):
            final = first + len(head)
            found = analysis.tokens[final]
            if not (found.startswith(last) if self.prefix else found == last):
                continue
            if _equal(analysis.tokens, first, head):
                yield analysis.spans[first][0], analysis.spans[final + ends_in_bigram][1]


def analyse(text: str) -> Analysis:
    """The tokens of a text and where they come from."""
    tokens: list[str] = []
    spans: list[tuple[int, int]] = []
    before = ""  # what the last character was: "" a gap, "c" one that runs together, "w" of a word
    for index, raw in enumerate(text):
        folded = _FOLDED[raw]
        if not folded:  # a mark or an invisible character: belongs to what it follows
            if before:
                spans[-1] = (spans[-1][0], index + 1)
            continue
        for character in folded:
            kind = _KIND[character]
            if kind == "c":
                if before == "c":
                    tokens[-1] += character
                tokens.append(character)
                spans.append((index, index + 1))
            elif kind == "w":
                if before != "w":
                    tokens.append(character)
                    spans.append((index, index + 1))
                else:
                    if len(tokens[-1]) < LONGEST_WORD:
                        tokens[-1] += character
                    spans[-1] = (spans[-1][0], index + 1)
            before = kind
    return Analysis(tuple(tokens), tuple(spans))


def tokens(text: str) -> list[str]:
    """The tokens of a text, in order, one a position."""
    return list(analyse(text).tokens)


def query_tokens(phrase: str, *, prefix: bool = False) -> Pattern:
    """What to look for to find `phrase`; `prefix` lets its last word go on ("threat*").

    The last character of a text stands alone, but within a longer text its token would go on. So a run that ends the
    phrase gives up its last token, which its bigram covers, and a run of one character looks for what begins with it.
    """
    found = analyse(phrase).tokens
    if not found or _KIND[found[-1][0]] == "w":
        return Pattern(found, prefix and bool(found))
    if len(found) > 1 and _is_bigram(found[-2]):
        return Pattern(found[:-1])
    return Pattern(found, prefix=True)


def _equal(tokens: Sequence[str], first: int, wanted: Sequence[str]) -> bool:
    return all(tokens[first + offset] == token for offset, token in enumerate(wanted))


def _is_bigram(token: str) -> bool:
    return len(token) == 2 and _KIND[token[0]] == "c"


class _Folded(dict[str, str]):
    """A character as it is searched: none, one or several characters."""

    def __missing__(self, character: str) -> str:
        if unicodedata.category(character) in ("Mn", "Mc", "Me", "Cf"):
            folded = ""
        else:
            wide = unicodedata.normalize("NFKC", character).casefold().translate(_TO_SIMPLIFIED)
            folded = "".join(part if _KIND[part] == "c" else _without_accent(part) for part in wide)
        self[character] = folded
        return folded


class _Kind(dict[str, str]):
    """ "c" for a character that becomes bigrams, "w" for one of a word or number, "" for a gap."""

    def __missing__(self, character: str) -> str:
        code = ord(character)
        if any(first <= code <= last for first, last in _RUN_TOGETHER) and character.isalnum():
            kind = "c"
        else:
            kind = "w" if character.isalnum() else ""
        self[character] = kind
        return kind


def _without_accent(character: str) -> str:
    parts = unicodedata.normalize("NFD", character)
    return "".join(part for part in parts if unicodedata.category(part) != "Mn")


_FOLDED = _Folded()
_KIND = _Kind()
