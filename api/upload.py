"""Reading an upload: the body goes to disk as it arrives, never into memory whole.

A form's metadata part may follow its file part, so the file is spooled before intake sees it; into an unnamed file in
the data folder, which the system drops with the process, not into /tmp, which is memory on many machines. The form
reader of the framework is not used because it takes a body that was cut off for a whole one.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool

from api.errors import TooLarge
from pipeline.errors import BadMetadata, InvalidInput

METADATA_LIMIT = 262_144
"""Largest metadata part in bytes."""

_WRITE_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Upload:
    """One received file at its beginning, and what was said about it."""

    file: BinaryIO
    file_name: str
    metadata: Mapping[str, Any] | None


@asynccontextmanager
async def receive_upload(request: Request, *, file_name: str | None, limit: int, folder: Path) -> AsyncIterator[Upload]:
    """The upload in a request: a form with `file` and perhaps `metadata`, or the bytes alone, called `file_name`.

    Raises TooLarge past `limit` bytes of file, and InvalidInput (`bad_form`, `no_file_name`) or BadMetadata.
    """
    content_type = request.headers.get("content-type", "")
    with tempfile.TemporaryFile(dir=folder, prefix="upload-") as file:
        sink = _Sink(file, limit)
        if content_type.lower().startswith("multipart/"):
            form = _Form(content_type)
            async for chunk in request.stream():
                form.feed(chunk)
                await sink.write(form.take())
            name, metadata = form.finish()
        else:
            if not file_name:
                raise InvalidInput(
                    "Name the file: send a form with a part `file`, or the bytes alone with ?filename=NAME.",
                    code="no_file_name",
                )
            async for chunk in request.stream():
                await sink.write(chunk)
            name, metadata = file_name, None
        await sink.finish()
        yield Upload(file=file, file_name=_base_name(name), metadata=metadata)


class _Sink:
    """Gathers bytes and writes them off the event loop, a megabyte at a time."""

    def __init__(self, file: BinaryIO, limit: int) -> None:
        self._file = file
        self._limit = limit
        self._size = 0
        self._pending = bytearray()

    async def write(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._limit:
            raise TooLarge(f"The file is larger than {self._limit} bytes, the most one upload may hold.")
        self._pending += data
        if len(self._pending) >= _WRITE_BYTES:
            await self._flush()

    async def finish(self) -> None:
        await self._flush()
        await run_in_threadpool(self._file.seek, 0)

    async def _flush(self) -> None:
        data, self._pending = self._pending, bytearray()
        await run_in_threadpool(self._file.write, data)


class _Form:
    """A multipart body as it arrives: bytes of the part `file` come out of `take`, the rest out of `finish`."""

    def __init__(self, content_type: str) -> None:
        _, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if not boundary:
            raise _bad_form("its Content-Type names no boundary")
        self._out = bytearray()
        self._metadata = bytearray()
        self._seen: set[str] = set()
        self._part = ""
        self._file_name = ""
        self._header = bytearray()
        self._disposition = b""
        self._value = bytearray()
        self._ended = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._part_begins,
                    "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
                    "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
                    "on_header_end": self._header_ends,
                    "on_headers_finished": self._headers_end,
                    "on_part_data": self._data,
                    "on_end": self._end,
                },
            )
        except FormParserError:
            raise _bad_form("its boundary is too long") from None

    def feed(self, chunk: bytes) -> None:
        try:
            self._parser.write(chunk)
        except FormParserError:
            raise _bad_form("it is no well-formed multipart body") from None

    def take(self) -> bytes:
        """The bytes of the file that came since the last time."""
        out, self._out = self._out, bytearray()
        return bytes(out)

    def finish(self) -> tuple[str, Mapping[str, Any] | None]:
        """The file's name and the metadata, once all was fed."""
        if not self._ended:
            raise _bad_form("it was cut off before its end")
        if "file" not in self._seen:
            raise _bad_form("it has no part `file`")
        return self._file_name, _metadata(self._metadata) if "metadata" in self._seen else None

    def _part_begins(self) -> None:
        self._disposition = b""

    def _header_ends(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _headers_end(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._part = options.get(b"name", b"").decode(errors="replace")
        if self._part not in ("file", "metadata"):
            raise _bad_form("it has a part that is neither `file` nor `metadata`")
        if self._part in self._seen:
            raise _bad_form(f"it has two parts `{self._part}`; send one recording a request")
        self._seen.add(self._part)
        if self._part == "file":
            self._file_name = options.get(b"filename", b"").decode(errors="replace")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._part == "file":
            self._out += data[start:end]
            return
        self._metadata += data[start:end]
        if len(self._metadata) > METADATA_LIMIT:
            raise TooLarge(f"The part `metadata` is larger than {METADATA_LIMIT} bytes.")

    def _end(self) -> None:
        self._ended = True


def _bad_form(why: str) -> InvalidInput:
    return InvalidInput(f"The form can't be read: {why}.", code="bad_form")


def _metadata(raw: bytearray) -> Mapping[str, Any]:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        raise BadMetadata("The part `metadata` is not JSON.") from None
    if not isinstance(value, dict):
        raise BadMetadata("The part `metadata` is JSON, but not an object.")
    return value


def _base_name(name: str) -> str:
    """What a client calls the file, without any folder or control characters: it is shown, and never becomes a path."""
    base = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(c for c in base if c.isprintable()).strip()[:255] or "unnamed"
