"""What can be heard of a call, and its waveform."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.application import application_of
from api.auth import Reader
from api.examples import PEAKS
from api.media import audio_file
from api.routes.calls import CallId, Original
from api.schemas.calls import PeaksOut
from api.schemas.wire import answers, audio, problems

router = APIRouter(prefix="/api/v1/calls/{id}", tags=["media"])


@router.head("/audio", include_in_schema=False)
@router.get(
    "/audio",
    operation_id="getAudio",
    summary="The call's audio, whole or a byte range",
    response_class=Response,
    responses={
        **audio(200, "audio/flac", "The whole file."),
        **audio(206, "audio/flac", "The byte range asked for."),
        304: {"description": "Not changed since the ETag sent along."},
        **problems(401, 403, 404, 416, 422),
    },
)
def get_audio(request: Request, actor: Reader, id: CallId, original: Original = False) -> Response:
    """FLAC with every channel; a tone lies over what is redacted unless `original` is asked for."""
    path = application_of(request).calls.audio_path(actor, id, original=original)
    return audio_file(request, path, media_type="audio/flac")


@router.get(
    "/peaks",
    operation_id="getPeaks",
    summary="The waveform to draw",
    responses={**answers(200, PEAKS, "The peaks."), **problems(401, 403, 404, 422)},
)
def get_peaks(request: Request, actor: Reader, id: CallId) -> PeaksOut:
    """At most 16384 buckets a channel, however long the call is."""
    peaks = application_of(request).calls.peaks(actor, id)
    return PeaksOut(
        sample_rate_hz=peaks.sample_rate_hz,
        samples_per_bucket=peaks.samples_per_bucket,
        frames=peaks.frames,
        duration_ms=peaks.duration_ms,
        channels=[list(pairs) for pairs in peaks.pairs],
    )


@router.get(
    "/clip",
    operation_id="getClip",
    summary="A few seconds of a call",
    response_class=Response,
    responses={**audio(200, "audio/wav", "The stretch [start_ms, end_ms)."), **problems(401, 403, 404, 422)},
)
def get_clip(
    request: Request,
    actor: Reader,
    id: CallId,
    start_ms: Annotated[int, Query(ge=0, examples=[61_000])],
    end_ms: Annotated[int, Query(gt=0, examples=[66_500])],
    original: Original = False,
) -> Response:
    """WAV, redacted unless `original` is asked for."""
    clip = application_of(request).calls.clip(actor, id, start_ms, end_ms, original=original)
    return Response(clip, media_type="audio/wav")
