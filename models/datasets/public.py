"""Public text under free licences, as examples: what it says of abuse or distress, and ordinary talk.

A set says at most that a turn belongs to a group, never to a category. The files (`NAME.jsonl.xz`) are not part of the
repository.
"""

from __future__ import annotations

import json
import lzma
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from models.datasets.dialogues import Example
from models.line import Line

_SADNESS = frozenset({"grief", "sadness", "fear", "remorse"})
_LONGEST = 300
_SHORTEST = 8

Labels = Callable[[Any], frozenset[str]]


def _if(group: str, holds: Callable[[Any], bool]) -> Labels:
    return lambda label: frozenset({group}) if holds(label) else frozenset()


_LABELS: Mapping[str, tuple[str, str, Labels]] = {
    "cold": ("zh", "agent", _if("abuse", lambda label: label["offensive"] == 1)),
    "tdavidson": ("en", "agent", _if("abuse", lambda label: label != "neither")),
    "convabuse": ("en", "agent", _if("abuse", lambda label: label["abusive_majority"] == 1)),
    "goemotions": ("en", "customer", _if("distress", lambda label: not _SADNESS.isdisjoint(label))),
    "casino": ("en", "customer", _if("", lambda _: False)),
    "multidogo": ("en", "customer", _if("", lambda _: False)),
}
"""Language, whose turn it is taken for, and the group that a set's own label speaks of."""

MEASURED, _DRAW = 3000, 7
"""So many first texts of a set are kept to measure by, and ordinary talk to learn from comes after them: in one draw of
its own, so that no recipe's seed mixes the two."""


def public_texts(folder: Path, name: str, count: int, *, seed: int) -> list[str]:
    """So many texts of a set, drawn once; raises FileNotFoundError where the set is not there."""
    return [text for text, _ in _drawn(folder, name, count, seed)]


def public_examples(folder: Path, name: str, count: int, *, seed: int) -> list[Example]:
    """So many turns of a set with the group that it speaks of.

    Raises FileNotFoundError where the set is not there, KeyError for one whose labels are not known.
    """
    lang, role, labels = _LABELS[name]
    return [
        Example(source=name, number=at, lang=lang, line=Line(role, text), labels=labels(label))
        for at, (text, label) in enumerate(_drawn(folder, name, count, seed))
    ]


def measured_talk(folder: Path, name: str) -> list[str]:
    """The texts of a set that are kept to measure by; raises FileNotFoundError where the set is not there."""
    return public_texts(folder, name, MEASURED, seed=_DRAW)


def ordinary_talk(folder: Path, name: str, count: int, judged: frozenset[str]) -> list[Example]:
    """So many texts of a set as turns of a customer in which none of the `judged` labels occurs, past `MEASURED` ones.

    That is taken for granted, not looked up: people write of anything, and of these labels hardly ever. Raises as
    `public_examples` does.
    """
    lang, _, _ = _LABELS[name]
    texts = public_texts(folder, name, MEASURED + count, seed=_DRAW)[MEASURED:]
    return [
        Example(source=f"{name}-ordinary", number=at, lang=lang, line=Line("customer", text), judged=judged)
        for at, text in enumerate(texts)
    ]


def _drawn(folder: Path, name: str, count: int, seed: int) -> list[tuple[str, Any]]:
    with lzma.open(folder / f"{name}.jsonl.xz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    found = [(text, row.get("label")) for row in rows if len(text := row["text"][:_LONGEST]) >= _SHORTEST]
    random.Random(f"{seed}/{name}").shuffle(found)
    return found[:count]
