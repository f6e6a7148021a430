"""Errors on the wire: RFC 9457 problem details with a stable `code` and the request's id.

Knows which class of error is which status. Never shows what was said in a call, what was sent, or how we are built.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from pipeline.errors import (
    ConfigError,
    Conflict,
    ForbearError,
    Forbidden,
    InvalidInput,
    NotFound,
    StageFailed,
    Unavailable,
)

log = structlog.get_logger("forbear.api")

MEDIA_TYPE = "application/problem+json"
SERVER_FAULT = (
    "Something went wrong on our side. Nothing that was accepted is lost; quote the request id when you report it."
)


class NotSignedIn(ForbearError):
    """The request carries no valid token and no valid session."""

    code = "not_signed_in"


class CrossSite(Forbidden):
    """A request that changes something came from another site with this user's cookie."""

    code = "cross_site"


class TooLarge(InvalidInput):
    """The body is larger than allowed."""

    code = "too_large"


class TooManyAttempts(ForbearError):
    """Too many failed sign-ins; `retry_after_s` says when to try again."""

    code = "too_many_attempts"

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class SignInBusy(TooManyAttempts):
    """More people sign in at this moment than passwords are checked at once; nobody did anything wrong."""

    code = "sign_in_busy"


class RangeNotSatisfiable(InvalidInput):
    """The byte range lies outside the file, which is `size` bytes long."""

    code = "range_not_satisfiable"

    def __init__(self, message: str, *, size: int) -> None:
        super().__init__(message)
        self.size = size


_STATUS: tuple[tuple[type[ForbearError], HTTPStatus], ...] = (
    (NotSignedIn, HTTPStatus.UNAUTHORIZED),
    (TooManyAttempts, HTTPStatus.TOO_MANY_REQUESTS),
    (TooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (RangeNotSatisfiable, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE),
    (InvalidInput, HTTPStatus.UNPROCESSABLE_ENTITY),
    (NotFound, HTTPStatus.NOT_FOUND),
    (Forbidden, HTTPStatus.FORBIDDEN),
    (Conflict, HTTPStatus.CONFLICT),
    (StageFailed, HTTPStatus.CONFLICT),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
)
"""The first class that fits gives the status; what is not listed is our fault and a 500."""

_PHRASES = {413: "Content Too Large", 416: "Range Not Satisfiable", 422: "Unprocessable Content"}
"""RFC 9110's phrases where Python's HTTPStatus still says the older ones before 3.13."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """What went wrong, before anyone decides whether it is shown as JSON or as a page."""

    status: int
    code: str
    detail: str
    errors: Sequence[Mapping[str, Any]] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return _PHRASES.get(self.status) or HTTPStatus(self.status).phrase


class Refusal(ForbearError):
    """Carries a problem whose members a route worked out itself."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail, code=problem.code)
        self.problem = problem


RenderProblem = Callable[[Request, Problem], Response]


def problem_of(error: Exception) -> Problem:
    """The problem that an exception becomes; anything unforeseen is a plain 500."""
    if isinstance(error, Refusal):
        return error.problem
    if isinstance(error, RequestValidationError):
        return _validation(error)
    if isinstance(error, HTTPException):
        return _http(error)
    if isinstance(error, ForbearError) and not isinstance(error, ConfigError):
        for kind, status in _STATUS:
            if isinstance(error, kind):
                return Problem(status=status, code=error.code, detail=error.message, headers=_headers(error))
    return Problem(status=500, code="internal_error", detail=SERVER_FAULT)


def _headers(error: ForbearError) -> Mapping[str, str]:
    if isinstance(error, NotSignedIn):
        return {"WWW-Authenticate": 'Bearer realm="forbear"'}
    if isinstance(error, TooManyAttempts):
        return {"Retry-After": str(error.retry_after_s)}
    if isinstance(error, RangeNotSatisfiable):
        return {"Content-Range": f"bytes */{error.size}"}
    return {}


def _validation(error: RequestValidationError) -> Problem:
    """Where and why, never the value itself: it may be a password or a transcript."""
    errors = [{"where": ".".join(str(p) for p in e["loc"]), "why": e["msg"]} for e in error.errors()]
    names = ", ".join(e["where"] for e in errors)
    return Problem(status=422, code="invalid_request", detail=f"Mend these and send it again: {names}.", errors=errors)


def _http(error: HTTPException) -> Problem:
    """The framework's own errors: no such route, wrong method, a body that is no JSON."""
    status = HTTPStatus(error.status_code)
    detail = {404: "There is nothing at this address.", 405: "This address does not take this method."}.get(
        status, status.description or status.phrase
    )
    return Problem(status=status, code=status.name.lower(), detail=detail, headers=dict(error.headers or {}))


def respond(request: Request, error: Exception) -> Response:
    """The response for an exception: problem+json under /api and /health, elsewhere a page if one was registered."""
    problem = problem_of(error)
    if problem.status >= 500:
        # The message of a foreign exception may quote a row or a word of a call; type and place are enough to find it.
        log.error(
            "request_failed",
            error=type(error).__name__,
            code=getattr(error, "code", None),
            reason=getattr(error, "reason", None),
            trace=_places(error),
        )
    render: RenderProblem | None = getattr(request.app.state, "render_problem", None)
    if render is not None and not request.url.path.startswith(("/api/", "/health/")):
        return render(request, problem)
    return as_json(request, problem)


def _places(error: Exception) -> list[str]:
    """Where it happened: our own frames, and the last three, whoever's they are."""
    frames = traceback.extract_tb(error.__traceback__)
    shown = [f for f in frames[:-3] if "site-packages" not in f.filename] + frames[-3:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in shown]


def as_json(request: Request, problem: Problem) -> Response:
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
        "request_id": getattr(request.state, "request_id", None),
        **problem.extra,
    }
    if problem.errors:
        body["errors"] = list(problem.errors)
    return JSONResponse(body, status_code=problem.status, headers=dict(problem.headers), media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Every error of a route becomes a problem; what escapes even these is caught by `observe.RequestLog`."""

    def handle(request: Request, error: Exception) -> Response:
        # Plain, so that it runs in a thread: a page about an error asks the database who is looking, and how many wait.
        return respond(request, error)

    for kind in (ForbearError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, handle)


def render_pages_with(app: FastAPI, render: RenderProblem) -> None:
    """Show problems outside /api and /health with `render`: the review pages have words and a layout for them."""
    app.state.render_problem = render
