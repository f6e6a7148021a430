"""English patterns found by their sound: endings lost on the line, words written as others that sound the same.

A pattern and a text are both put into keys, a word each (`key_of`), and matched there. What was only another form of
the same word is not told from what was misheard: both rest on a guess. The transcript is never changed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from functools import cache

import re2

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
_WORD = re.compile(r"[a-z]+")


@cache
def key_of(word: str) -> str:
    """What a word and all that may be written for it have in common."""
    word = _SAME.get(word, word)
    if word in _KEPT:
        return word
    if len(word) > 5 and word.endswith("in"):
        word += "g"  # callin' is calling
    return _SAME.get(found := stem(word, irregular=False), found)


class EnglishEar:
    """English patterns behind one filter over keys. Immutable once built."""

    def __init__(self, patterns: Sequence[re2._Regexp]) -> None:
        self._patterns = [re2.compile(_in_keys(pattern.pattern)) for pattern in patterns]
        self._filter = re2.Filter()
        for pattern in self._patterns:
            self._filter.Add(pattern.pattern)
        if self._patterns:
            self._filter.Compile()

    def find(self, text: str, skip: Collection[int]) -> Iterator[tuple[int, int, int]]:
        """Patterns that the text holds by key, with their place in the text; those of `skip` are not looked for."""
        heard = _WORD.sub(lambda word: key_of(word[0]), text)
        found = [index for index in (self._patterns and self._filter.Match(heard)) or () if index not in skip]
        place_of = _places(text) if found else []
        for index in found:
            for match in self._patterns[index].finditer(heard):
                yield index, place_of[match.start()], place_of[match.end() - 1] + 1


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
