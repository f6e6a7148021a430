"""Calls: the list, one whole, and what a person may order done with one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from api.application import application_of
from api.auth import Deleter, Reader, Writer
from api.examples import CALL, CALL_DETAIL, CALL_PAGE, COUNTS
from api.schemas.calls import CallDetailOut, CallOut, CallPageOut, CallQuery, CountsOut
from api.schemas.wire import answers, problems
from pipeline.services.views import Actor

router = APIRouter(prefix="/api/v1/calls", tags=["calls"])

CallId = Annotated[
    str,
    Path(
        max_length=200,
        description="The call's id, an unambiguous beginning of it, or the source system's call_id.",
        examples=["01J0M3Z8K2"],
    ),
]
Original = Annotated[
    bool, Query(description="Without redaction: needs the permission calls:original and leaves an audit line.")
]


@router.get(
    "",
    operation_id="listCalls",
    summary="Calls, filtered, sorted, page by page",
    responses={**answers(200, CALL_PAGE, "One page."), **problems(401, 403, 422)},
)
def list_calls(request: Request, actor: Reader, asked: Annotated[CallQuery, Query()]) -> CallPageOut:
    """Send `next_cursor` back as `cursor`, with the same conditions and sort, for the next page."""
    page = application_of(request).calls.list(
        actor, asked.conditions, sort=asked.sort, cursor=asked.cursor, limit=asked.limit
    )
    return CallPageOut.of(page)


@router.get(
    "/counts",
    operation_id="countCalls",
    summary="Numbers over all calls",
    responses={**answers(200, COUNTS, "The numbers."), **problems(401, 403)},
)
def count_calls(request: Request, actor: Reader) -> CountsOut:
    """How many calls stand where, within what you may see."""
    return CountsOut.of(application_of(request).calls.counts(actor))


@router.get(
    "/{id}",
    operation_id="getCall",
    summary="One call with transcript and findings",
    responses={**answers(200, CALL_DETAIL, "The call."), **problems(401, 403, 404, 422)},
)
def get_call(request: Request, actor: Reader, id: CallId, original: Original = False) -> CallDetailOut:
    """Words are redacted unless `original` is asked for."""
    return CallDetailOut.of_detail(application_of(request).calls.get(actor, id, original=original))


@router.post(
    "/{id}/retry",
    operation_id="retryCall",
    summary="Try a failed call again",
    status_code=202,
    responses={**answers(202, CALL, "Queued."), **problems(401, 403, 404, 409, 422)},
)
def retry_call(request: Request, actor: Writer, id: CallId) -> CallOut:
    """Only a failed call can be tried again; see reprocess for others."""
    application_of(request).calls.retry(actor, id)
    return _now(request, actor, id)


@router.post(
    "/{id}/reprocess",
    operation_id="reprocessCall",
    summary="Process a call again",
    status_code=202,
    responses={**answers(202, CALL, "Queued."), **problems(401, 403, 404, 409, 422)},
)
def reprocess_call(request: Request, actor: Writer, id: CallId) -> CallOut:
    """Only steps whose inputs, model or policy changed are done again; the result is a new revision."""
    application_of(request).calls.reprocess(actor, id)
    return _now(request, actor, id)


@router.post(
    "/{id}/swap-roles",
    operation_id="swapRoles",
    summary="Swap collector and customer",
    status_code=202,
    responses={**answers(202, CALL, "Queued."), **problems(401, 403, 404, 409, 422)},
)
def swap_roles(request: Request, actor: Writer, id: CallId) -> CallOut:
    """For a call whose speakers were taken for each other; it is judged again from the detectors on."""
    application_of(request).calls.swap_roles(actor, id)
    return _now(request, actor, id)


@router.delete(
    "/{id}",
    operation_id="deleteCall",
    summary="Delete a call for good",
    status_code=204,
    responses={204: {"description": "Gone."}, **problems(401, 403, 404, 422)},
)
def delete_call(request: Request, actor: Deleter, id: CallId) -> None:
    """Recording, transcript, findings and index entries go; the audit log keeps that it was deleted, and by whom."""
    application_of(request).calls.delete(actor, id)


def _now(request: Request, actor: Actor, id: str) -> CallOut:
    return CallOut.of(application_of(request).calls.get(actor, id).summary)
