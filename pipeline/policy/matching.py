"""Finds the entries of lexicons in an utterance: one filter over all patterns, then those that match, then features.

Looks at words only: who said it and what follows are decided elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from pipeline.policy.english_ear import EnglishEar
from pipeline.policy.features import MISHEARING, NEGATED, QUOTED, features_of
from pipeline.policy.filtering import ManyPatterns
from pipeline.policy.folding import fold
from pipeline.policy.lexicon import Entry, Lexicon
from pipeline.policy.likeness import Likeness
from pipeline.policy.mishearing import Mishearing
from pipeline.policy.phonetics import Ear
from pipeline.records import Word

_UNLESS_REACH = {"zh": 24, "en": 70}
"""How many characters around a match an exclusion is looked for."""
_CJK = re.compile(r"[\u3400-\u9fff]")
_LATIN = re.compile(r"[a-z]{2}")


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry found at words [word_start, word_end).

    `similarity` is 1 unless it was found by an example sentence; `guessed` where no listed term but the pattern's own
    sound was recognised.
    """

    entry: Entry
    word_start: int
    word_end: int
    features: tuple[str, ...]
    similarity: float = 1.0
    guessed: bool = False


class Matcher:
    """All entries of some lexicons, compiled once. Immutable; calls share no state."""

    def __init__(self, lexicons: Iterable[Lexicon]) -> None:
        lexicons = tuple(lexicons)
        self._filters = {
            lang: _PatternFilter([e for lexicon in lexicons if lexicon.lang == lang for e in lexicon.entries], lang)
            for lang in {lexicon.lang for lexicon in lexicons}
        }
        self._likeness = {
            lang: Likeness([e for lexicon in lexicons if lexicon.lang == lang for e in lexicon.entries], lang)
            for lang in self._filters
        }
        self._ear = Ear(
            sounds={term for lexicon in lexicons for term in lexicon.sounds},
            partly={term for lexicon in lexicons for term in lexicon.sounds_partly},
        )

    def find(self, words: Sequence[Word]) -> list[Hit]:
        """Every entry that the utterance holds, at its most telling place: one hit an entry."""
        folded = fold(words)
        text = folded.text
        found: list[_Match] = []
        if "zh" in self._filters and _CJK.search(text):
            found.extend(_best(self._filters["zh"].matches(text), text))
            found.extend(self._heard(text, {match.entry.id for match in found}))
        if "en" in self._filters and _LATIN.search(text):
            found.extend(_best(self._filters["en"].matches(text), text))
            heard = self._filters["en"].misheard(text, {match.entry.id for match in found})
            found.extend(_marked_misheard(_best(heard, text), guessed=True))
        found.extend(self._alike(text, {match.entry.id for match in found}))
        return [
            Hit(match.entry, *folded.span(match.start, match.end), match.features, match.similarity, match.guessed)
            for match in found
        ]

    def _alike(self, text: str, written: Collection[str]) -> Iterator[_Match]:
        """Entries found by an example sentence, where no pattern of theirs was."""
        for likeness in self._likeness.values():
            for like in likeness.find(text):
                if like.entry.id not in written and not _excluded(like.entry, text, like.start, like.end):
                    features = _features(like.entry, text, like.start, like.end)
                    yield _Match(like.entry, like.start, like.end, features, like.similarity)

    def _heard(self, text: str, written: Collection[str]) -> Iterator[_Match]:
        """Matches that come about once misheard terms are put right; not of entries that are found as written."""
        found: list[_Match] = []
        repair = self._ear.repair(text)
        if repair is not None:
            matches = (
                match
                for match in self._filters["zh"].matches(repair.text)
                if match.entry.id not in written and not repair.places.isdisjoint(range(match.start, match.end))
            )
            found = _best(matches, repair.text)
        put_right = {match.entry.id for match in found}
        by_sound = self._filters["zh"].misheard(text, {*written, *put_right})
        yield from _marked_misheard(found)
        yield from _marked_misheard(_best(by_sound, text), guessed=True)


@dataclass(frozen=True, slots=True)
class _Match:
    """An entry found at characters [start, end) of a folded text."""

    entry: Entry
    start: int
    end: int
    features: tuple[str, ...] = ()
    similarity: float = 1.0
    guessed: bool = False


def _excluded(entry: Entry, text: str, start: int, end: int) -> bool:
    reach = _UNLESS_REACH[entry.lang]
    around = text[max(0, start - reach) : end + reach]
    return any(exclusion.search(around) for exclusion in entry.unless)


def _features(entry: Entry, text: str, start: int, end: int) -> tuple[str, ...]:
    return tuple(f for f in features_of(text, start, end, entry.lang) if f not in entry.ignore)


class _PatternFilter:
    """The patterns of one language behind one filter; Latin and Chinese alike."""

    def __init__(self, entries: Sequence[Entry], lang: str) -> None:
        self._owners = [(entry, pattern) for entry in entries for pattern in entry.say]
        self._many = ManyPatterns([pattern.pattern for _, pattern in self._owners])
        patterns = [pattern for _, pattern in self._owners]
        self._ear: Mishearing | EnglishEar = Mishearing(patterns) if lang == "zh" else EnglishEar(patterns)
        self._indexes: dict[str, set[int]] = {}
        for index, (entry, _) in enumerate(self._owners):
            self._indexes.setdefault(entry.id, set()).add(index)

    def matches(self, text: str) -> Iterator[_Match]:
        """Every match that no exclusion forbids."""
        for index in self._many.matching(text):
            entry, pattern = self._owners[index]
            for match in pattern.finditer(text):
                if not _excluded(entry, text, match.start(), match.end()):
                    yield _Match(entry, match.start(), match.end())

    def misheard(self, text: str, written: Collection[str]) -> Iterator[_Match]:
        """Every match by sound of entries that are not `written`, and that no exclusion forbids."""
        skip = {index for entry_id in written for index in self._indexes.get(entry_id, ())}
        for owner, start, end in self._ear.find(text, skip):
            entry = self._owners[owner][0]
            if not _excluded(entry, text, start, end):
                yield _Match(entry, start, end)


def _marked_misheard(matches: Iterable[_Match], *, guessed: bool = False) -> Iterator[_Match]:
    return (replace(match, features=(*match.features, MISHEARING), guessed=guessed) for match in matches)


def _best(matches: Iterable[_Match], text: str) -> list[_Match]:
    """One match an entry: said outright before quoted or negated, then the earliest."""
    best: dict[str, tuple[int, _Match]] = {}
    for match in matches:
        entry = match.entry
        features = _features(entry, text, match.start, match.end)
        excused = sum(feature in (QUOTED, NEGATED) for feature in features)
        if entry.id not in best or excused < best[entry.id][0]:
            best[entry.id] = (excused, replace(match, features=features))
    return [match for _, match in best.values()]
