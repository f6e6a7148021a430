"""Recordings over the API: taken in once, refused by code, and never larger than allowed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anyio
import pytest
import structlog
from api_installation import Installation, wav
from starlette.testclient import TestClient

from api.errors import MEDIA_TYPE


def upload(client: TestClient, data: bytes, name: str = "a.wav", metadata: Any = None) -> Any:
    files = {"file": (name, data, "audio/wav")}
    if metadata is not None:
        files["metadata"] = ("", json.dumps(metadata), "application/json")  # type: ignore[assignment]
    return client.post("/api/v1/recordings", files=files)


def test_accepted_then_known_then_updated(installation: Installation, client: TestClient) -> None:
    first = upload(client, wav(), "通话.wav", {"team": "north"})
    assert first.status_code == 201
    receipt = first.json()
    assert (receipt["outcome"], receipt["file"]) == ("accepted", "通话.wav")
    assert first.headers["location"] == f"/api/v1/calls/{receipt['id']}"
    assert client.get(first.headers["location"]).json()["context"]["team"] == "north"
    assert installation.jobs.depth()["queued"] == 1

    again = upload(client, wav(), "copy.wav")
    assert again.status_code == 200
    assert again.json() | {"recording_sha256": ""} == {
        "file": "copy.wav",
        "outcome": "duplicate",
        "id": receipt["id"],
        "recording_sha256": "",
        "same_as": "通话.wav",
        "failure": None,
    }
    other = upload(client, wav(), "a.wav", {"team": "south"})
    assert (other.status_code, other.json()["outcome"]) == (200, "updated")
    assert client.get(f"/api/v1/calls/{receipt['id']}").json()["context"]["team"] == "south"


def test_bytes_alone(client: TestClient) -> None:
    answer = client.post("/api/v1/recordings", params={"filename": "raw.wav"}, content=wav())
    assert answer.status_code == 201
    assert answer.json()["file"] == "raw.wav"


@pytest.mark.parametrize(
    ("data", "code"), [(b"this is a letter, not a recording\n" * 50, "not_audio"), (b"", "empty_file")]
)
def test_what_is_no_audio_is_refused_and_stays_visible(client: TestClient, data: bytes, code: str) -> None:
    answer = upload(client, data, "letter.wav")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == MEDIA_TYPE
    problem = answer.json()
    assert (problem["code"], problem["file"]) == (code, "letter.wav")
    assert "this is a letter" not in answer.text
    shown = client.get(f"/api/v1/calls/{problem['call']}").json()
    assert (shown["status"], shown["failure"]["code"]) == ("failed", code)
    retry = client.post(f"/api/v1/calls/{problem['call']}/retry")
    assert (retry.status_code, retry.json()["code"]) == (409, "refused_file")


@pytest.mark.parametrize(
    ("metadata", "named"),
    [({"jurisdiction": "Atlantis"}, "jurisdiction"), ({"days_past_due": "soon"}, "days_past_due")],
)
def test_metadata_that_can_not_be_read_is_named(client: TestClient, metadata: dict[str, str], named: str) -> None:
    answer = upload(client, wav(), metadata=metadata)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_metadata")
    assert named in answer.json()["detail"]


def test_larger_than_allowed(installation: Installation, client: TestClient) -> None:
    limit = installation.settings.upload_limit
    for body in (b"R" * (limit + 1), b"R" * (limit + 2_000_000)):
        answer = upload(client, body)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        assert answer.headers["content-type"] == MEDIA_TYPE

    def endless() -> Iterator[bytes]:
        """No length is announced, so only counting finds it."""
        for _ in range(limit // 65_536 + 20):
            yield b"R" * 65_536

    answer = client.post("/api/v1/recordings", params={"filename": "a.wav"}, content=endless())
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert not list(installation.settings.tmp_dir.iterdir())
    assert client.get("/api/v1/calls").json()["total"] == 0


def test_other_addresses_take_small_bodies_only(client: TestClient) -> None:
    answer = client.post(
        "/api/v1/session", content=b"{" + b" " * 2_000_000, headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_a_cut_off_form_leaves_nothing(installation: Installation, client: TestClient) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n' + wav()
    answer = client.post(
        "/api/v1/recordings", content=body, headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_form")
    assert client.get("/api/v1/calls").json()["total"] == 0
    assert not list(installation.settings.tmp_dir.iterdir())


def test_somebody_of_one_team_brings_calls_of_that_team(installation: Installation) -> None:
    client = installation.client(installation.token("reviewer", teams=["north"]))
    mine = upload(client, wav())
    assert client.get(mine.headers["location"]).json()["context"]["team"] == "north"
    theirs = upload(client, wav(seed=2), metadata={"team": "south"})
    assert theirs.status_code == 403


def test_who_goes_away_half_way_leaves_nothing_and_is_no_fault_of_ours(installation: Installation) -> None:
    messages = iter(
        [{"type": "http.request", "body": wav()[:9000], "more_body": True}, {"type": "http.disconnect"}],
    )

    async def receive() -> dict[str, Any]:
        return next(messages)

    async def send(message: Any) -> None:
        raise AssertionError(f"nobody is there to be sent {message['type']}")

    client = installation.client(installation.token())
    scope = {
        "type": "http",
        "method": "POST",
        "scheme": "http",
        "path": "/api/v1/recordings",
        "raw_path": b"/api/v1/recordings",
        "query_string": b"filename=a.wav",
        "headers": [(b"authorization", client.headers["authorization"].encode())],
    }
    with structlog.testing.capture_logs() as logged:
        anyio.run(client.app, scope, receive, send)
    assert [(line["event"], line["status"]) for line in logged] == [("request", 499)]
    assert client.get("/api/v1/calls").json()["total"] == 0
    assert not list(installation.settings.tmp_dir.iterdir())
