"""Calls over the API: lists and pages, one call, what may be ordered, and that what is private stays so."""

from __future__ import annotations

from typing import Any

import pytest
from api_installation import SECRET_WORD, Installation
from sqlalchemy import delete, select
from starlette.testclient import TestClient

from pipeline.store import audit
from pipeline.store.tables import AuditRow, CallRow, FindingRow


def ids(client: TestClient, **params: Any) -> list[str]:
    answer = client.get("/api/v1/calls", params=params)
    assert answer.status_code == 200, answer.text
    return [call["id"] for call in answer.json()["calls"]]


@pytest.mark.parametrize("sort", ["newest", "oldest", "worst"])
def test_pages_hold_every_call_once(installation: Installation, client: TestClient, sort: str) -> None:
    made = [installation.accept(seed) for seed in range(5)] + [installation.process(seed) for seed in (5, 6)]
    seen: list[str] = []
    cursor = None
    while True:
        page = client.get(
            "/api/v1/calls", params={"sort": sort, "limit": 3} | ({"cursor": cursor} if cursor else {})
        ).json()
        assert page["total"] == 7
        seen += [call["id"] for call in page["calls"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert sorted(seen) == sorted(made)
    expected = {"newest": made[::-1], "oldest": made, "worst": [*made[5:], *made[:5]]}
    assert seen == expected[sort]


def test_a_new_call_does_not_shift_the_pages(installation: Installation, client: TestClient) -> None:
    made = [installation.accept(seed) for seed in range(4)]
    first = client.get("/api/v1/calls", params={"limit": 2}).json()
    installation.accept(9)
    second = client.get("/api/v1/calls", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [call["id"] for call in first["calls"] + second["calls"]] == made[::-1]


def test_filters(installation: Installation, client: TestClient) -> None:
    waiting = installation.accept(1, team="south", agent_id="a1", started_at="2024-06-11T09:30:00+08:00")
    done = installation.process(2, team="north", account_ref="A-7")
    assert ids(client, status="done") == [done]
    assert set(ids(client, status=["done", "queued"])) == {waiting, done}
    assert ids(client, flagged="true") == [done]
    assert ids(client, flagged="false") == [waiting]
    assert ids(client, severity="high", category="pressure.deadline") == [done]
    assert ids(client, severity="low") == []
    assert ids(client, team="south") == [waiting]
    assert ids(client, agent="a1") == [waiting]
    assert ids(client, account="A-7") == [done]
    assert ids(client, started_from="2024-06-11T01:30:00Z") == [waiting]
    assert ids(client, started_to="2024-06-11T01:30:00Z") == []


@pytest.mark.parametrize(
    ("params", "where"),
    [
        ({"limit": 0}, "query.limit"),
        ({"limit": 201}, "query.limit"),
        ({"limit": "many"}, "query.limit"),
        ({"sort": "loudest"}, "query.sort"),
        ({"status": "lost"}, "query.status"),
        ({"started_from": "2024-06-11T09:30:00"}, "query.started_from"),
        ({"teem": "north"}, "query.teem"),
    ],
)
def test_a_wrong_condition_is_named(client: TestClient, params: dict[str, Any], where: str) -> None:
    answer = client.get("/api/v1/calls", params=params)
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["code"] == "invalid_request"
    assert problem["errors"][0]["where"].startswith(where)
    assert where in problem["detail"]


def test_a_cursor_of_elsewhere_is_refused(installation: Installation, client: TestClient) -> None:
    for seed in range(2):
        installation.accept(seed)
    cursor = client.get("/api/v1/calls", params={"limit": 1}).json()["next_cursor"]
    for params in ({"cursor": "nonsense"}, {"cursor": cursor, "sort": "worst"}):
        answer = client.get("/api/v1/calls", params=params)
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_cursor")


def test_one_call_whole_and_redacted(installation: Installation, client: TestClient) -> None:
    id = installation.process(
        call_id="S-1", days_past_due=45, other_system="13877712345", facts={"suit_authorised": False}
    )
    call = client.get(f"/api/v1/calls/{id}").json()
    assert (call["id"], call["status"], call["original"]) == (id, "done", False)
    first, second = call["transcript"]["utterances"]
    assert first["words"][4]["text"].strip().startswith("[")
    assert (second["text"], second["role"], second["start_ms"]) == ("我没工作", "customer", 1400)
    finding = call["findings"][0]
    assert finding["quote"].startswith("Pay today or call")
    assert (finding["start_ms"], finding["end_ms"]) == (0, 1180)
    assert finding["clauses"][0]["paraphrase_zh"] == "甲"
    assert call["redactions"] == [{"kind": "phone", "start_ms": 800, "end_ms": 980}]
    assert call["context"]["facts"] == {"suit_authorised": False}
    assert call["audio"]["duration_ms"] == 2000
    assert call["roles"]["roles"] == {"v0": "agent", "v1": "customer"}
    for path in (f"/api/v1/calls/{id}", "/api/v1/calls", "/api/v1/search?q=call", "/api/v1/jobs"):
        text = client.get(path).text
        assert SECRET_WORD not in text
        assert "13877712345" not in text


def test_a_finding_tells_what_carried_it_in_redacted_words(installation: Installation, client: TestClient) -> None:
    finding = client.get(f"/api/v1/calls/{installation.process()}").json()["findings"][0]
    assert finding["parts"] == {"lexicon": 0.7, "text": 0.75} and finding["calibrated"] == 0.8
    assert finding["carried"] == [
        {"word": 1, "text": "today", "weight": 0.5},
        {"word": 4, "text": "[phone]", "weight": 0.3},
        {"word": 5, "text": "now.", "weight": 0.2},
    ]
    assert finding["nearest"] == ["en-a-1:5", "en-a-1:9"]


def test_the_original_is_shown_to_those_who_may_and_written_down(installation: Installation) -> None:
    id = installation.process()
    client = installation.client(installation.token("reviewer"))
    call = client.get(f"/api/v1/calls/{id}", params={"original": "true"}).json()
    assert SECRET_WORD in call["transcript"]["utterances"][0]["text"]
    assert SECRET_WORD in call["findings"][0]["quote"]
    assert call["findings"][0]["carried"][1]["text"] == SECRET_WORD
    assert call["original"] is True
    with installation.database.read() as session:
        assert audit.verify(session) is None
        lines = session.scalars(select(AuditRow.action).where(AuditRow.subject == id)).all()
    assert lines.count("call.original_read") == 1


def test_a_call_that_waits_has_no_transcript_yet(installation: Installation, client: TestClient) -> None:
    id = installation.accept()
    call = client.get(f"/api/v1/calls/{id}").json()
    assert (call["status"], call["transcript"], call["findings"]) == ("queued", None, [])
    answer = client.get(f"/api/v1/calls/{id}/audio")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_processed")


def test_a_call_is_found_by_its_other_names(installation: Installation, client: TestClient) -> None:
    id = installation.accept(call_id="通话 42")
    assert client.get(f"/api/v1/calls/{id[:8]}").json()["id"] == id
    assert client.get("/api/v1/calls/通话 42").json()["id"] == id
    assert client.get("/api/v1/calls/" + "x" * 300).status_code == 422


def test_counts(installation: Installation, client: TestClient) -> None:
    installation.accept(1)
    installation.process(2)
    counts = client.get("/api/v1/calls/counts").json()
    assert (counts["all_calls"], counts["flagged"]) == (2, 1)
    assert counts["by_status"] == {"queued": 1, "running": 0, "done": 1, "failed": 0}
    assert counts["by_severity"]["high"] == 1
    assert counts["by_group"] == {"pressure": 1}


def test_retry_reprocess_and_swap(installation: Installation, client: TestClient) -> None:
    failed, done = installation.accept(1), installation.process(2)
    installation.processing.begin(failed, 1)
    installation.processing.fail(failed, 1, "decode_error", "No audio could be decoded.")
    shown = client.get(f"/api/v1/calls/{failed}").json()
    assert shown["failure"] == {"code": "decode_error", "message": "No audio could be decoded."}

    answer = client.post(f"/api/v1/calls/{failed}/retry")
    assert answer.status_code == 202
    assert (answer.json()["status"], answer.json()["failure"]) == ("queued", None)
    again = client.post(f"/api/v1/calls/{failed}/retry")
    assert (again.status_code, again.json()["code"]) == (409, "not_failed")

    assert client.post(f"/api/v1/calls/{done}/swap-roles").json()["status"] == "queued"
    twice = client.post(f"/api/v1/calls/{done}/reprocess")
    assert (twice.status_code, twice.json()["code"]) == (409, "already_queued")
    assert installation.jobs.depth()["queued"] >= 2


def test_delete(installation: Installation, client: TestClient) -> None:
    id = installation.process()
    answer = client.delete(f"/api/v1/calls/{id}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert client.get(f"/api/v1/calls/{id}").status_code == 404
    assert client.delete(f"/api/v1/calls/{id}").status_code == 404
    assert not list(installation.settings.artifacts_dir.rglob("*.flac"))


def test_search(installation: Installation, client: TestClient) -> None:
    id = installation.process(team="north")
    page = client.get("/api/v1/search", params={"q": "today", "role": "agent"}).json()
    assert (page["total_hits"], page["total_calls"]) == (1, 1)
    hit = page["hits"][0]
    assert (hit["call"], hit["utterance"], hit["start_ms"]) == (id, 0, 0)
    (start, end), *_ = hit["highlights"]
    assert hit["text"][start:end] == "today"
    assert client.get("/api/v1/search", params={"q": "沒工作"}).json()["hits"][0]["utterance"] == 1
    assert client.get("/api/v1/search", params={"q": "today", "role": "customer"}).json()["hits"] == []
    assert client.get("/api/v1/search", params={"q": SECRET_WORD}).json()["total_hits"] == 0
    bad = client.get("/api/v1/search", params={"date_from": "2024-06-12", "date_to": "2024-06-11"})
    assert (bad.status_code, bad.json()["code"]) == (422, "bad_query")


def test_search_shows_what_the_database_still_grants_where_the_index_lags(installation: Installation) -> None:
    id = installation.process(team="north")
    north = installation.client(installation.token("qa", teams=["north"]))
    asked = {"q": "today", "role": "agent"}
    assert [hit["call"] for hit in north.get("/api/v1/search", params=asked).json()["hits"]] == [id]
    with installation.database.session() as session:
        session.get_one(CallRow, id).team = "south"
    assert north.get("/api/v1/search", params=asked).json()["hits"] == []
    with installation.database.session() as session:
        session.execute(delete(FindingRow).where(FindingRow.call == id))
        session.execute(delete(CallRow).where(CallRow.id == id))
    assert installation.client(installation.token()).get("/api/v1/search", params=asked).json()["hits"] == []
