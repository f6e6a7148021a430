"""Search in what was said."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.application import application_of
from pipeline.errors import InvalidInput, NotFound, Unavailable
from review_ui.search_asked import search_asked_of
from review_ui.search_view import context_view, search_page
from review_ui.visits import ReaderVisit

router = APIRouter(prefix="/search")


@router.get("")
def search(request: Request, visit: ReaderVisit) -> Response:
    """The page with hits; a question that can't be asked is answered beside the box, not with an error page."""
    asked = search_asked_of(request.query_params)
    found, problem, detail = None, "", ""
    if not asked.empty:
        try:
            found = application_of(request).search.query(visit.actor, asked.query(request.query_params.get("cursor")))
        except (InvalidInput, Unavailable) as error:
            problem = visit.reader.words.named("search.problem", error.code)
            if problem == error.code:
                problem, detail = visit.reader.words("search.problem"), error.message
    page = search_page(asked, found, visit.reader, problem=problem, detail=detail)
    return visit.page("search.html", page, here="search")


@router.get("/context")
def context(request: Request, visit: ReaderVisit, call: str, utterance: int) -> Response:
    """A found utterance between its neighbours."""
    detail = application_of(request).calls.get(visit.actor, call)
    if detail.transcript is None:
        raise NotFound("This call is being processed again; its words come back when that is done.")
    return visit.part("parts/context.html", context_view(detail.transcript, utterance, visit.reader.words))
