"""How much of an example sentence an utterance says: overlap of what it is made of, rare parts counting more.

Chinese is compared by pairs of characters, English by the stems of words and pairs of them, sentence by sentence.
Knows no category beyond the entries that the examples belong to.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pipeline.policy.inflection import stem
from pipeline.policy.lexicon import Entry

_SENTENCE = re.compile(r"[^.?]+")
_WORD = re.compile(r"[a-z0-9$£€%']+|[\u3400-\u9fff]")
_COMMON_EN = frozenset(
    _WORD.findall(
        "a an the i you he she it we they is are be am do does did will would can could to of in on at and or but so "
        "if that this your my our me us them for with not have has had was were just there here what when how"
    )
)


@dataclass(frozen=True, slots=True)
class Like:
    """An entry whose example is said at characters [start, end), to the degree `similarity` (0 to 1)."""

    entry: Entry
    start: int
    end: int
    similarity: float


class Likeness:
    """The examples of some entries of one language, behind an index of their parts. Immutable once built."""

    def __init__(self, entries: Iterable[Entry], lang: str) -> None:
        self._lang = lang
        self._examples = [
            (entry, Counter(p for p, _, _ in self._parts(text))) for entry in entries for text in entry.like
        ]
        holders = Counter(part for _, parts in self._examples for part in parts)
        count = len(self._examples)
        self._weight = {part: math.log(1 + count / held) for part, held in holders.items()}
        self._whole = [sum(self._weight[p] for p in parts) for _, parts in self._examples]
        self._index: dict[str, list[int]] = {}
        for number, (_, parts) in enumerate(self._examples):
            for part in parts:
                self._index.setdefault(part, []).append(number)

    def find(self, text: str) -> Iterator[Like]:
        """For each entry its likest example, where it is like enough."""
        if not self._examples:
            return
        best: dict[str, Like] = {}
        for sentence in _SENTENCE.finditer(text):
            parts = self._parts(sentence[0])
            shared: dict[int, float] = {}
            for part in {p for p, _, _ in parts}:
                for number in self._index.get(part, ()):
                    shared[number] = shared.get(number, 0.0) + self._weight[part]
            for number, weight in shared.items():
                entry, wanted = self._examples[number]
                similarity = weight / self._whole[number]
                held = best.get(entry.id)
                if similarity >= entry.like_from and (held is None or similarity > held.similarity):
                    places = [(a, b) for p, a, b in parts if p in wanted]
                    start = sentence.start() + min(a for a, _ in places)
                    end = sentence.start() + max(b for _, b in places)
                    best[entry.id] = Like(entry, start, end, similarity)
        yield from best.values()

    def _parts(self, text: str) -> Sequence[tuple[str, int, int]]:
        """What a sentence is made of, with the characters each part spans."""
        words = [(stem(m[0]) if self._lang == "en" else m[0], m.start(), m.end()) for m in _WORD.finditer(text)]
        if self._lang == "en":
            kept = [(w, a, b) for w, a, b in words if w not in _COMMON_EN]
            return [*kept, *((f"{w} {v}", a, d) for (w, a, _), (v, _, d) in pairwise(kept))]
        return [(w + v, a, d) for (w, a, _), (v, _, d) in pairwise(words)]
