"""English patterns found by their sound: endings lost on the line, words written as others that sound the same.

A pattern and a text are both put into keys, a word each (`key_of`), and matched there. What was only another form of
the same word is not told from what was misheard: both rest on a guess. The transcript is never changed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, islice, product

import re2

from pipeline.policy.filtering import ManyPatterns
from pipeline.policy.inflection import stem

_GROUPS = (
    *(("to", "too"), ("their", "there"), ("by", "buy", "bye"), ("hear", "here"), ("right", "write"), ("week", "weak")),
    *(("wait", "weight"), ("court", "caught", "quart"), ("card", "car"), ("loan", "lone"), ("past", "passed")),
    *(("than", "then"), ("son", "sun"), ("whole", "hole"), ("would", "wood"), ("sell", "cell"), ("debt", "dead")),
    *(("through", "threw"), ("sue", "soo"), ("jail", "gel"), ("bail", "bale"), ("mail", "male"), ("wage", "wages")),
    *(("seize", "sees"), ("lien", "lean"), ("die", "dye"), ("fraud", "frog"), ("warrant", "warned")),
)
"""Words that the telephone makes one. Numbers are none of them: they stand where other small words do not."""
_SAME = {word: group[0] for group in _GROUPS for word in group[1:]}
_KEPT = frozenset({"yours", "ours", "hers", "theirs", "its", "his", "us", "is", "was", "has", "does", "this", "less"})
"""Words whose ending is no ending."""
_TOKEN = re.compile(r"\[[^\]]*\]|\\[a-zA-Z]|\(\?:|[a-z]+(?:\?(?![:a-z]))?")
_LITERAL = re.compile(r"(?<![\\[a-z])[a-z]+(?:\?(?![:a-z]))?")
_WORD = re.compile(r"[a-z]+")
_WORDS_A_CHANGE = 4
"""One word in so many of a span may be wrong, and one in any case."""
_MOST_READINGS = 24
"""So many ways to put a span right are tried before it is given up."""


@cache
def key_of(word: str) -> str:
    """What a word and all that may be written for it have in common."""
    word = _SAME.get(word, word)
    if word in _KEPT:
        return word
    if len(word) > 5 and word.endswith("in"):
        word += "g"  # callin' is calling
    return _SAME.get(found := stem(word, irregular=False), found)


@dataclass(frozen=True, slots=True)
class _Pattern:
    written: re2._Regexp
    heard: re2._Regexp
    words: frozenset[str]
    by_key: Mapping[str, tuple[str, ...]]


class EnglishEar:
    """English patterns behind one filter over keys. Immutable once built."""

    def __init__(self, patterns: Sequence[re2._Regexp]) -> None:
        self._patterns = [_pattern(pattern) for pattern in patterns]
        self._many = ManyPatterns([pattern.heard.pattern for pattern in self._patterns])

    def find(self, text: str, skip: Collection[int]) -> Iterator[tuple[int, int, int]]:
        """Patterns that the text holds by key, with their place in the text; those of `skip` are not looked for.

        A match counts when the text matches the pattern as written once few of its words are put right.
        """
        heard = _WORD.sub(lambda word: key_of(word[0]), text)
        found = [index for index in self._many.matching(heard) if index not in skip]
        place_of = _places(text) if found else []
        for index in found:
            pattern = self._patterns[index]
            for match in pattern.heard.finditer(heard):
                start, end = place_of[match.start()], place_of[match.end() - 1] + 1
                if _can_be_put_right(pattern, text, start, end):
                    yield index, start, end


def _pattern(written: re2._Regexp) -> _Pattern:
    words = {form for token in _LITERAL.findall(written.pattern) for form in _forms(token) if len(form) > 1}
    by_key: dict[str, tuple[str, ...]] = {}
    for word in sorted(words):
        by_key[key_of(word)] = (*by_key.get(key_of(word), ()), word)
    return _Pattern(written, re2.compile(_in_keys(written.pattern)), frozenset(words), by_key)


def _forms(token: str) -> tuple[str, ...]:
    return (token[:-1], token[:-2]) if token.endswith("?") else (token,)


def _can_be_put_right(pattern: _Pattern, text: str, start: int, end: int) -> bool:
    """Whether the span matches as written with one word, or one in a few, put for another of the same key."""
    spoken = list(_WORD.finditer(text, start, end))
    doubtful = {
        place: tuple(other for other in pattern.by_key.get(key_of(word[0]), ()) if other != word[0])
        for place, word in enumerate(spoken)
    }
    doubtful = {place: others for place, others in doubtful.items() if others}
    wrong = {place for place in doubtful if spoken[place][0] not in pattern.words}
    most = max(1, len(spoken) // _WORDS_A_CHANGE) if len(spoken) >= 3 else 0
    if not doubtful or len(wrong) > most:
        return False
    for count in range(1, most + 1):
        for places in islice(combinations(doubtful, count), _MOST_READINGS):
            for reading in islice(product(*(doubtful[place] for place in places)), _MOST_READINGS):
                right = dict(zip(places, reading, strict=True))
                if _matches(pattern.written, text, spoken, right):
                    return True
    return False


def _matches(written: re2._Regexp, text: str, spoken: Sequence[re.Match[str]], right: Mapping[int, str]) -> bool:
    pieces, at = [], 0
    for place, word in enumerate(spoken):
        pieces += [text[at : word.start()], right.get(place, word[0])]
        at = word.end()
    start, grown = spoken[0].start(), sum(len(new) - len(spoken[place][0]) for place, new in right.items())
    corrected = "".join([*pieces, text[at:]])
    last = spoken[-1].end() + grown
    return any(m.start() < last and m.end() > start for m in written.finditer(corrected))


def _places(text: str) -> list[int]:
    """For each character of the text in keys a place in the text: the first of a word, or for a key's last its last."""
    places: list[int] = []
    place = 0
    for word in _WORD.finditer(text):
        places.extend(range(place, word.start()))
        places.extend([word.start()] * (len(key_of(word[0])) - 1) + [word.end() - 1])
        place = word.end()
    return [*places, *range(place, len(text))]


def _in_keys(expression: str) -> str:
    """The expression with its words as keys; classes and escapes stay as they are."""

    def keyed(match: re.Match[str]) -> str:
        token = match[0]
        if not token[0].isalpha():
            return token
        if token.endswith("?"):
            with_it, without = key_of(token[:-1]), key_of(token[:-2]) if len(token) > 2 else ""
            return f"(?:{with_it}|{without})" if with_it != without else with_it
        return key_of(token)

    return _TOKEN.sub(keyed, expression)
