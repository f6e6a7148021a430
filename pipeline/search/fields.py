"""What an engine keeps of a document and how a question limits it: one definition, so engines agree by construction."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping
from datetime import date

from pipeline.search.analysis import ANALYSER_VERSION, tokens
from pipeline.search.base import SearchQuery, UtteranceDocument

SCHEMA_VERSION = 1
"""Raise it when the fields of this module change."""

STAMP = {"schema": SCHEMA_VERSION, "analyser": ANALYSER_VERSION}
"""Stored beside an index; an index with another one must be rebuilt."""

TOKENS = "tokens"
ORDER = "order"
DAY = "day"

MOST_DAYS = 3660
"""Days of a histogram: ten years."""

LONGEST_FACET = 50
"""Values of a facet that a page shows."""

_UTTERANCE_BITS = 14
_CALL_BITS = 16


def _one(value: str | None) -> tuple[str, ...]:
    return () if value is None else (str(value),)


def _flag(value: bool) -> str:
    return "true" if value else "false"


KEYWORDS: Mapping[str, Callable[[UtteranceDocument], tuple[str, ...]]] = {
    "id": lambda document: (document.id,),
    "call_id": lambda document: (document.call_id,),
    "account_ref": lambda document: _one(document.account_ref),
    "role": lambda document: (document.role.value,),
    "lang": lambda document: (document.lang,),
    "categories": lambda document: tuple(sorted(set(document.categories))),
    "team": lambda document: _one(document.team),
    "agent_id": lambda document: _one(document.agent_id),
    "jurisdiction": lambda document: _one(document.jurisdiction),
    "product": lambda document: _one(document.product),
    "severity": lambda document: _one(document.severity),
    "distress": lambda document: (document.distress.value,),
    "flagged": lambda document: (_flag(document.flagged),),
}
"""Exact values by field: searched as they are, none, one or several."""

FACETS = tuple(name for name in KEYWORDS if name not in ("id", "call_id", "account_ref"))
"""The fields whose values a page counts."""


def limits(query: SearchQuery) -> dict[str, tuple[str, ...]]:
    """The filters of a question: a document passes when, in each field named, it has one of the values."""
    asked: dict[str, Iterable[str]] = {
        "call_id": query.calls,
        "account_ref": query.accounts,
        "role": query.roles,
        "lang": query.langs,
        "categories": query.categories,
        "team": query.teams,
        "agent_id": query.agents,
        "jurisdiction": query.jurisdictions,
        "product": query.products,
        "severity": query.severities,
        "distress": query.distress,
        "flagged": () if query.flagged is None else (_flag(query.flagged),),
    }
    return {name: tuple(sorted(map(str, values))) for name, values in asked.items() if values}


def token_text(document: UtteranceDocument) -> str:
    """The tokens with spaces between, for a field that an engine splits at white space."""
    return " ".join(tokens(document.text))


def order(document: UtteranceDocument) -> int:
    """The place of a document under Sort.NEWEST as one integer below 2**63, highest first.

    Second of the call, then 16 bits that keep the utterances of one call together, then the utterance, backwards.
    Equal keys (two calls of one second with equal bits) are told apart by id.
    """
    second = max(0, int(document.started_at.timestamp())) if document.started_at else 0
    call = zlib.crc32(document.call_id.encode()) & (1 << _CALL_BITS) - 1
    last = (1 << _UTTERANCE_BITS) - 1
    return (second << _CALL_BITS | call) << _UTTERANCE_BITS | (last - min(document.utterance, last))


def day_of(document: UtteranceDocument) -> int | None:
    """The day on the call centre's own clock (the offset it sent), as the number YYYYMMDD; None without a time."""
    return day_number(document.started_at.date()) if document.started_at else None


def day_number(day: date) -> int:
    return day.year * 10_000 + day.month * 100 + day.day


def day_from(number: int) -> date:
    return date(number // 10_000, number // 100 % 100, number % 100)


def facet(counts: Iterable[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    """The counts of one facet in the order and length a page shows."""
    return tuple(sorted(counts, key=lambda item: (-item[1], item[0]))[:LONGEST_FACET])
