"""Recognised words: fragments of a tokenizer made into words, with times that make sense. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

_SHORTEST_MS = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class SpokenWord:
    """`text` keeps the leading space that its language writes."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float


def join_fragments(words: Sequence[SpokenWord]) -> list[SpokenWord]:
    """Joins pieces of one Latin word or one number, and gives each word a length and an order.

    A Chinese tokenizer splits "balance" and "8200"; a piece without a leading space belongs to what is before it.
    """
    joined: list[SpokenWord] = []
    for word in words:
        if not word.text.strip():
            continue
        if joined and _continues(joined[-1].text, word.text):
            before = joined[-1]
            joined[-1] = replace(
                before,
                text=before.text + word.text,
                end_ms=max(before.end_ms, word.end_ms),
                confidence=min(before.confidence, word.confidence),
            )
        else:
            joined.append(word)
    return _in_order(joined)


def _in_order(words: Sequence[SpokenWord]) -> list[SpokenWord]:
    """No word starts before the one before it, and each lasts at least a moment."""
    ordered: list[SpokenWord] = []
    for word in words:
        start = max(word.start_ms, ordered[-1].start_ms) if ordered else word.start_ms
        ordered.append(replace(word, start_ms=start, end_ms=max(word.end_ms, start + _SHORTEST_MS)))
    return ordered


def _continues(before: str, after: str) -> bool:
    last, first = before[-1], after[0]
    return _latin(last) and _latin(first) and last.isdigit() == first.isdigit()


def _latin(character: str) -> bool:
    return character.isascii() and character.isalnum()
