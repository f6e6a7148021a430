"""Where the words that were asked for stand in a text, computed from the text itself, the same for every engine."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.search.analysis import Pattern, analyse


def highlights(text: str, patterns: Iterable[Pattern]) -> tuple[tuple[int, int], ...]:
    """Half-open ranges of characters, in order; ranges that overlap are one, ranges that only touch stay two."""
    analysis = analyse(text)
    places = sorted({place for pattern in patterns for place in pattern.places(analysis)})
    merged: list[tuple[int, int]] = []
    for start, end in places:
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)
