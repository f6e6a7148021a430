"""Search as the edges use it: a question, asked within what the asker may see. Knows no engine."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select

from pipeline.search.base import Scope, SearchPage, SearchQuery, SearchReader
from pipeline.services.scope import require, visible
from pipeline.services.views import Actor, Permission
from pipeline.store.database import Database
from pipeline.store.tables import CallRow


class Search:
    """Turns who asks into the scope that goes into the question itself."""

    def __init__(self, index: SearchReader, database: Database) -> None:
        self._index = index
        self._database = database

    def query(self, actor: Actor, query: SearchQuery) -> SearchPage:
        """One page; raises Forbidden, InvalidInput (`bad_query`, `bad_cursor`), Unavailable (`index_outdated`, …)."""
        require(actor, Permission.CALLS_READ)
        page = self._index.search(query, Scope(teams=actor.teams))
        there = self._there(actor, {hit.document.call_id for hit in page.hits})
        return replace(page, hits=tuple(hit for hit in page.hits if hit.document.call_id in there))

    def _there(self, actor: Actor, calls: set[str]) -> set[str]:
        """Which of the calls still are, and the actor's: the index learns of a deletion or another team a little later.

        Totals and facets stay the index's.
        """
        with self._database.read() as session:
            return set(session.scalars(select(CallRow.id).where(visible(actor), CallRow.id.in_(calls))))
