"""Search on the wire: what may be asked of the transcripts, and hits with the ranges to highlight."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Self

from pydantic import Field

from api.schemas.wire import Asked, Wire
from pipeline.records import Distress, Jurisdiction, Role, Severity
from pipeline.search.base import MAX_LIMIT, Hit, SearchPage, SearchQuery, Sort


class SearchAsked(Asked):
    """`q` is what a person types; the filters hold together, and one given several times takes any of its values."""

    q: str = Field("", max_length=1000)
    role: frozenset[Role] = frozenset()
    category: frozenset[str] = frozenset()
    team: frozenset[str] = frozenset()
    agent: frozenset[str] = frozenset()
    account: frozenset[str] = frozenset()
    call: frozenset[str] = frozenset()
    jurisdiction: frozenset[Jurisdiction] = frozenset()
    lang: frozenset[str] = frozenset()
    product: frozenset[str] = frozenset()
    severity: frozenset[Severity] = frozenset()
    distress: frozenset[Distress] = frozenset()
    flagged: bool | None = None
    date_from: date | None = None
    date_to: date | None = Field(None, description="The last day; it is included.")
    sort: Sort = Sort.NEWEST
    limit: int = Field(20, ge=1, le=MAX_LIMIT)
    cursor: str | None = Field(None, max_length=4000)

    @property
    def query(self) -> SearchQuery:
        return SearchQuery(
            text=self.q,
            roles=self.role,
            categories=self.category,
            teams=self.team,
            agents=self.agent,
            accounts=self.account,
            calls=self.call,
            jurisdictions=self.jurisdiction,
            langs=self.lang,
            products=self.product,
            severities=self.severity,
            distress=self.distress,
            flagged=self.flagged,
            date_from=self.date_from,
            date_to=self.date_to,
            sort=self.sort,
            limit=self.limit,
            cursor=self.cursor,
        )


class HitOut(Wire):
    """A found utterance, redacted. `highlights` are half-open character ranges of `text`."""

    call: str
    utterance: int
    role: Role
    lang: str
    start_ms: int
    end_ms: int
    text: str
    highlights: list[tuple[int, int]]
    categories: list[str]
    team: str | None
    agent_id: str | None
    started_at: datetime | None
    flagged: bool
    severity: Severity | None
    distress: Distress

    @classmethod
    def of(cls, hit: Hit) -> Self:
        document = hit.document
        return cls(
            call=document.call_id,
            utterance=document.utterance,
            role=document.role,
            lang=document.lang,
            start_ms=document.start_ms,
            end_ms=document.end_ms,
            text=document.text,
            highlights=list(hit.highlights),
            categories=list(document.categories),
            team=document.team,
            agent_id=document.agent_id,
            started_at=document.started_at,
            flagged=document.flagged,
            severity=document.severity,
            distress=document.distress,
        )


class FacetOut(Wire):
    """A value and in how many utterances it stands."""

    value: str
    count: int


class DayOut(Wire):
    """A day and how many utterances were found on it."""

    day: date
    count: int


class SearchPageOut(Wire):
    """A page of hits, and what all hits together look like. `total_calls` may be an estimate where many match."""

    hits: list[HitOut]
    total_hits: int
    total_calls: int
    facets: Mapping[str, list[FacetOut]]
    histogram: list[DayOut]
    next_cursor: str | None

    @classmethod
    def of(cls, page: SearchPage) -> Self:
        return cls(
            hits=[HitOut.of(hit) for hit in page.hits],
            total_hits=page.total_hits,
            total_calls=page.total_calls,
            facets={
                name: [FacetOut(value=value, count=count) for value, count in counts]
                for name, counts in page.facets.items()
            },
            histogram=[DayOut(day=day, count=count) for day, count in page.histogram],
            next_cursor=page.next_cursor,
        )
