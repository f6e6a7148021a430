"""Bringing recordings in, and watching them being processed. The files themselves go to the API."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.application import application_of
from pipeline.services.views import CallFilter, CallSort
from review_ui.render import SignedVisit
from review_ui.upload_view import LISTED, JobsView, jobs_view, upload_page
from review_ui.visits import WriterVisit

router = APIRouter(prefix="/upload")


@router.get("")
def upload(request: Request, visit: WriterVisit) -> Response:
    limit = request.app.state.settings.upload_limit
    page = upload_page(_jobs(request, visit), visit.reader.words, limit_bytes=limit)
    return visit.page("upload.html", page, here="upload")


@router.get("/jobs")
def jobs(request: Request, visit: WriterVisit) -> Response:
    """The list of recordings alone, asked again by the page while it is open."""
    return visit.part("parts/jobs.html", _jobs(request, visit))


def _jobs(request: Request, visit: SignedVisit) -> JobsView:
    calls = application_of(request).calls
    newest = calls.list(visit.actor, CallFilter(), sort=CallSort.NEWEST, cursor=None, limit=LISTED)
    return jobs_view(newest, calls.counts(visit.actor).by_status, visit.reader)
