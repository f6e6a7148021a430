"""An index in memory: plain loops that say what the contract means. For tests, and for trying things out."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from pipeline.search import cursor, fields
from pipeline.search.analysis import Analysis, analyse
from pipeline.search.base import Hit, Scope, SearchPage, SearchQuery, Sort, UtteranceDocument
from pipeline.search.highlight import highlights
from pipeline.search.query import Node, matches, parse, wanted


@dataclass(frozen=True, slots=True)
class _Place:
    """The rank of the last hit shown."""

    score: int
    order: int
    id: str


@dataclass(frozen=True, slots=True)
class _Entry:
    document: UtteranceDocument
    analysis: Analysis
    order: int
    keywords: Mapping[str, tuple[str, ...]]


class MemoryIndex:
    """Stands behind SearchIndex; one process only. Relevance is how often the words asked for stand in the text."""

    def __init__(self) -> None:
        self._committed: dict[str, tuple[_Entry, ...]] = {}
        self._pending: dict[str, tuple[_Entry, ...]] = {}
        self._lock = threading.Lock()

    def replace_call(self, call_id: str, documents: Sequence[UtteranceDocument]) -> None:
        with self._lock:
            self._pending[call_id] = tuple(map(_entry, documents))

    def delete_call(self, call_id: str) -> None:
        self.replace_call(call_id, ())

    def commit(self) -> None:
        with self._lock:
            merged = self._committed | self._pending
            self._committed = {call_id: entries for call_id, entries in merged.items() if entries}
            self._pending = {}

    def rebuild(self, documents: Iterable[UtteranceDocument]) -> None:
        calls: dict[str, list[_Entry]] = {}
        for document in documents:
            calls.setdefault(document.call_id, []).append(_entry(document))
        with self._lock:
            self._committed = {call_id: tuple(entries) for call_id, entries in calls.items()}
            self._pending = {}

    def search(self, query: SearchQuery, scope: Scope) -> SearchPage:
        node = parse(query.text)
        after = cursor.read(_Place, query, scope)
        found = [entry for entry in self._entries() if _allowed(entry, query, scope) and matches(node, entry.analysis)]
        ranked = sorted(((_place(entry, node, query.sort), entry) for entry in found), key=lambda item: _rank(item[0]))
        rest = [item for item in ranked if after is None or _rank(item[0]) > _rank(after)]
        page = rest[: query.limit]
        patterns = tuple(wanted(node))
        return SearchPage(
            hits=tuple(Hit(document=e.document, highlights=highlights(e.document.text, patterns)) for _, e in page),
            total_hits=len(found),
            total_calls=len({entry.document.call_id for entry in found}),
            facets={
                name: fields.facet(Counter(value for entry in found for value in entry.keywords[name]).items())
                for name in fields.FACETS
            },
            histogram=_histogram(found),
            next_cursor=cursor.make(page[-1][0], query, scope) if len(rest) > len(page) else None,
        )

    def count(self) -> int:
        return sum(1 for _ in self._entries())

    def close(self) -> None:
        with self._lock:
            self._pending = {}

    def _entries(self) -> Iterable[_Entry]:
        return (entry for entries in self._committed.values() for entry in entries)


def _entry(document: UtteranceDocument) -> _Entry:
    return _Entry(
        document=document,
        analysis=analyse(document.text),
        order=fields.order(document),
        keywords={name: values(document) for name, values in fields.KEYWORDS.items()},
    )


def _allowed(entry: _Entry, query: SearchQuery, scope: Scope) -> bool:
    day = fields.day_of(entry.document)
    if query.date_from and (day is None or day < fields.day_number(query.date_from)):
        return False
    if query.date_to and (day is None or day > fields.day_number(query.date_to)):
        return False
    if not scope.allows(entry.document.team):
        return False
    return all(set(values) & set(entry.keywords[name]) for name, values in fields.limits(query).items())


def _place(entry: _Entry, node: Node, sort: Sort) -> _Place:
    score = 0
    if sort is Sort.RELEVANCE:
        score = sum(1 for pattern in wanted(node) for _ in pattern.places(entry.analysis))
    return _Place(score, entry.order, entry.document.id)


def _rank(place: _Place) -> tuple[int, int, str]:
    return (-place.score, -place.order, place.id)


def _histogram(found: list[_Entry]) -> tuple[tuple[date, int], ...]:
    days = Counter(day for entry in found if (day := fields.day_of(entry.document)) is not None)
    return tuple((fields.day_from(day), count) for day, count in sorted(days.items()))
