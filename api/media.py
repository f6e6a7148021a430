"""Audio over HTTP: whole or one byte range, so that a player can seek in a three-hour call. Knows files, not calls."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

from api.errors import RangeNotSatisfiable
from pipeline.errors import NotFound

CACHE = "private, no-cache"
"""Only the browser may keep audio, and it asks again each time: whoever uses it next may see fewer calls."""

_ONE_RANGE = re.compile(r"bytes=[ \t]*(\d{0,18})-(\d{0,18})[ \t]*", re.IGNORECASE)


class AudioFile(FileResponse):
    """A file, or the one byte range of it that `byte_range` names ("bytes=0-99"), whatever the request says."""

    chunk_size = 256 * 1024
    byte_range: str | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = MutableHeaders(raw=list(scope["headers"]))
        for name in ("range", "if-range"):
            del headers[name]
        if self.byte_range is not None:
            headers["range"] = self.byte_range
        await super().__call__({**scope, "headers": headers.raw}, receive, send)


def audio_file(request: Request, path: Path, *, media_type: str, name: str | None = None) -> Response:
    """The response to GET or HEAD for a file: 200, 206 or 304. Raises NotFound, RangeNotSatisfiable."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        raise NotFound("The audio of this call is not there; reprocess the call to make it again.") from None
    etag = _etag(path, stat)
    headers = {"ETag": etag, "Cache-Control": CACHE, "Accept-Ranges": "bytes"}
    if _matches(request.headers.get("if-none-match"), etag):
        return Response(status_code=304, headers=headers)
    response = AudioFile(
        path,
        headers=headers,
        media_type=media_type,
        filename=name,
        stat_result=stat,
        content_disposition_type="inline",
    )
    if request.headers.get("if-range", etag) == etag:
        response.byte_range = _one_range(request.headers.get("range"), stat.st_size)
    return response


def _one_range(header: str | None, size: int) -> str | None:
    """The range to serve, or None for the whole file: RFC 9110 allows that for several and wants it for bad ones."""
    found = _ONE_RANGE.fullmatch(header) if header is not None else None
    if found is None:
        return None
    first, last = found.groups()
    if not (first or last) or (first and last and int(last) < int(first)):
        return None
    outside = int(first) >= size if first else int(last) == 0 or size == 0
    if outside:
        raise RangeNotSatisfiable(f"The file has {size} bytes; ask for a range inside it.", size=size)
    return f"bytes={first}-{last}"


def _etag(path: Path, stat: os.stat_result) -> str:
    """The name of a derived file is the digest of its content; size and time tell two writings of it apart."""
    text = f"{path.name}:{stat.st_size}:{stat.st_mtime_ns}"
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def _matches(header: str | None, etag: str) -> bool:
    if header is None:
        return False
    tags = (tag.strip().removeprefix("W/") for tag in header.split(","))
    return any(tag in ("*", etag) for tag in tags)
