"""The one list of account facts: their names, the type that each takes, and what they mean in both languages.

Knows no rule and no call: rules look names up here when a pack is read, intake checks values against it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from pathlib import Path

from pipeline.policy.source import POLICY_DIR, Node, read, suggestion

_AMOUNT = re.compile(r"[+-]?\d{1,15}(\.\d{1,4})?")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class FactType(StrEnum):
    """What a fact's value has to be, as JSON."""

    BOOLEAN = "boolean"
    DATE = "date"
    AMOUNT = "amount"
    TEXT = "text"
    LIST = "list"
    CHOICE = "choice"


_TAKES = {
    FactType.BOOLEAN: "true or false",
    FactType.DATE: "a date such as 2026-03-01",
    FactType.AMOUNT: "a number such as 1250.50",
    FactType.TEXT: "a text",
    FactType.LIST: "a list",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """One thing that may be known of an account. `values` are those of a choice, else empty."""

    name: str
    type: FactType
    values: tuple[str, ...]
    zh: str
    en: str

    @property
    def takes(self) -> str:
        """What it takes, for a sentence."""
        return f"one of {', '.join(self.values)}" if self.type is FactType.CHOICE else _TAKES[self.type]

    def accepts(self, value: object) -> bool:
        """Whether a value is of the fact's type; null always is: it says that the fact is not known."""
        match self.type:
            case _ if value is None:
                return True
            case FactType.BOOLEAN:
                return isinstance(value, bool)
            case FactType.DATE:
                return isinstance(value, str) and _is_day(value)
            case FactType.AMOUNT:
                return _is_amount(value)
            case FactType.TEXT:
                return isinstance(value, str)
            case FactType.LIST:
                return isinstance(value, list | tuple)
            case FactType.CHOICE:
                return value in self.values


def read_facts(path: Path) -> dict[str, Fact]:
    """The facts of a file by name; raises BadPolicy with the place of a mistake."""
    found: dict[str, Fact] = {}
    for name, node in read(path).fields(["facts"])["facts"].mapping().items():
        f = node.fields(["type", "zh", "en"], ["values"])
        kind = f["type"].one_of(FactType)
        if (kind is FactType.CHOICE) != ("values" in f):
            node.fail(
                f"'{name}' is a choice without values." if kind is FactType.CHOICE else "only a choice has values."
            )
        values = f["values"].texts() if "values" in f else ()
        found[name] = Fact(name=name, type=kind, values=values, zh=f["zh"].text(), en=f["en"].text())
    return found


@cache
def facts() -> Mapping[str, Fact]:
    """All facts by name, in the order of the file."""
    return read_facts(POLICY_DIR / "facts.yaml")


def check_fact(node: Node) -> str:
    """The name of a fact that a policy file mentions; raises BadPolicy with its place when there is no such fact."""
    name = node.text()
    if name not in facts():
        node.fail(f"there is no account fact '{name}'{suggestion(name, facts())}")
    return name


def misfit(given: Mapping[str, object]) -> Fact | None:
    """The first known fact whose value is of another type than it takes; facts of other names are none of ours."""
    known = facts()
    return next(
        (known[name] for name, value in given.items() if name in known and not known[name].accepts(value)), None
    )


def _is_day(text: str) -> bool:
    try:
        return bool(_DAY.fullmatch(text)) and date.fromisoformat(text).year >= 1900
    except ValueError:
        return False


def _is_amount(value: object) -> bool:
    if isinstance(value, str):
        return bool(_AMOUNT.fullmatch(value))
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
