"""The API's own description: valid, complete, with examples that are true to the shapes."""

from __future__ import annotations

from typing import Any

import pytest
from api_installation import Installation
from openapi_spec_validator import validate
from pydantic import BaseModel

from api import examples
from api.errors import MEDIA_TYPE
from api.schemas import calls, health, jobs, recordings, search, session


@pytest.fixture
def described(installation: Installation) -> dict[str, Any]:
    answer: dict[str, Any] = installation.client().get("/api/openapi.json").json()
    return answer


def operations(described: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, it) for path, item in described["paths"].items() for method, it in item.items()]


def test_it_is_valid_openapi(described: dict[str, Any]) -> None:
    validate(described)


def test_the_operations_are_those_promised(described: dict[str, Any]) -> None:
    """Their ids are names that generated clients use: they may grow, but none may change."""
    assert {it["operationId"] for _, _, it in operations(described)} >= {
        "uploadRecording",
        "listCalls",
        "countCalls",
        "getCall",
        "retryCall",
        "reprocessCall",
        "swapRoles",
        "deleteCall",
        "getAudio",
        "getPeaks",
        "getClip",
        "searchUtterances",
        "listJobs",
        "watchJobs",
        "signIn",
        "whoAmI",
        "signOut",
        "isLive",
        "isReady",
    }


def test_every_operation_has_a_tag_a_summary_and_examples(described: dict[str, Any]) -> None:
    tags = {tag["name"] for tag in described["tags"]}
    for path, method, it in operations(described):
        assert set(it["tags"]) <= tags and it["summary"] and it["description"], (path, method)
        for status, answer in it["responses"].items():
            for media_type, content in answer.get("content", {}).items():
                assert "example" in content, (path, method, status)
                assert (media_type == MEDIA_TYPE) == (int(status) >= 400 and not path.startswith("/health"))
        if "security" not in it:
            assert path.startswith("/health/") or path == "/api/v1/session"


@pytest.mark.parametrize(
    ("shape", "example"),
    [
        (recordings.ReceiptOut, examples.RECEIPT),
        (calls.CallOut, examples.CALL),
        (calls.CallPageOut, examples.CALL_PAGE),
        (calls.CountsOut, examples.COUNTS),
        (calls.CallDetailOut, examples.CALL_DETAIL),
        (calls.PeaksOut, examples.PEAKS),
        (search.SearchPageOut, examples.SEARCH_PAGE),
        (jobs.JobsOut, examples.JOBS),
        (session.ActorOut, examples.ACTOR),
        (health.ReadyOut, examples.READY),
        (health.ReadyOut, examples.NOT_READY),
    ],
)
def test_an_example_is_what_would_be_sent(shape: type[BaseModel], example: dict[str, Any]) -> None:
    assert shape.model_validate(example).model_dump(mode="json") == example


def test_there_are_no_pages_that_load_from_elsewhere(installation: Installation) -> None:
    for path in ("/docs", "/redoc", "/api/docs"):
        assert installation.client().get(path).status_code == 404
