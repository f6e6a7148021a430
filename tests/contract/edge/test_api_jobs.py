"""Work over the API: the present state, the stream of changes, and probes."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import uvicorn
from api_installation import ROOT, Installation
from starlette.testclient import TestClient

from api.live import Changed, Depth, Gone, Watch
from api.routes import jobs
from pipeline.jobs.heartbeat import Heartbeats
from pipeline.records import Stage
from pipeline.services.views import Actor, Permission


def test_jobs(installation: Installation, client: TestClient) -> None:
    running, failed = installation.accept(1), installation.accept(2)
    for id in (running, failed):
        installation.processing.begin(id, 1)
    installation.processing.advance(running, Stage.TRANSCRIBE, 0.25)
    installation.processing.fail(failed, 1, "decode_error", "No audio could be decoded.")
    body = client.get("/api/v1/jobs").json()
    assert body["depth"] == {"queued": 2, "running": 0}
    assert [(c["id"], c["stage"], c["progress"]) for c in body["running"]] == [(running, "transcribe", 0.25)]
    assert [(c["id"], c["failure"]["code"]) for c in body["recent_failures"]] == [(failed, "decode_error")]


def test_a_watch_sees_each_change_once(installation: Installation) -> None:
    waiting = installation.accept(1)
    installation.process(2)
    watch = Watch(installation)

    def look(actor: Actor = ROOT) -> list[tuple[str, Any]]:
        return [
            ("call", (change.call.id, change.call.status.value, change.call.stage and change.call.stage.value))
            if isinstance(change, Changed)
            else ("gone", change.id)
            if isinstance(change, Gone)
            else ("depth", change.depth)
            for change in watch.look(actor)
        ]

    assert ("call", (waiting, "queued", None)) in look()
    assert look() == []
    installation.processing.begin(waiting, 1)
    installation.processing.advance(waiting, Stage.DETECT)
    assert look() == [("call", (waiting, "running", "detect"))]
    new = installation.accept(3)
    assert ("call", (new, "queued", None)) in look()
    installation.calls.delete(ROOT, new)
    assert ("gone", new) in look()


def test_a_watch_keeps_within_the_team(installation: Installation) -> None:
    north = Actor(name="n", permissions=frozenset({Permission.CALLS_READ}), teams=frozenset({"north"}))
    watch = Watch(installation)
    assert [c for c in watch.look(north) if not isinstance(c, Depth)] == []
    installation.accept(1, team="south")
    mine = installation.accept(2, team="north")
    assert [c.call.id for c in watch.look(north) if isinstance(c, Changed)] == [mine]


def test_a_watch_finds_old_calls_that_left_the_lists(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.live._NEWEST_SHOWN", 1)
    old = installation.accept(1)
    installation.accept(2)
    watch = Watch(installation)
    watch.look(ROOT)
    installation.processing.begin(old, 1)
    installation.processing.fail(old, 1, "decode_error", "No audio could be decoded.")
    changed = [(c.call.id, c.call.status.value) for c in watch.look(ROOT) if isinstance(c, Changed)]
    assert changed == [(old, "failed")]


@contextmanager
def served(installation: Installation) -> Iterator[str]:
    """The edge on a real socket: only there does a stream end because somebody left."""
    app = installation.client().app
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1))  # type: ignore[arg-type]
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive()


def events(lines: Iterator[str]) -> Iterator[tuple[str, Any]]:
    name = ""
    for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


def test_the_stream_tells_what_happens_until_the_token_is_revoked(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "LOOK_EVERY_S", 0.02)
    token = installation.token()
    headers = {"Authorization": f"Bearer {token}"}
    waiting = installation.accept(1)
    with (
        served(installation) as base,
        httpx.stream("GET", f"{base}/api/v1/jobs/events", headers=headers, timeout=20) as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        told = events(answer.iter_lines())
        assert next(told) == ("depth", {"queued": 1, "running": 0})
        name, call = next(told)
        assert (name, call["id"], call["status"]) == ("call", waiting, "queued")
        installation.processing.begin(waiting, 1)
        installation.processing.advance(waiting, Stage.TRANSCRIBE, 0.5)
        told_of = [(call["status"], call["stage"], call["progress"]) for _, call in [next(told)]]
        if told_of == [("running", None, None)]:
            told_of = [(call["status"], call["stage"], call["progress"]) for _, call in [next(told)]]
        assert told_of == [("running", "transcribe", 0.5)]
        installation.access.revoke_token(ROOT, token)
        assert list(told) == [("signed-out", {})]


def test_probes(installation: Installation) -> None:
    client = installation.client()
    assert client.get("/health/live").json() == {"status": "ok"}
    alone = client.get("/health/ready")
    assert alone.status_code == 503
    checks = {check["name"]: check["ok"] for check in alone.json()["checks"]}
    assert checks == {"database": True, "index": True, "workers": False}
    Heartbeats(installation.database.engine).beat("w1")
    ready = client.get("/health/ready")
    assert (ready.status_code, ready.json()["status"]) == (200, "ok")


def test_a_worker_that_fell_silent_does_not_count(installation: Installation) -> None:
    from sqlalchemy import update

    from pipeline.store.tables import HeartbeatRow

    Heartbeats(installation.database.engine).beat("w1")
    with installation.database.session() as session:
        session.execute(update(HeartbeatRow).values(at=datetime(2024, 6, 11, tzinfo=UTC)))
    assert installation.client().get("/health/ready").status_code == 503


def test_a_database_that_is_gone_is_said_without_its_address(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise RuntimeError("postgresql://user:password@host failed")

    monkeypatch.setattr(installation.database, "read", broken)
    answer = installation.client().get("/health/ready")
    assert answer.status_code == 503
    assert "password" not in answer.text
    assert answer.json()["checks"][0] == {
        "name": "database",
        "ok": False,
        "detail": "does not answer (RuntimeError)",
    }
