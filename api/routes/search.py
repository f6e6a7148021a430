"""Search in what was said."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from api.application import application_of
from api.auth import Reader
from api.examples import SEARCH_PAGE
from api.schemas.search import SearchAsked, SearchPageOut
from api.schemas.wire import answers, problems

router = APIRouter(tags=["search"])


@router.get(
    "/api/v1/search",
    operation_id="searchUtterances",
    summary="Utterances that fit, with facets",
    responses={**answers(200, SEARCH_PAGE, "One page of hits."), **problems(401, 403, 422, 503)},
)
def search_utterances(request: Request, actor: Reader, asked: Annotated[SearchAsked, Query()]) -> SearchPageOut:
    """Only redacted text is searched. Simplified and traditional characters find each other; "quotes" make a phrase."""
    return SearchPageOut.of(application_of(request).search.query(actor, asked.query))
