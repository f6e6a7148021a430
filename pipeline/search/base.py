"""The seam every search engine stands behind: what is indexed, what may be asked, what comes back.

A document is one utterance, already redacted. Permission is part of the question (`Scope`), never a filter over
answers. The index is a cache: whoever owns the database can throw it away and rebuild it. Knows no engine and no
database.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from pipeline.errors import InvalidInput
from pipeline.records import Distress, Jurisdiction, Role, Severity

MAX_LIMIT = 200
"""The most hits one page may hold."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UtteranceDocument:
    """One utterance as it may be found. `text` is redacted; `flagged`, `severity`, `distress` are those of its call."""

    id: str
    call_id: str
    utterance: int
    role: Role
    lang: str
    start_ms: int
    end_ms: int
    text: str
    categories: tuple[str, ...] = ()
    team: str | None = None
    agent_id: str | None = None
    account_ref: str | None = None
    jurisdiction: Jurisdiction | None = None
    product: str | None = None
    started_at: datetime | None = None
    flagged: bool = False
    severity: Severity | None = None
    distress: Distress = Distress.NONE
    revision: int = 0


class Sort(StrEnum):
    """NEWEST: latest call first, within a call as spoken, calls without a time last. RELEVANCE: the engine's score."""

    NEWEST = "newest"
    RELEVANCE = "relevance"


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchQuery:
    """A question. An empty `text` matches everything, an empty filter allows everything, filters are ANDed.

    `text` is what a person typed (pipeline.search.query has the syntax). Dates are days as the call centre's own clock
    read them, both ends included. `cursor` is a page's `next_cursor` and only fits the same question.
    """

    text: str = ""
    roles: frozenset[Role] = frozenset()
    categories: frozenset[str] = frozenset()
    teams: frozenset[str] = frozenset()
    agents: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()
    calls: frozenset[str] = frozenset()
    jurisdictions: frozenset[Jurisdiction] = frozenset()
    langs: frozenset[str] = frozenset()
    products: frozenset[str] = frozenset()
    severities: frozenset[Severity] = frozenset()
    distress: frozenset[Distress] = frozenset()
    flagged: bool | None = None
    date_from: date | None = None
    date_to: date | None = None
    sort: Sort = Sort.NEWEST
    limit: int = 20
    cursor: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= MAX_LIMIT:
            raise InvalidInput(f"A page holds 1 to {MAX_LIMIT} hits; ask for a limit in that range.", code="bad_query")
        if self.date_from and self.date_to and self.date_from > self.date_to:
            raise InvalidInput("The first day lies after the last day; swap them.", code="bad_query")


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """What the asker may see: these teams' calls, or with None everything. A call without a team needs None."""

    teams: frozenset[str] | None

    @classmethod
    def everything(cls) -> Scope:
        return cls(teams=None)

    def allows(self, team: str | None) -> bool:
        return self.teams is None or team in self.teams


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    """A found utterance. `highlights` are half-open character ranges of `document.text`, in order, not overlapping."""

    document: UtteranceDocument
    highlights: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchPage:
    """A page of hits, and what all hits together (not the page) look like.

    `total_calls` may be an estimate where many calls match. `facets` count utterances by value, most frequent first;
    `histogram` counts them by day, in order of days. `next_cursor` is None on the last page.
    """

    hits: tuple[Hit, ...] = ()
    total_hits: int = 0
    total_calls: int = 0
    facets: Mapping[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    histogram: tuple[tuple[date, int], ...] = ()
    next_cursor: str | None = None


class SearchReader(Protocol):
    """Reads an index; any number may be open, in any process, and each sees a commit as soon as it is made."""

    def search(self, query: SearchQuery, scope: Scope) -> SearchPage:
        """Raises InvalidInput (`bad_query`, `bad_cursor`) and Unavailable (`index_outdated`, `index_damaged`, …)."""
        ...

    def count(self) -> int:
        """How many documents there are, whoever asks; raises Unavailable like `search`."""
        ...

    def close(self) -> None: ...


class SearchIndex(SearchReader, Protocol):
    """An index open for writing; at most one is open where the engine is embedded.

    Changes are seen after `commit`; what was not committed before `close` or a crash is lost, and is sent again by its
    source. Sending the same documents again changes nothing.
    """

    def replace_call(self, call_id: str, documents: Sequence[UtteranceDocument]) -> None:
        """Makes `documents` all that is known of the call; raises Unavailable (`index_outdated`: rebuild it)."""
        ...

    def delete_call(self, call_id: str) -> None: ...

    def commit(self) -> None: ...

    def rebuild(self, documents: Iterable[UtteranceDocument]) -> None:
        """Replaces everything, also an outdated or damaged index; readers see the old state until the new is whole.

        Changes not committed are dropped. If `documents` raises, the old index stays.
        """
        ...
