"""Work: what waits, runs and failed, once or as a stream of changes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
from fastapi import APIRouter, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from api.application import application_of
from api.auth import Reader, actor_of
from api.examples import EVENTS, JOBS
from api.live import Changed, Depth, Gone, Watch
from api.schemas.calls import CallOut
from api.schemas.jobs import JobsOut
from api.schemas.wire import answers, problems
from pipeline.errors import Unavailable
from pipeline.records import CallStatus
from pipeline.services.views import CallFilter, CallSort, Permission

router = APIRouter(prefix="/api/v1/jobs", tags=["jobs"])

RUNNING_SHOWN = 200
FAILURES_SHOWN = 20
LOOK_EVERY_S = 1.0


@router.get(
    "",
    operation_id="listJobs",
    summary="What waits, runs and failed lately",
    responses={**answers(200, JOBS, "The work."), **problems(401, 403)},
)
def list_jobs(request: Request, actor: Reader) -> JobsOut:
    """Each running call says its stage and how far it is."""
    application = application_of(request)

    def calls(status: CallStatus, limit: int) -> list[CallOut]:
        condition = CallFilter(statuses=frozenset({status}))
        page = application.calls.list(actor, condition, sort=CallSort.NEWEST, cursor=None, limit=limit)
        return [CallOut.of(call) for call in page.calls]

    return JobsOut(
        depth=application.jobs.depth(),
        running=calls(CallStatus.RUNNING, RUNNING_SHOWN),
        recent_failures=calls(CallStatus.FAILED, FAILURES_SHOWN),
    )


@router.get(
    "/events",
    operation_id="watchJobs",
    summary="Changes as they happen, as server-sent events",
    response_class=EventSourceResponse,
    responses={
        200: {"description": "A stream.", "content": {"text/event-stream": {"example": EVENTS}}},
        **problems(401, 403),
    },
)
async def watch_jobs(request: Request, actor: Reader) -> AsyncIterator[ServerSentEvent]:
    """`depth` with the numbers of the queue, `call` with a call as in a list, `gone` with the id of a deleted one.

    It begins with every call that is queued or running. It ends with `signed-out` when the session or token ends.
    """
    watch = Watch(application_of(request))
    while True:
        # Asked again each time: a stream must not outlive the session that opened it.
        present = await run_in_threadpool(actor_of, request)
        if present is None or Permission.CALLS_READ not in present.permissions:
            yield ServerSentEvent(event="signed-out", data={})
            return
        try:
            changes = await run_in_threadpool(watch.look, present)
        except Unavailable:
            changes = []
        for change in changes:
            yield _event(change)
        await anyio.sleep(LOOK_EVERY_S)


def _event(change: Changed | Gone | Depth) -> ServerSentEvent:
    match change:
        case Changed(call=call):
            return ServerSentEvent(event="call", data=CallOut.of(call))
        case Gone(id=id):
            return ServerSentEvent(event="gone", data={"id": id})
        case Depth(depth=depth):
            return ServerSentEvent(event="depth", data=dict(depth))
