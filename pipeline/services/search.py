"""Search as the edges use it: a question, asked within what the asker may see. Knows no engine."""

from __future__ import annotations

from pipeline.search.base import Scope, SearchPage, SearchQuery, SearchReader
from pipeline.services.scope import require
from pipeline.services.views import Actor, Permission


class Search:
    """Turns who asks into the scope that goes into the question itself."""

    def __init__(self, index: SearchReader) -> None:
        self._index = index

    def query(self, actor: Actor, query: SearchQuery) -> SearchPage:
        """One page; raises Forbidden, InvalidInput (`bad_query`, `bad_cursor`), Unavailable (`index_outdated`, …)."""
        require(actor, Permission.CALLS_READ)
        return self._index.search(query, Scope(teams=actor.teams))
