"""Single turns whose truth is known or asked for, each with what was said before it, as lines of JSON.

A line that can't be read is told by its number and the reason, and the others count. No reason holds words of a call.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from pipeline.errors import InvalidInput
from pipeline.evaluation.groups import check_label
from pipeline.evaluation.reasons import named
from pipeline.records import Role

_PREVIOUS = re.compile(r"\s*(agent|customer)\s*[:：](.*)", re.IGNORECASE | re.DOTALL)
_ROLES = {"agent": Role.AGENT, "customer": Role.CUSTOMER}


class TurnLanguage(StrEnum):
    ZH = "zh"
    ZH_HANS = "zh-Hans"
    ZH_HANT = "zh-Hant"
    EN = "en"
    MIXED = "mixed"

    @property
    def spoken(self) -> str:
        """The language that a score counts it under: mixed calls are Mandarin calls with English in them."""
        return "en" if self is TurnLanguage.EN else "zh"


@dataclass(frozen=True, kw_only=True, slots=True)
class SpokenLine:
    role: Role
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelledTurn:
    """One turn to judge, `previous` oldest first. `labels` is None where the truth is not told.

    `hard_negative` marks a turn that only looks like something, in files that say so.
    """

    id: str | int
    language: TurnLanguage
    role: Role
    previous: tuple[SpokenLine, ...] = ()
    text: str
    labels: frozenset[str] | None
    hard_negative: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class BadLine:
    number: int
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Turns:
    """What a file holds: the turns in its order, and the lines that could not be read."""

    turns: tuple[LabelledTurn, ...]
    bad: tuple[BadLine, ...] = ()


def read_turns(path: Path) -> Turns:
    """The turns of a file of JSON lines; blank lines count as lines and say nothing. Raises OSError."""
    turns: list[LabelledTurn] = []
    bad: list[BadLine] = []
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            line = raw.removeprefix(b"\xef\xbb\xbf").strip() if number == 1 else raw.strip()
            if not line:
                continue
            try:
                turns.append(parse_turn(line, number))
            except InvalidInput as error:
                bad.append(BadLine(number=number, reason=error.message))
    return Turns(turns=tuple(turns), bad=tuple(bad))


def parse_turn(line: bytes, number: int) -> LabelledTurn:
    """One line; without an id it is known by its number. Raises InvalidInput with the reason."""
    raw = _object(line)
    return LabelledTurn(
        id=_id(raw.get("id"), number),
        language=language_of(raw.get("lang")),
        role=_role(raw.get("spk")),
        previous=_previous(raw.get("prev")),
        text=_text(raw.get("text")),
        labels=_labels(raw.get("labels")),
    )


def as_json_line(turn: LabelledTurn) -> str:
    """The line that `parse_turn` reads as this turn; `hard_negative` has no key of its own and is lost."""
    value: dict[str, Any] = {
        "id": turn.id,
        "lang": turn.language.value,
        "spk": turn.role.value,
        "prev": [f"{line.role.value}: {line.text}" for line in turn.previous],
        "text": turn.text,
    }
    if turn.labels is not None:
        value["labels"] = sorted(turn.labels)
    return json.dumps(value, ensure_ascii=False)


def language_of(value: object) -> TurnLanguage:
    """A language as written, in any case, with a hyphen or an underscore; raises InvalidInput."""
    wanted = value.strip().replace("_", "-").lower() if isinstance(value, str) else None
    for language in TurnLanguage:
        if language.lower() == wanted:
            return language
    raise InvalidInput(f"lang: {named(value)} is not one of {', '.join(TurnLanguage)}")


def _object(line: bytes) -> Mapping[str, Any]:
    try:
        raw = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        raise InvalidInput("not UTF-8") from None
    except (ValueError, RecursionError):
        raise InvalidInput("not JSON") from None
    if not isinstance(raw, dict):
        raise InvalidInput("not a JSON object")
    return raw


def _id(value: object, number: int) -> str | int:
    if value is None:
        return number
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InvalidInput("id: neither text nor a whole number")
    return _unicode(value, "id") if isinstance(value, str) else value


def _role(value: object) -> Role:
    role = _ROLES.get(value.strip().lower()) if isinstance(value, str) else None
    if role is None:
        raise InvalidInput(f"spk: {named(value)} is neither agent nor customer")
    return role


def _previous(value: object) -> tuple[SpokenLine, ...]:
    """What was said before; a line of nobody's words is as if it were not there."""
    if value is None:
        return ()
    if not isinstance(value, list):
        raise InvalidInput("prev: not a list")
    lines: list[SpokenLine] = []
    for place, item in enumerate(value, 1):
        match = _PREVIOUS.fullmatch(item) if isinstance(item, str) else None
        if match is None:
            raise InvalidInput(f"prev: item {place} does not begin with 'agent:' or 'customer:'")
        if text := _unicode(match[2], "prev").strip():
            lines.append(SpokenLine(role=_ROLES[match[1].lower()], text=text))
    return tuple(lines)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise InvalidInput("text: missing, or not text")
    if not value.strip():
        raise InvalidInput("text: empty")
    return _unicode(value, "text").strip()


def _labels(value: object) -> frozenset[str] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(label, str) for label in value):
        raise InvalidInput("labels: not a list of names")
    for label in value:
        check_label(label)
    return frozenset(value)


def _unicode(text: str, key: str) -> str:
    """JSON can write half a character, which no text can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidInput(f"{key}: holds half a character (a lone surrogate)") from None
    return text
