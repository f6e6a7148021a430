"""Byte ranges over HTTP, without any call behind them."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import FastAPI, Request, Response
from starlette.testclient import TestClient

from api import errors
from api.media import audio_file

DATA = bytes(range(256)) * 2400  # more than two chunks


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "audio.flac"
    file.write_bytes(DATA)
    return file


@pytest.fixture
def client(path: Path) -> TestClient:
    app = FastAPI()
    errors.install(app)

    @app.head("/api/a")
    @app.get("/api/a")
    def get(request: Request) -> Response:
        return audio_file(request, path, media_type="audio/flac")

    return TestClient(app)


def test_whole_file(client: TestClient) -> None:
    answer = client.get("/api/a")
    assert answer.status_code == 200
    assert answer.content == DATA
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["cache-control"].startswith("private")
    assert answer.headers["content-type"] == "audio/flac"


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-", 0, len(DATA)),
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        ("bytes=300000-", 300_000, len(DATA)),
        ("bytes=-500", len(DATA) - 500, len(DATA)),
        (f"bytes=-{len(DATA) + 1}", 0, len(DATA)),
        (f"bytes=10-{len(DATA) + 10}", 10, len(DATA)),
    ],
)
def test_one_range(client: TestClient, asked: str, start: int, end: int) -> None:
    answer = client.get("/api/a", headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.content == DATA[start:end]
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(DATA)}"
    assert answer.headers["content-length"] == str(end - start)


@pytest.mark.parametrize(
    "asked",
    ["bytes=0-1,5-9", "bytes=", "bytes=-", "bytes=9-3", "bytes=a-b", "items=0-4", "nonsense", "bytes=" + "9" * 5000],
)
def test_several_or_malformed_ranges_get_the_whole_file(client: TestClient, asked: str) -> None:
    answer = client.get("/api/a", headers={"Range": asked})
    assert answer.status_code == 200
    assert answer.content == DATA


@pytest.mark.parametrize("asked", [f"bytes={len(DATA)}-", f"bytes={len(DATA) + 5}-{len(DATA) + 9}", "bytes=-0"])
def test_a_range_outside_the_file_is_416(client: TestClient, asked: str) -> None:
    answer = client.get("/api/a", headers={"Range": asked})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(DATA)}"
    assert answer.headers["content-type"] == errors.MEDIA_TYPE
    assert answer.json()["code"] == "range_not_satisfiable"


def test_if_range_with_the_present_etag_gives_the_range(client: TestClient) -> None:
    etag = client.get("/api/a").headers["etag"]
    answer = client.get("/api/a", headers={"Range": "bytes=0-9", "If-Range": etag})
    assert (answer.status_code, answer.content) == (206, DATA[:10])


@pytest.mark.parametrize("validator", ['"another"', 'W/"another"', "Tue, 11 Jun 2024 01:30:00 GMT"])
def test_if_range_with_another_gives_the_whole_file(client: TestClient, validator: str) -> None:
    for asked in ("bytes=0-9", f"bytes={len(DATA)}-"):
        answer = client.get("/api/a", headers={"Range": asked, "If-Range": validator})
        assert (answer.status_code, answer.content) == (200, DATA)


def test_the_etag_changes_with_the_file_and_answers_304_until_then(client: TestClient, path: Path) -> None:
    etag = client.get("/api/a").headers["etag"]
    same = client.get("/api/a", headers={"If-None-Match": f'"x", {etag}'})
    assert (same.status_code, same.content) == (304, b"")
    path.write_bytes(DATA + b"!")
    changed = client.get("/api/a", headers={"If-None-Match": etag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != etag


def test_head_says_the_length_and_sends_nothing(client: TestClient) -> None:
    answer = client.head("/api/a")
    assert answer.status_code == 200
    assert answer.headers["content-length"] == str(len(DATA))
    assert answer.content == b""


def test_a_missing_file_is_a_problem(client: TestClient, path: Path) -> None:
    path.unlink()
    answer = client.get("/api/a")
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"
    assert str(path.parent) not in answer.text
