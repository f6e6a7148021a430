"""What a search asks for, as the page's address says it: parsed, changed by a click, and turned into a question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from pipeline.records import Distress, Jurisdiction, Role, Severity
from pipeline.search.base import SearchQuery, Sort

PAGE_SIZE = 40

FACETS: Mapping[str, str] = {
    "role": "role",
    "severity": "severity",
    "distress": "distress",
    "categories": "category",
    "agent_id": "agent",
    "team": "team",
    "product": "product",
    "jurisdiction": "jurisdiction",
    "lang": "lang",
}
"""The index's fields that the page narrows by, in their order there, and their names in the address."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchAsked:
    """What the address asks for."""

    text: str = ""
    chosen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    date_from: date | None = None
    date_to: date | None = None
    sort: Sort = Sort.NEWEST

    def href(self, **more: str) -> str:
        pairs = [("q", self.text)] if self.text else []
        pairs += [(name, value) for name, values in self.chosen.items() for value in values]
        pairs += [(n, d.isoformat()) for n, d in (("from", self.date_from), ("to", self.date_to)) if d]
        if self.sort is not Sort.NEWEST:
            pairs.append(("sort", self.sort.value))
        pairs += more.items()
        return f"/search?{urlencode(pairs)}" if pairs else "/search"

    def toggled(self, name: str, value: str) -> SearchAsked:
        before = self.chosen.get(name, ())
        after = tuple(v for v in before if v != value) if value in before else (*before, value)
        return replace(self, chosen={**self.chosen, name: after})

    def between(self, start: date | None, end: date | None) -> SearchAsked:
        return replace(self, date_from=start, date_to=end)

    def sorted_by(self, sort: Sort) -> SearchAsked:
        return replace(self, sort=sort)

    @property
    def narrowed(self) -> bool:
        return any(self.chosen.values()) or self.date_from is not None or self.date_to is not None

    @property
    def empty(self) -> bool:
        return not self.text.strip() and not self.narrowed

    def query(self, cursor: str | None) -> SearchQuery:
        """The question for the index; raises InvalidInput for one that can't be asked."""
        chosen = self.chosen
        return SearchQuery(
            text=self.text,
            roles=frozenset(Role(v) for v in chosen.get("role", ())),
            severities=frozenset(Severity(v) for v in chosen.get("severity", ())),
            distress=frozenset(Distress(v) for v in chosen.get("distress", ())),
            jurisdictions=frozenset(Jurisdiction(v) for v in chosen.get("jurisdiction", ())),
            categories=frozenset(chosen.get("category", ())),
            agents=frozenset(chosen.get("agent", ())),
            teams=frozenset(chosen.get("team", ())),
            products=frozenset(chosen.get("product", ())),
            langs=frozenset(chosen.get("lang", ())),
            date_from=self.date_from,
            date_to=self.date_to,
            sort=self.sort,
            limit=PAGE_SIZE,
            cursor=cursor,
        )


def search_asked_of(query: QueryParams) -> SearchAsked:
    """What the address asks for; values that do not exist are left out."""
    known: Mapping[str, tuple[str, ...]] = {
        "role": tuple(Role),
        "severity": tuple(Severity),
        "distress": tuple(Distress),
        "jurisdiction": tuple(Jurisdiction),
    }
    chosen = {
        name: tuple(dict.fromkeys(str(v) for v in query.getlist(name) if v and v in known.get(name, (v,))))
        for name in FACETS.values()
    }
    return SearchAsked(
        text=query.get("q", ""),
        chosen={name: values for name, values in chosen.items() if values},
        date_from=_date(query.get("from")),
        date_to=_date(query.get("to")),
        sort=Sort.RELEVANCE if query.get("sort") == Sort.RELEVANCE else Sort.NEWEST,
    )


def _date(raw: str | None) -> date | None:
    try:
        return date.fromisoformat(raw) if raw else None
    except ValueError:
        return None
