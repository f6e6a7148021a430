"""Training dialogues: a plain text format that people can write and review, read into examples.

A block begins with `@dialogue TITLE` (turns that follow each other) or `@lines` (each stands alone). A turn is
`A LABELS: text` or `C LABELS: text`; A is the agent, C the customer, LABELS are categories with commas between, and
`!KIND` marks a hard negative: a turn that looks as if it held something and does not. Lines with # are remarks.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from models.line import Line

DOMAIN, VALIDATION, CHECK = (Path(__file__).parent / name for name in ("domain", "validation", "check"))
"""The project's own dialogues to learn from, those of other hands to choose and calibrate by, and more of self-harm to
choose by; the first part of a file's name is its language."""
KINDS = frozenset({"quoted", "denied", "hypothetical", "idiom", "lawful", "swearing", "firm", "other"})
"""Why a hard negative only looks like something."""
CONTEXT = 2
"""Turns before an example that it is read with."""
_ROW = re.compile(r"([AC])((?: [^:：]+)?)[:：]\s*(.+)")
_ROLES = {"A": "agent", "C": "customer"}


class BadDialogue(ValueError):
    """A line that is no turn; the message names file and line, never the words."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """A turn with at most two turns before it, oldest first. `kind` is set for hard negatives.

    `judged` are the labels that somebody looked for, None where that is all: of the others nothing is known.
    """

    source: str
    number: int
    lang: str
    line: Line
    context: tuple[Line, ...] = ()
    labels: frozenset[str] = frozenset()
    kind: str | None = None
    judged: frozenset[str] | None = None
    in_dialogue: bool = False

    @property
    def id(self) -> str:
        """Which file and line it is."""
        return f"{self.source}:{self.number}"


def read_dialogues(paths: Iterable[Path]) -> list[Example]:
    """Every turn of the files, in order; raises BadDialogue and OSError."""
    return [example for path in paths for example in _read(path)]


def domain_files(lang: str | None = None) -> list[Path]:
    """The project's own files, of one language or of all."""
    return sorted(DOMAIN.glob(f"{lang or '*'}-*.txt"))


def validation_files(lang: str | None = None) -> list[Path]:
    """Dialogues that no model is trained on, of one language or of all."""
    return sorted(VALIDATION.glob(f"{lang or '*'}-*.txt"))


def check_files(lang: str | None = None) -> list[Path]:
    """More that no model is trained on, of one language or of all: statements of self-harm, most of them quiet, beside
    what resembles them."""
    return sorted(CHECK.glob(f"{lang or '*'}-*.txt"))


@cache
def domain_example(id: str) -> Example | None:
    """The project's own turn of this name, None where there is none; only its file is read."""
    source = id.partition(":")[0]
    files = [path for path in domain_files() if path.stem == source]
    return next((example for example in read_dialogues(files) if example.id == id), None)


def _read(path: Path) -> Iterator[Example]:
    lang = path.stem.partition("-")[0]
    before: list[Line] | None = None
    in_dialogue = False
    for number, raw in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        text = raw.strip()
        if not text or text.startswith("#"):
            continue
        if text.startswith("@"):
            in_dialogue, before = text.startswith("@dialogue"), []
            continue
        match = _ROW.fullmatch(text)
        if match is None or before is None:
            raise BadDialogue(f"{path.name}, line {number}: not a turn inside a block")
        line = Line(_ROLES[match[1]], match[3].strip())
        labels, kind = _labels(match[2], path, number)
        yield Example(
            source=path.stem,
            number=number,
            lang=lang,
            line=line,
            context=tuple(before[-CONTEXT:]),
            labels=labels,
            kind=kind,
            in_dialogue=in_dialogue,
        )
        if in_dialogue:
            before.append(line)


def _labels(raw: str, path: Path, number: int) -> tuple[frozenset[str], str | None]:
    parts = [part.strip() for part in raw.split(",") if part.strip()]
    kinds = [part[1:] for part in parts if part.startswith("!")]
    if len(kinds) > 1 or not KINDS.issuperset(kinds):
        raise BadDialogue(f"{path.name}, line {number}: a hard negative is of one kind: {', '.join(sorted(KINDS))}")
    return frozenset(part for part in parts if not part.startswith("!")), kinds[0] if kinds else None


# --- near-duplicates --------------------------------------------------------------------------------------------------

NEAR = 0.6
"""Two texts whose character 5-grams overlap more than this (Jaccard) say the same thing once."""
_GRAM = 5


def grams(text: str) -> frozenset[str]:
    """The character 5-grams of the letters and digits; the whole text where it is shorter."""
    plain = re.sub(r"[\W_]+", "", text.lower())
    return frozenset(plain[at : at + _GRAM] for at in range(max(1, len(plain) - _GRAM + 1)))


def without_near_duplicates(examples: Sequence[Example], known: Sequence[str] = ()) -> list[Example]:
    """The examples that are no near-duplicate of an earlier one, nor of a `known` text.

    A short answer is compared with other examples alone, words before it included: it may be said in a known text, too.
    """
    sets = [*map(grams, known), *map(_grams_of, examples)]
    counts = Counter(gram for each in sets for gram in each)
    seen = _Seen(counts)
    for each in sets[: len(known)]:
        seen.is_new(each)
    return [e for e, each in zip(examples, sets[len(known) :], strict=True) if seen.is_new(each)]


def near_duplicates_of(known: Sequence[str], examples: Sequence[Example]) -> list[Example]:
    """The examples that say the same as one of the `known` texts."""
    sets = [grams(text) for text in known]
    seen = _Seen(Counter(gram for each in sets for gram in each))
    for each in sets:
        seen.is_new(each)
    return [example for example in examples if seen.holds(_grams_of(example))]


def _grams_of(example: Example) -> frozenset[str]:
    """A short answer is its own only gram: said again after other words it is another example."""
    text = example.line.text
    if len(text) >= 2 * _GRAM:
        return grams(text)
    before = example.context[-1].text if example.context else ""
    return frozenset({f"{example.line.role}|{before}|{text}"})


class _Seen:
    """Sets taken so far.

    Two that overlap by more than `NEAR` share one of their rarest grams, so only these are looked up (prefix filtering:
    Chaudhuri, Ganti and Kaushik 2006).
    """

    def __init__(self, counts: Mapping[str, int]) -> None:
        self._counts = counts
        self._sets: list[frozenset[str]] = []
        self._with: dict[str, list[int]] = {}

    def is_new(self, candidate: frozenset[str]) -> bool:
        """Whether nothing like it was taken before; it then is."""
        rarest = self._rarest(candidate)
        if self._like(candidate, rarest):
            return False
        for gram in rarest:
            self._with.setdefault(gram, []).append(len(self._sets))
        self._sets.append(candidate)
        return True

    def holds(self, candidate: frozenset[str]) -> bool:
        """Whether something like it was taken before."""
        return self._like(candidate, self._rarest(candidate))

    def _rarest(self, candidate: frozenset[str]) -> list[str]:
        rarest = sorted(candidate, key=lambda gram: (self._counts[gram], gram))
        return rarest[: len(rarest) - math.ceil(NEAR * len(rarest)) + 1]

    def _like(self, candidate: frozenset[str], rarest: Sequence[str]) -> bool:
        size = len(candidate)
        least, most = NEAR * size, size / NEAR  # a set of any other size can't overlap enough
        for other in {place for gram in rarest for place in self._with.get(gram, ())}:
            taken = self._sets[other]
            if least <= len(taken) <= most:
                both = len(candidate & taken)
                if both > NEAR * (size + len(taken) - both):
                    return True
        return False
