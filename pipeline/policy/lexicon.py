"""What words mean: entries of phrases and patterns per category, read from a folder of lexicon files.

Knows how entries are written, not how they are found (`matching`) nor what follows from them (`rules`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import re2

from pipeline.policy.categories import CUES, categories
from pipeline.policy.features import FEATURES
from pipeline.policy.folding import fold_text
from pipeline.policy.patterns import Slots, read_slots
from pipeline.policy.source import Node, read, suggestion
from pipeline.records import Role

LANGUAGES = ("zh", "en")
LIKE_FROM = 0.62
"""How much of an example must be said where an entry does not say otherwise."""
_SHORTEST_EXAMPLE = {"zh": 6, "en": 16}


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One way of saying a category: patterns (`say`), or sentences that it is like (`like`, from a similarity on).

    `ignore` are features that say nothing here (a refusal is itself a negation).
    """

    id: str
    category: str
    lang: str
    role: Role
    score: float
    say: tuple[re2._Regexp, ...]
    unless: tuple[re2._Regexp, ...]
    ignore: frozenset[str]
    like: tuple[str, ...] = ()
    like_from: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Lexicon:
    """The entries of one language and its terms to recognise by sound; `sounds_partly` must keep one character."""

    name: str
    lang: str
    entries: tuple[Entry, ...]
    sounds: frozenset[str]
    sounds_partly: frozenset[str]


def read_lexicon(folder: Path) -> Lexicon:
    """The lexicon of a folder: `slots.yaml` (language, concepts, sounds) and its other files. Raises BadPolicy."""
    base = read(folder / "slots.yaml").fields(["lang"], ["slots", "sounds", "sounds_partly"])
    lang = base["lang"].text()
    if lang not in LANGUAGES:
        base["lang"].fail(f"'{lang}' is not one of {', '.join(LANGUAGES)}.")
    slots = read_slots(base.get("slots"), lang)
    entries: dict[str, Entry] = {}
    for path in sorted(folder.glob("*.yaml")):
        if path.name == "slots.yaml":
            continue
        for category, node in read(path).fields(["lexicon"])["lexicon"].mapping().items():
            for entry, raw in _entries(lang, category, node, slots):
                if entry.id in entries:
                    raw.fail(f"the entry {entry.id} stands in two files; rename one.")
                entries[entry.id] = entry
    return Lexicon(
        name=folder.name,
        lang=lang,
        entries=tuple(entries.values()),
        sounds=frozenset(base["sounds"].texts()) if "sounds" in base else frozenset(),
        sounds_partly=frozenset(base["sounds_partly"].texts()) if "sounds_partly" in base else frozenset(),
    )


def read_own_lexicon(node: Node, pack: str, lang: str, folder: Path) -> Lexicon:
    """The entries that a pack brings itself, with the slots of the language's shipped lexicon."""
    base = read(folder / "slots.yaml").fields(["lang"], ["slots", "sounds", "sounds_partly"])
    slots = read_slots(base.get("slots"), lang)
    found = [
        entry
        for category, raw in node.mapping().items()
        for entry, _ in _entries(f"{pack}.{lang}", category, raw, slots)
    ]
    return Lexicon(
        name=f"{pack}.{lang}", lang=lang, entries=tuple(found), sounds=frozenset(), sounds_partly=frozenset()
    )


def _entries(prefix: str, category: str, node: Node, slots: Slots) -> Iterator[tuple[Entry, Node]]:
    role = _role_of(category, node)
    for name, raw in node.mapping().items():
        yield _entry(f"{prefix}.{category}.{name}", category, role, raw, slots), raw


def _role_of(category: str, node: Node) -> Role:
    if category in CUES:
        return CUES[category].role
    if category not in categories():
        node.fail(f"there is no category or cue '{category}'{suggestion(category, [*categories(), *CUES])}")
    return categories()[category].role


def _entry(entry_id: str, category: str, role: Role, node: Node, slots: Slots) -> Entry:
    f = node.fields(["score"], ["say", "like", "like_from", "unless", "ignore", "role"])
    if "say" not in f and "like" not in f:
        node.fail("an entry needs patterns ('say') or example sentences ('like').")
    ignore = f["ignore"].texts() if "ignore" in f else ()
    for feature in ignore:
        if feature not in FEATURES:
            f["ignore"].fail(f"unknown feature '{feature}'{suggestion(feature, FEATURES)}")
    return Entry(
        id=entry_id,
        category=category,
        lang=slots.lang,
        role=f["role"].one_of(Role) if "role" in f else role,
        score=f["score"].number(0.05, 1.0),
        say=_compiled(f["say"], slots) if "say" in f else (),
        unless=_as_one(_compiled(f["unless"], slots)) if "unless" in f else (),
        ignore=frozenset(ignore),
        like=_examples(f["like"], slots.lang) if "like" in f else (),
        like_from=f["like_from"].number(0.3, 1.0) if "like_from" in f else LIKE_FROM,
    )


def _as_one(patterns: tuple[re2._Regexp, ...]) -> tuple[re2._Regexp, ...]:
    """Any of the patterns at once: an entry's exclusions are asked for every match."""
    return (re2.compile("|".join(f"(?:{pattern.pattern})" for pattern in patterns)),)


def _examples(node: Node, lang: str) -> tuple[str, ...]:
    """Example sentences in the folded form."""
    folded = []
    for part in node.parts():
        text = fold_text(part.text())
        if len(text) < _SHORTEST_EXAMPLE[lang]:
            part.fail("an example sentence this short is like too much; write a pattern, or a whole sentence.")
        folded.append(text)
    return tuple(folded)


def _compiled(node: Node, slots: Slots) -> tuple[re2._Regexp, ...]:
    parts: Sequence[Node] = [node] if isinstance(node.raw.value, str) else node.sequence()
    return tuple(slots.compile(part, part.text()) for part in parts)
