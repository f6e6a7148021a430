"""Repairs of misheard Chinese: domain terms recognised by their sound when speech recognition wrote other characters.

單位 heard as 担位, 逾期 as 与其, 应还 as 银海. A repair is only a proposal for matching: the transcript is never
changed. Knows no category; the vocabulary comes from the lexicon.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import re2

_CJK = re.compile(r"[\u3400-\u9fff]+")
_LONGEST = 6
_BEND = 4
"""From this many syllables one syllable may differ."""


@dataclass(frozen=True, slots=True)
class Repair:
    """The text with misheard terms put right; `places` are the character positions that were changed."""

    text: str
    places: frozenset[int]


def blur(syllable: str) -> str:
    """A syllable as 8 kHz telephone speech leaves it: no retroflexes, no ng, l for n."""
    syllable = syllable.replace("ü", "v")
    for written, heard in (("zh", "z"), ("ch", "c"), ("sh", "s")):
        if syllable.startswith(written):
            syllable = heard + syllable[2:]
    if syllable.startswith("n") and len(syllable) > 1:
        syllable = "l" + syllable[1:]
    if syllable.endswith("ng") and not syllable.endswith("ong"):
        syllable = syllable[:-1]
    return syllable


@cache
def _sounds() -> tuple[dict[int, str], dict[str, str]]:
    """Every common character to one that stands for its blurred syllable, and the blurred syllables to those."""
    from pypinyin.constants import PINYIN_DICT
    from pypinyin.contrib.tone_convert import to_normal

    table: dict[int, str] = {}
    stands_for: dict[str, str] = {}
    for code in range(0x4E00, 0x9FFF):
        if reading := PINYIN_DICT.get(code):
            table[code] = stands_for.setdefault(blur(to_normal(reading.split(",")[0])), chr(code))
    return table, stands_for


def sounds_of(text: str) -> str:
    """The text with every Chinese character put for all that sound like it; the rest as it is, place by place."""
    return text.translate(_sounds()[0])


def _readings(term: str) -> set[str]:
    """How a term sounds: read as a phrase, and read character by character as the text is."""
    from pypinyin import Style, lazy_pinyin

    table, stands_for = _sounds()
    by_phrase = "".join(stands_for.get(blur(s), "?") for s in lazy_pinyin(term, style=Style.NORMAL))
    return {by_phrase, term.translate(table)}


class Ear:
    """Finds terms by sound. Immutable once built; safe to share between threads.

    For `sounds` the sound alone is enough; of `partly` one character must stand in its place, because other words of a
    call sound the same. From four syllables one syllable may be off when half of the characters are kept.
    """

    def __init__(self, sounds: Iterable[str], partly: Iterable[str] = ()) -> None:
        self._partly = frozenset(partly)
        self._terms: dict[str, list[str]] = {}
        self._bent: dict[str, list[str]] = {}
        for term in sorted({*sounds, *self._partly}):
            if not 2 <= len(term) <= _LONGEST or not _CJK.fullmatch(term):
                raise ValueError(f"'{term}' is not a Chinese term of 2 to {_LONGEST} characters")
            for sound in _readings(term):
                self._terms.setdefault(sound, []).append(term)
                for place in range(len(sound)) if len(term) >= _BEND else ():
                    self._bent.setdefault(f"{sound[:place]}*{sound[place + 1 :]}", []).append(term)
        any_term = [*map(re.escape, self._terms), *(re.escape(bent).replace(r"\*", ".") for bent in self._bent)]
        self._any = re2.compile("|".join(any_term)) if any_term else None
        self._lengths = sorted({len(sound) for sound in self._terms}, reverse=True)

    def _starts_in(self, sounds: str) -> Iterator[int]:
        """Where a term, or one with a syllable off, may begin."""
        place = 0
        while self._any is not None and (found := self._any.search(sounds, place)) is not None:
            yield found.start()
            place = found.start() + 1

    def repair(self, text: str) -> Repair | None:
        """The text as it may have been said, or None when every term found is already written right."""
        sounds = sounds_of(text)
        changed: dict[int, str] = {}
        for start in self._starts_in(sounds):
            for length in self._lengths:
                end = start + length
                if end > len(sounds):
                    continue
                term = self._best(text[start:end], sounds[start:end])
                if term is not None:
                    for place, char in enumerate(term, start):
                        if text[place] != char:
                            changed.setdefault(place, char)
                    break
        if not changed:
            return None
        return Repair("".join(changed.get(i, c) for i, c in enumerate(text)), frozenset(changed))

    def _best(self, written: str, sounds: str) -> str | None:
        """The term that sounds like this and keeps most of its characters; None when it is written right or too far."""
        terms = self._terms.get(sounds)
        if terms is not None:
            needed = 0
        elif len(sounds) >= _BEND and (terms := self._bent_terms(sounds)):
            needed = len(sounds) // 2
        else:
            return None
        if written in terms:
            return None
        kept, term = max((sum(a == b for a, b in zip(written, t, strict=True)), t) for t in terms)
        return term if kept >= max(needed, term in self._partly) else None

    def _bent_terms(self, sounds: str) -> list[str] | None:
        for place in range(len(sounds)):
            if terms := self._bent.get(f"{sounds[:place]}*{sounds[place + 1 :]}"):
                return terms
        return None
