"""One call: its page, its waves, and what a reviewer may order done with it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from api.application import application_of
from pipeline.errors import NotFound
from pipeline.records import CallStatus
from pipeline.services.views import CallDetail
from review_ui.call_view import call_page
from review_ui.render import SignedVisit
from review_ui.similar_view import similar_view
from review_ui.visits import ReaderVisit, WriterVisit, own_path
from review_ui.wave import lanes, lanes_file
from review_ui.why_view import why_view

router = APIRouter(prefix="/calls/{id}")


@router.get("")
def call(
    request: Request,
    visit: ReaderVisit,
    id: str,
    t: Annotated[float | None, Query(ge=0, le=1_000_000)] = None,
    original: bool = False,
) -> Response:
    """The page. `t` is the second at which it opens; `original` shows what is redacted and leaves an audit line."""
    detail = application_of(request).calls.get(visit.actor, id, original=original)
    at_ms = None if t is None else round(t * 1000)
    return visit.page(
        "call.html", _page(request, visit, detail, at_ms), here="queue" if detail.summary.flagged else "all"
    )


@router.get("/progress")
def progress(request: Request, visit: ReaderVisit, id: str) -> Response:
    """Where processing stands, asked again by the page until the call is done; then the page is loaded anew."""
    detail = application_of(request).calls.get(visit.actor, id)
    page = _page(request, visit, detail, None)
    over = detail.summary.status in (CallStatus.DONE, CallStatus.FAILED)
    return visit.part("parts/progress.html", page, headers={"HX-Refresh": "true"} if over else None)


@router.get("/lanes")
def lanes_of(request: Request, visit: ReaderVisit, id: str) -> Response:
    """The loudness of each lane, as bytes, for the player to draw."""
    calls = application_of(request).calls
    detail = calls.get(visit.actor, id)
    return Response(
        lanes_file(lanes(calls.peaks(visit.actor, id), detail.transcript)),
        media_type="application/octet-stream",
        headers={"Cache-Control": "no-store"},
    )


@router.get("/why")
def why(request: Request, visit: ReaderVisit, id: str, rule: Annotated[str, Query(max_length=200)]) -> Response:
    """Why a rule found what it found, as a page of its own, or as the part that a script puts into a card."""
    application = application_of(request)
    detail = application.calls.get(visit.actor, id)
    if detail.transcript is None:
        raise NotFound("This call is being processed again; its words come back when that is done.")
    page = why_view(detail, application.policies.explain(visit.actor, detail.summary.id), rule, visit.reader.words)
    if request.headers.get("hx-request") == "true":
        return visit.part("parts/why.html", page)
    return visit.page("why.html", page, here="queue" if detail.summary.flagged else "all")


@router.get("/similar")
def similar(
    request: Request,
    visit: ReaderVisit,
    id: str,
    category: Annotated[str, Query(max_length=200)],
    utterance: Annotated[int, Query(ge=0)],
) -> Response:
    """The training turns most like the words of a finding, as a page, or as the part that a script puts into a card."""
    detail = application_of(request).calls.get(visit.actor, id)
    page = similar_view(detail, category, utterance, visit.reader.words)
    if request.headers.get("hx-request") == "true":
        return visit.part("parts/similar.html", page)
    return visit.page("similar.html", page, here="queue" if detail.summary.flagged else "all")


@router.post("/retry")
def retry(request: Request, visit: WriterVisit, id: str, back: Annotated[str, Form()] = "") -> Response:
    """Tries a failed call again, and goes back to where the button was."""
    application_of(request).calls.retry(visit.actor, id)
    return RedirectResponse(own_path(back or f"/calls/{id}"), status_code=303)


@router.post("/swap-roles")
def swap_roles(request: Request, visit: WriterVisit, id: str) -> Response:
    """Takes the collector for the customer and the other way round; the call is judged again."""
    application_of(request).calls.swap_roles(visit.actor, id)
    return RedirectResponse(f"/calls/{id}", status_code=303)


def _page(request: Request, visit: SignedVisit, detail: CallDetail, at_ms: int | None) -> object:
    peaks = None
    if detail.audio is not None:
        try:
            peaks = application_of(request).calls.peaks(visit.actor, detail.summary.id)
        except NotFound:
            peaks = None  # Words and findings are worth showing without their waves.
    return call_page(detail, peaks, visit.reader, visit.actor, at_ms=at_ms)
