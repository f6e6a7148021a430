"""English words that a telephone makes alike: same consonants once voice, nose and vowels are lost.

Coarse on purpose, and apart from the matcher's own rule (`pipeline.policy.english_ear`), so that noise made with it
does not follow what is tested.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter, defaultdict
from functools import cache

from models.datasets.dialogues import domain_files

_NEGATIVE = frozenset({"no", "not", "never", "none", "nobody", "nothing", "nor", "neither", "without", "cannot"})
_SPOKEN = (
    *((r"^(kn|gn)", "n"), (r"^wr", "r"), (r"mb$", "m"), (r"bt$", "t"), (r"ph", "f"), (r"igh", "i"), (r"gh", "")),
    *((r"tch|ch", "J"), (r"dge?(?=[iey])|j", "J"), (r"sh|[st]ion|ci(?=a)", "S"), (r"th", "f"), (r"wh", "w")),
    *((r"c(?=[iey])", "s"), (r"ck|c|q", "k"), (r"x", "ks"), (r"z", "s"), (r"v", "f"), (r"d", "t"), (r"b", "p")),
    *((r"g", "k"), (r"m", "n"), (r"ll?", "l"), (r"(?<=[aeiou])r(?![aeiou])", ""), (r"h", ""), (r"e$", "")),
    *((r"[aeiouy]+", "a"), (r"(.)\1+", r"\1")),
)
"""Spelling to sound, roughly, in order."""
_WORD = re.compile(r"[a-z]+(?:['’][a-z]+)*")
_KNOWN_FROM = 8
"""A word of the dialogues so frequent is one that recognition may write for another."""
_LIKE = 0.5
"""So much of the letters two words share (difflib's ratio)."""
_MOST = 6


def is_negation(word: str) -> bool:
    """Whether its loss or gain is another meaning, not the same one misheard (`word` in lower case)."""
    plain = word.replace("’", "'")
    return plain.partition("'")[0] in _NEGATIVE or plain.endswith("n't")


@cache
def sounds_like(word: str) -> tuple[str, ...]:
    """Other words that may be written for this one (lower case), the commonest first; none for a negation."""
    if is_negation(word):
        return ()
    others = [other for other in _by_sound().get(_sound(word), ()) if other != word and _alike(word, other)]
    return tuple(others[:_MOST])


def _alike(word: str, other: str) -> bool:
    return difflib.SequenceMatcher(a=word, b=other, autojunk=False).ratio() >= _LIKE


def _sound(word: str) -> str:
    sound = re.sub(r"['’]", "", word)
    for spelt, spoken in _SPOKEN:
        sound = re.sub(spelt, spoken, sound)
    return sound


@cache
def _by_sound() -> dict[str, list[str]]:
    """The common words of the dialogues by their sound, the commonest first."""
    counts: Counter[str] = Counter()
    for path in domain_files("en"):
        counts.update(_WORD.findall(path.read_text(encoding="utf-8").lower()))
    found: dict[str, list[str]] = defaultdict(list)
    for word, count in counts.most_common():
        if count >= _KNOWN_FROM and len(word) > 1 and not is_negation(word):
            found[_sound(word)].append(word)
    return found
