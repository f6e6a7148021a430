"""Probes: whether this process answers, and whether what it stands on does. They need no token and show no call."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from api.application import application_of
from api.examples import NOT_READY, READY
from api.schemas.health import CheckOut, LiveOut, ReadyOut
from api.schemas.wire import answers

router = APIRouter(prefix="/health", tags=["health"])


@router.get(
    "/live",
    operation_id="isLive",
    summary="This process answers",
    responses=answers(200, {"status": "ok"}, "It does."),
)
def live() -> LiveOut:
    """Restart the process when this fails."""
    return LiveOut(status="ok")


@router.get(
    "/ready",
    operation_id="isReady",
    summary="Database, index and workers answer",
    responses={
        **answers(200, READY, "All do."),
        **answers(503, NOT_READY, "One does not; `detail` says what to do."),
    },
)
def ready(request: Request, response: Response) -> ReadyOut:
    """Send work elsewhere, or call somebody, when this fails."""
    checks = application_of(request).health.checks()
    well = all(check.ok for check in checks)
    response.status_code = 200 if well else 503
    return ReadyOut(status="ok" if well else "degraded", checks=[CheckOut.model_validate(c) for c in checks])
