"""The queue of flagged calls, and the list of all."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import AwareDatetime
from starlette.responses import Response

from api.application import application_of
from pipeline.records import Distress
from pipeline.services.views import CallFilter, CallSort, Permission
from review_ui.queue_view import PAGE_SIZE, NewerView, asked_of, queue_page
from review_ui.visits import ReaderVisit

router = APIRouter()

_MOST_CRITICAL = 5
"""Rows of the lane on top; where there are more, its last line leads to all."""


@router.get("/")
def queue(request: Request, visit: ReaderVisit) -> Response:
    """The whole page; a script that narrows or lengthens the list takes what it needs out of it."""
    calls = application_of(request).calls
    asked = asked_of(request.query_params)
    cursor = request.query_params.get("cursor")
    counts = calls.counts(visit.actor)
    found = calls.list(visit.actor, asked.filter(), sort=asked.sort, cursor=cursor, limit=PAGE_SIZE)
    danger = None
    if counts.distress_critical and not cursor:
        critical = CallFilter(distress=frozenset({Distress.CRITICAL}))
        danger = calls.list(visit.actor, critical, sort=CallSort.OLDEST, cursor=None, limit=_MOST_CRITICAL)
    writes = Permission.CALLS_WRITE in visit.actor.permissions
    page = queue_page(asked, found, danger, counts, visit.reader, can_write=writes)
    return visit.page("queue.html", page, here="all" if asked.everything else "queue")


@router.get("/queue/newer")
def newer(request: Request, visit: ReaderVisit, since: AwareDatetime) -> Response:
    """How many calls of this list came since it was read: said, never pushed into the list.

    A call comes into the queue when it is judged, into the list of all when it is received.
    """
    asked = asked_of(request.query_params)
    count = application_of(request).calls.newer(visit.actor, asked.filter(), since, judged=not asked.everything)
    return visit.part("parts/newer.html", NewerView(count=count, href=asked.href()))
