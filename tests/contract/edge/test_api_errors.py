"""Errors and headers of every answer: one shape, a request id, nothing private, and a browser kept strict."""

from __future__ import annotations

import json
from typing import Any

import pytest
import structlog
from api_installation import SECRET_WORD, Installation
from starlette.testclient import TestClient

from api.errors import MEDIA_TYPE, render_pages_with
from pipeline.errors import ConfigError, ForbearError, Unavailable


def break_calls(installation: Installation, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(installation.calls, "counts", broken)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nothing", 404, "not_found"),
        ("PUT", "/api/v1/calls", 405, "method_not_allowed"),
        ("GET", "/api/v1/calls/none", 404, "call_not_found"),
        ("GET", "/api/v1/calls?limit=0", 422, "invalid_request"),
        ("POST", "/api/v1/session", 422, "invalid_request"),
    ],
)
def test_one_shape(client: TestClient, method: str, path: str, status: int, code: str) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == MEDIA_TYPE
    problem = answer.json()
    assert {"type", "title", "status", "detail", "code", "request_id"} <= problem.keys()
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    "body", [{"name": "mei", "password": ["hunter2 hunter2"]}, {"name": "mei", "password": "hunter2", "hunter2": 1}]
)
def test_what_was_sent_is_not_sent_back(client: TestClient, body: dict[str, Any]) -> None:
    body = {"name": "", **body} if isinstance(body["password"], str) else body
    answer = client.post("/api/v1/session", json=body)
    assert answer.status_code == 422
    assert "hunter2 hunter2" not in answer.text
    assert '"hunter2"' not in answer.text.replace("body.hunter2", "")


def test_a_body_that_is_no_json(client: TestClient) -> None:
    answer = client.post("/api/v1/session", content=b'{"password": "x', headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


@pytest.mark.parametrize(
    "error",
    [RuntimeError(f"bad row: {SECRET_WORD}"), ConfigError(f"{SECRET_WORD} is wrong"), ForbearError(SECRET_WORD)],
)
def test_our_own_faults_say_nothing_of_what_was_said(
    installation: Installation, client: TestClient, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    break_calls(installation, monkeypatch, error)
    with structlog.testing.capture_logs() as logged:
        answer = client.get("/api/v1/calls/counts")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert SECRET_WORD not in answer.text
    (failed,) = [line for line in logged if line["event"] == "request_failed"]
    assert failed["error"] == type(error).__name__
    assert any(place.endswith(" count_calls") for place in failed["trace"])
    assert SECRET_WORD not in json.dumps(logged)


def test_a_part_that_is_missing_is_503_with_advice(
    installation: Installation, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_calls(installation, monkeypatch, Unavailable("The index is not there; start a worker.", code="no_index"))
    answer = client.get("/api/v1/calls/counts")
    assert answer.status_code == 503
    assert answer.json() == {
        "request_id": answer.headers["x-request-id"],
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "The index is not there; start a worker.",
        "code": "no_index",
    }


def test_what_a_driver_said_is_for_the_log_alone(
    installation: Installation, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Unavailable("The database does not answer.", reason='connection to "db.bank" as "forbear" failed')
    break_calls(installation, monkeypatch, broken)
    with structlog.testing.capture_logs() as logged:
        answer = client.get("/api/v1/calls/counts")
    assert answer.status_code == 503 and "db.bank" not in answer.text
    (failed,) = [line for line in logged if line["event"] == "request_failed"]
    assert "db.bank" in failed["reason"]


def test_pages_may_show_problems_their_own_way(client: TestClient) -> None:
    from starlette.responses import PlainTextResponse

    render_pages_with(
        client.app,  # type: ignore[arg-type]
        lambda request, problem: PlainTextResponse(f"page {problem.code}", status_code=problem.status),
    )
    assert client.get("/nowhere").text == "page not_found"
    assert client.get("/api/v1/nowhere").json()["code"] == "not_found"


def test_every_answer_keeps_the_browser_strict(installation: Installation, client: TestClient) -> None:
    id = installation.process()
    for path in ("/health/live", f"/api/v1/calls/{id}", f"/api/v1/calls/{id}/audio", "/api/v1/none", "/nowhere"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "object-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert "access-control-allow-origin" not in headers
        assert "strict-transport-security" not in headers
        assert headers["cache-control"] in ("no-store", "private, no-cache")


def test_a_nonce_is_used_once(client: TestClient) -> None:
    first, second = (client.get("/health/live").headers["content-security-policy"] for _ in range(2))
    assert first != second


def test_over_tls_the_browser_is_told_to_stay_there(installation: Installation) -> None:
    headers = installation.client(behind_proxy=True).get("/health/live").headers
    assert "max-age" in headers["strict-transport-security"]


@pytest.mark.parametrize(
    ("behind_proxy", "sent", "kept"),
    [(True, "proxy-id-0001", True), (False, "proxy-id-0001", False), (True, "bad id\tinjected", False)],
)
def test_a_request_id_is_taken_over_from_our_proxy_only(
    installation: Installation, behind_proxy: bool, sent: str, kept: bool
) -> None:
    answer = installation.client(behind_proxy=behind_proxy).get("/health/live", headers={"X-Request-ID": sent})
    assert (answer.headers["x-request-id"] == sent) is kept


def test_the_access_log_holds_no_query_and_no_secret(installation: Installation) -> None:
    token = installation.token()
    client = installation.client(token)
    with structlog.testing.capture_logs() as logged:
        client.get("/api/v1/search", params={"q": "bankruptcy"}, headers={"Cookie": "forbear_session=cookie-secret"})
        client.get("/sign-in", params={"link": "link-secret"})
    requests = [line for line in logged if line["event"] == "request"]
    assert [(line["method"], line["path"], line["status"]) for line in requests] == [
        ("GET", "/api/v1/search", 200),
        ("GET", "/sign-in", 404),
    ]
    text = json.dumps(logged)
    for secret in ("bankruptcy", "link-secret", "cookie-secret", token):
        assert secret not in text


def test_long_answers_are_compressed_and_audio_is_not(installation: Installation, client: TestClient) -> None:
    id = installation.process()
    headers = {"Accept-Encoding": "gzip"}
    assert client.get(f"/api/v1/calls/{id}", headers=headers).headers.get("content-encoding") == "gzip"
    assert "content-encoding" not in client.get(f"/api/v1/calls/{id}/audio", headers=headers).headers
