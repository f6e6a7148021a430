"""Reading uploads off the wire: forms in pieces, bytes alone, and everything a client can do wrong."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from fastapi import FastAPI, Request
from starlette.testclient import TestClient

from api import errors
from api.upload import METADATA_LIMIT, receive_upload

LIMIT = 5_000_000


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    app = FastAPI()
    errors.install(app)

    @app.post("/api/u")
    async def take(request: Request, filename: str | None = None) -> dict[str, object]:
        async with receive_upload(request, file_name=filename, limit=LIMIT, folder=tmp_path) as upload:
            data = upload.file.read()
            return {"name": upload.file_name, "size": len(data), "sum": sum(data[:1000]), "metadata": upload.metadata}

    return TestClient(app)


def form(*parts: tuple[str, str, bytes], end: bytes = b"--sep--\r\n") -> bytes:
    body = b""
    for name, extra, data in parts:
        body += b"--sep\r\nContent-Disposition: form-data; name=" + f'"{name}"{extra}'.encode() + b"\r\n\r\n"
        body += data + b"\r\n"
    return body + end


def post(client: TestClient, body: bytes | Iterator[bytes]) -> tuple[int, dict[str, object]]:
    answer = client.post("/api/u", content=body, headers={"Content-Type": "multipart/form-data; boundary=sep"})
    return answer.status_code, answer.json()


def test_file_and_metadata_in_either_order(client: TestClient) -> None:
    file = ("file", '; filename="通话 1.wav"', b"RIFF" + b"\0" * 5000)
    said = ("metadata", "", json.dumps({"team": "北区"}).encode())
    for parts in ((file, said), (said, file)):
        status, body = post(client, form(*parts))
        assert status == 200
        assert body == {"name": "通话 1.wav", "size": 5004, "sum": sum(b"RIFF"), "metadata": {"team": "北区"}}


def test_a_form_may_arrive_a_byte_at_a_time(client: TestClient) -> None:
    body = form(("file", '; filename="a.wav"', b"\r\n--sepX\r\n-"), ("metadata", "", b'{"a": 1}'))
    status, got = post(client, (body[i : i + 1] for i in range(len(body))))
    assert status == 200
    assert got["size"] == len(b"\r\n--sepX\r\n-")
    assert got["metadata"] == {"a": 1}


def test_bytes_alone_need_a_name(client: TestClient) -> None:
    answer = client.post("/api/u", params={"filename": "../x/..\\b.wav"}, content=b"abc")
    assert answer.json()["name"] == "b.wav"
    assert answer.json()["size"] == 3
    nameless = client.post("/api/u", content=b"abc")
    assert (nameless.status_code, nameless.json()["code"]) == (422, "no_file_name")


@pytest.mark.parametrize(
    ("body", "code", "status"),
    [
        (form(("file", '; filename="a"', b"abc"), end=b""), "bad_form", 422),
        (form(("file", '; filename="a"', b"abc"))[:-9], "bad_form", 422),
        (form(("metadata", "", b"{}")), "bad_form", 422),
        (form(("other", "", b"1"), ("file", '; filename="a"', b"abc")), "bad_form", 422),
        (form(("file", '; filename="a"', b"1"), ("file", '; filename="b"', b"2")), "bad_form", 422),
        (b"no form at all", "bad_form", 422),
        (b"", "bad_form", 422),
        (form(("file", '; filename="a"', b"1"), ("metadata", "", b"{")), "bad_metadata", 422),
        (form(("file", '; filename="a"', b"1"), ("metadata", "", b"[1]")), "bad_metadata", 422),
        (form(("file", '; filename="a"', b"1"), ("metadata", "", b"[" * 100_000)), "bad_metadata", 422),
        (form(("file", '; filename="a"', b"1"), ("metadata", "", b" " * (METADATA_LIMIT + 1))), "too_large", 413),
        (form(("file", '; filename="a"', b"1" * (LIMIT + 1))), "too_large", 413),
    ],
)
def test_a_bad_form_is_refused_by_code(client: TestClient, body: bytes, code: str, status: int) -> None:
    got, problem = post(client, body)
    assert (got, problem["code"]) == (status, code)


def test_a_form_without_a_boundary_is_refused(client: TestClient) -> None:
    answer = client.post("/api/u", content=b"x", headers={"Content-Type": "multipart/form-data"})
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_form")


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    blocks, block = 1000, b"x" * 65_536

    def messages() -> Iterator[dict[str, object]]:
        head = b'--sep\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
        yield {"type": "http.request", "body": head, "more_body": True}
        for _ in range(blocks):
            yield {"type": "http.request", "body": block, "more_body": True}
        yield {"type": "http.request", "body": b"\r\n--sep--\r\n", "more_body": False}

    stream = messages()

    async def receive() -> dict[str, object]:
        return next(stream)

    async def size() -> int:
        headers = [(b"content-type", b"multipart/form-data; boundary=sep")]
        request = Request({"type": "http", "method": "POST", "headers": headers}, receive)
        async with receive_upload(request, file_name=None, limit=10**9, folder=tmp_path) as upload:
            return upload.file.seek(0, 2)

    tracemalloc.start()
    received = anyio.run(size)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert received == blocks * len(block)
    assert peak < 10_000_000
    assert list(tmp_path.iterdir()) == []
