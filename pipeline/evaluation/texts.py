"""Turns from a file of categories: `utterances` said by the category's speaker, and `hard_negatives` that look alike.

A hard negative has its own speaker and, where it has one, its true label.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import InvalidInput
from pipeline.evaluation.groups import check_label
from pipeline.evaluation.reasons import is_name
from pipeline.evaluation.turns import LabelledTurn, Turns, language_of
from pipeline.records import Role

_ROLES = {"collector": Role.AGENT, "agent": Role.AGENT, "customer": Role.CUSTOMER}


def read_texts(path: Path) -> Turns:
    """Every line of a file of categories; raises InvalidInput, naming the category that can't be read, and OSError."""
    try:
        with path.open(encoding="utf-8") as file:
            raw = yaml.load(file, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError):
        raise InvalidInput(f"{path.name} is not YAML.", code="bad_categories_file") from None
    if not isinstance(raw, dict) or not isinstance(raw.get("categories"), list):
        raise InvalidInput(f"{path.name} has no list of `categories`.", code="bad_categories_file")
    turns: list[LabelledTurn] = []
    for place, category in enumerate(raw["categories"], 1):
        try:
            turns += _turns(category)
        except (KeyError, TypeError, AttributeError, InvalidInput) as error:
            name = category.get("id") if isinstance(category, dict) else None
            reason = error.message if isinstance(error, InvalidInput) else "a key is missing or of the wrong kind"
            where = name if is_name(name) else place
            end = "" if reason.endswith((".", "?")) else "."
            raise InvalidInput(f"{path.name}: category {where}: {reason}{end}", code="bad_categories_file") from None
    return Turns(turns=tuple(turns))


def _turns(category: Mapping[str, Any]) -> Iterator[LabelledTurn]:
    key = category["id"]
    check_label(key)
    for language, texts in category["utterances"].items():
        for number, text in enumerate(texts, 1):
            yield LabelledTurn(
                id=f"{key}/{language}/{number}",
                language=language_of(language),
                role=_ROLES[category["speaker"]],
                text=_said(text),
                labels=frozenset({key}),
            )
    for language, negatives in category.get("hard_negatives", {}).items():
        for number, negative in enumerate(negatives, 1):
            label = negative.get("label")
            if label:
                check_label(label)
            yield LabelledTurn(
                id=f"{key}/{language}/not-{number}",
                language=language_of(language),
                role=_ROLES[negative["speaker"]],
                text=_said(negative["text"]),
                labels=frozenset({label} if label else ()),
                hard_negative=True,
            )


def _said(text: object) -> str:
    if not isinstance(text, str) or not text.strip():
        raise InvalidInput("a text is missing or empty")
    return text
