"""Recordings come in."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from api.application import application_of
from api.auth import Writer
from api.errors import Problem, Refusal
from api.examples import RECEIPT
from api.schemas.recordings import ReceiptOut
from api.schemas.wire import answers, problems
from api.upload import receive_upload
from pipeline.services.views import IntakeResult, Outcome
from pipeline.store.folders import private_folder

PATH = "/api/v1/recordings"

router = APIRouter(tags=["recordings"])

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary", "description": "The recording."},
                        "metadata": {"type": "object", "description": "What the source system knows of the call."},
                    },
                },
                "encoding": {"metadata": {"contentType": "application/json"}},
                "example": {
                    "file": "(binary)",
                    "metadata": {
                        "call_id": "2024-0611-0042",
                        "account_ref": "A-7731",
                        "agent_id": "a-17",
                        "team": "north",
                        "started_at": "2024-06-11T09:30:00+08:00",
                        "jurisdiction": "CN",
                        "channels": "agent-left",
                    },
                },
            },
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}, "example": "(binary)"},
        },
    }
}


@router.post(
    PATH,
    operation_id="uploadRecording",
    summary="Take in one recording",
    status_code=201,
    responses={
        **answers(201, RECEIPT, "Accepted; it will be processed."),
        **answers(200, {**RECEIPT, "outcome": "duplicate", "same_as": "0042.wav"}, "Known; or its metadata updated."),
        **problems(401, 403, 413, 422),
    },
    openapi_extra=_BODY,
)
async def upload_recording(
    request: Request,
    response: Response,
    actor: Writer,
    filename: Annotated[
        str | None, Query(max_length=1000, description="The file's name, when the body is the bytes alone.")
    ] = None,
) -> ReceiptOut:
    """A form with a part `file` and perhaps a part `metadata` (JSON), or the bytes alone with `?filename=`.

    The same bytes again are answered with the call that is there; with other metadata, the call is updated and judged
    again. A file that can't be taken in is refused with its reason's code and stays visible as a failed call.
    """
    settings = request.app.state.settings
    async with receive_upload(
        request, file_name=filename, limit=settings.upload_limit, folder=private_folder(settings.tmp_dir)
    ) as upload:
        result = await run_in_threadpool(
            application_of(request).intake.accept,
            actor,
            upload.file,
            file_name=upload.file_name,
            metadata=upload.metadata,
        )
    if result.outcome is Outcome.REFUSED:
        raise Refusal(_refused(result))
    if result.outcome is not Outcome.ACCEPTED:
        response.status_code = 200
    if result.id is not None:
        response.headers["Location"] = f"/api/v1/calls/{result.id}"
    return ReceiptOut.of(result)


def _refused(result: IntakeResult) -> Problem:
    failure = result.failure
    return Problem(
        status=413 if failure and failure.code == "too_large" else 422,
        code=failure.code if failure else "refused_file",
        detail=failure.message if failure else "The file was not taken in.",
        extra={"file": result.file, "call": result.id},
    )
