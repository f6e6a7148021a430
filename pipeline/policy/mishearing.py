"""Chinese patterns found by their sound: what recognition wrote with other characters of the same sound.

A pattern and a text are both put into sounds (`phonetics.sounds_of`) and matched there. A match counts when the text
matches the pattern as written once few of its characters are put right; which ones is told by the characters that the
pattern itself is made of. The transcript is never changed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice, product

import re2

from pipeline.policy.filtering import ManyPatterns
from pipeline.policy.phonetics import sounds_of

_CJK = re.compile(r"[\u3400-\u9fff]")
_RANGE = re.compile(r"[\u3400-\u9fff]-[\u3400-\u9fff]")
_MOST_READINGS = 24
"""So many ways to put a span right are tried before it is given up."""
_LONGEST = 10
"""Longer spans hold wide gaps, in which something that sounds right is found by chance."""
_SPAN_A_CHANGE = 3
"""One character in so many of a span may be wrong, and one in any case."""
ENOUGH = 2
"""So many telling characters have to be right for each wrong one that has none beside it."""
_SMALL = frozenset(
    "的了是我你他这那不就都也还很有在把给跟和要会能说再让去来没一个们吗呢吧啊什么怎谁哪为因所以但如果可上下里外多少大小"
    "后先前今明天年月日号点分二三四五六七八九十百千万零两几"
)
"""Characters of small words: recognition rarely writes another for them, nor them for another."""


@dataclass(frozen=True, slots=True)
class _Pattern:
    written: re2._Regexp
    heard: re2._Regexp
    letters: frozenset[str]
    by_sound: dict[str, tuple[str, ...]]


class Mishearing:
    """Patterns behind one filter over sounds. Immutable once built."""

    def __init__(self, patterns: Sequence[re2._Regexp]) -> None:
        self._patterns: list[tuple[int, _Pattern]] = []
        for owner, written in enumerate(patterns):
            expression = _in_sounds(written.pattern)
            letters = frozenset(_CJK.findall(_RANGE.sub("", written.pattern)))
            if not letters:
                continue
            by_sound: dict[str, tuple[str, ...]] = {}
            for letter in sorted(letters):
                by_sound[sounds_of(letter)] = (*by_sound.get(sounds_of(letter), ()), letter)
            self._patterns.append((owner, _Pattern(written, re2.compile(expression), letters, by_sound)))
        self._many = ManyPatterns([pattern.heard.pattern for _, pattern in self._patterns])

    def find(self, text: str, skip: Collection[int]) -> Iterator[tuple[int, int, int]]:
        """Patterns that the text holds by sound and not as written, and where; those of `skip` are not looked for."""
        heard = sounds_of(text)
        for index in self._many.matching(heard):
            owner, pattern = self._patterns[index]
            if owner in skip:
                continue
            for match in pattern.heard.finditer(heard):
                found = _put_right(pattern, text, match.start(), match.end())
                if found is not None:
                    yield owner, *found


def _in_sounds(expression: str) -> str:
    """The expression with its characters as sounds; ranges, which stand for any character, stay."""
    kept: list[str] = []
    place = 0
    for span in _RANGE.finditer(expression):
        kept += [sounds_of(expression[place : span.start()]), span[0]]
        place = span.end()
    return "".join([*kept, sounds_of(expression[place:])])


def _put_right(pattern: _Pattern, text: str, start: int, end: int) -> tuple[int, int] | None:
    """The span that the pattern matches as written with the fewest characters put right; None when too many are."""
    doubtful = {
        place: pattern.by_sound[sound]
        for place in range(start, end)
        if text[place] not in pattern.letters
        and text[place] not in _SMALL
        and (sound := sounds_of(text[place])) in pattern.by_sound
        and not _part_of_a_word(text, place)
    }
    most = max(1, (end - start) // _SPAN_A_CHANGE) if end - start >= 3 else 0
    if not doubtful or len(doubtful) > 2 * most or end - start > _LONGEST:
        return None
    for reading in islice(product(*doubtful.values()), _MOST_READINGS):
        right = dict(zip(doubtful, reading, strict=True))
        match = _matches(pattern.written, text, right, start, end)
        if match is None:
            continue
        for place in tuple(right):
            fewer = {other: letter for other, letter in right.items() if other != place}
            if (again := _matches(pattern.written, text, fewer, start, end)) is not None:
                right, match = fewer, again
        if right and len(right) <= most and _rests_on_enough(pattern, text, right, match):
            return match
    return None


def _rests_on_enough(pattern: _Pattern, text: str, right: dict[int, str], span: tuple[int, int]) -> bool:
    """Whether telling characters of the pattern stand in the span as written: next to each wrong one, or around it."""
    kept = {
        place
        for place in range(*span)
        if place not in right and text[place] in pattern.letters and text[place] not in _SMALL
    }
    around = len(kept) >= ENOUGH * len(right) and not {span[0], span[1] - 1} & right.keys()
    return around or all({place - 1, place + 1} & kept for place in right)


def _matches(written: re2._Regexp, text: str, right: dict[int, str], start: int, end: int) -> tuple[int, int] | None:
    """Where the pattern matches in the span, these characters put right."""
    corrected = "".join(right.get(place, char) for place, char in enumerate(text))
    return next(
        ((m.start(), m.end()) for m in written.finditer(corrected) if m.start() < end and m.end() > start), None
    )


def _part_of_a_word(text: str, place: int) -> bool:
    """Whether the character stands in a common word of two as it was written, so that it may well be what was said."""
    return any(
        at >= 0 and text[at : at + 2] in _words() and not _SMALL.intersection(text[at : at + 2])
        for at in (place - 1, place)
    )


@cache
def _words() -> frozenset[str]:
    from pypinyin.phrases_dict import phrases_dict

    return frozenset(word for word in phrases_dict if len(word) == 2)
