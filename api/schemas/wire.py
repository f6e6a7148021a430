"""What every shape shares, the problem shape, and how an operation is described."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ConfigDict

from api.errors import MEDIA_TYPE


class Wire(BaseModel):
    """A shape that is sent; it can be read off the value of the same field names."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class Asked(BaseModel):
    """A shape that is received: a name that is not known is refused rather than ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FieldProblem(Wire):
    """One value that is wrong: where it stood and why it was refused."""

    where: str
    why: str


class ProblemBody(Wire):
    """An error, as RFC 9457 has it. `code` is stable and meant for programs; `detail` is for people."""

    model_config = ConfigDict(extra="allow", title="Problem")

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str | None
    errors: list[FieldProblem] | None = None


Responses = dict[int | str, dict[str, Any]]

_REASONS: dict[int, tuple[str, str]] = {
    401: ("not_signed_in", "Sign in, or send a valid token: Authorization: Bearer TOKEN."),
    403: ("forbidden", "This needs the permission calls:write; ask an administrator for it."),
    404: ("call_not_found", "There is no such call, or none that you may see."),
    409: ("already_queued", "This call waits for its processing already."),
    413: ("too_large", "The file is larger than 1000000000 bytes, the most one upload may hold."),
    416: ("range_not_satisfiable", "The file has 81920 bytes; ask for a range inside it."),
    422: ("invalid_request", "Mend these and send it again: query.limit."),
    429: ("too_many_attempts", "Too many wrong passwords; try again in a quarter of an hour."),
    503: ("unavailable", "The search index is not there yet; start a worker with: forbear worker"),
}


def problems(*statuses: int) -> Responses:
    """The description of the errors an operation may answer with, each with an example."""
    described: Responses = {}
    for status in statuses:
        code, detail = _REASONS[status]
        example = {
            "type": "about:blank",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "detail": detail,
            "code": code,
            "request_id": "9f2c41d07a6be853",
        }
        described[status] = {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}},
        }
    return described


def answers(status: int, example: Any, description: str) -> Responses:
    """The description of a JSON answer, with an example of it."""
    return {status: {"description": description, "content": {"application/json": {"example": example}}}}


def audio(status: int, media_type: str, description: str) -> Responses:
    """The description of an answer that is sound."""
    content = {media_type: {"schema": {"type": "string", "format": "binary"}, "example": "(binary)"}}
    return {status: {"description": description, "content": content}}
