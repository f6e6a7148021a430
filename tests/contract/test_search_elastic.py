"""What only a server can get wrong: revisions out of order, versions of the index, a server that is not there."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from pipeline.errors import Unavailable
from pipeline.records import Role
from pipeline.search import fields
from pipeline.search.base import Scope, SearchQuery, Sort, UtteranceDocument

ALL = Scope.everything()


@pytest.fixture
def name() -> str:
    return f"test-{uuid.uuid4().hex}"


@pytest.fixture
def opened(elasticsearch_url: str, name: str) -> Iterator[Callable[[], object]]:
    """Opens the same index as another process would."""
    from pipeline.search.elastic import ElasticIndex

    indexes = []

    def open_one() -> ElasticIndex:
        indexes.append(ElasticIndex(elasticsearch_url, name=name, replicas=0))
        return indexes[-1]

    yield open_one
    for index in indexes:
        index.close()


def said(index: int, text: str, revision: int, call: str = "c") -> UtteranceDocument:
    return UtteranceDocument(
        id=f"{call}:{index}",
        call_id=call,
        utterance=index,
        role=Role.AGENT,
        lang="zh",
        start_ms=0,
        end_ms=1,
        text=text,
        started_at=datetime(2025, 1, 1, tzinfo=UTC),
        revision=revision,
    )


def texts(index) -> list[str]:
    return [hit.document.text for hit in index.search(SearchQuery(), ALL).hits]


def test_an_older_revision_that_comes_late_changes_nothing(opened) -> None:
    one, other = opened(), opened()
    one.replace_call("c", [said(0, "新", 7), said(1, "新二", 7)])
    one.commit()
    other.replace_call("c", [said(0, "旧", 6), said(1, "旧二", 6), said(2, "旧三", 6)])
    other.commit()
    assert texts(one) == ["新", "新二"]
    other.replace_call("c", [said(0, "再", 7)])
    other.commit()
    assert texts(one) == ["再"]
    one.replace_call("c", [said(0, "再", 7), said(1, "回来", 7)])
    one.commit()
    assert texts(other) == ["再", "回来"]


def test_more_changes_than_one_answer_holds(opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.search.elastic.BATCH", 10)
    index = opened()
    for call in ("a", "b"):
        index.replace_call(call, [said(place, "话", 1, call) for place in range(35)])
    index.commit()
    for call in ("a", "b"):
        index.replace_call(call, [said(place, "话", 2, call) for place in range(12)])
    index.commit()
    assert index.count() == 24


def test_an_index_of_another_version_is_named_and_can_be_rebuilt(opened, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(fields, "STAMP", {"schema": 0, "analyser": 0})
        before = opened()
        before.replace_call("c", [said(0, "旧", 1)])
        before.commit()
    now = opened()
    for ask in (lambda: now.search(SearchQuery(), ALL), now.count, lambda: now.replace_call("c", [said(0, "新", 1)])):
        with pytest.raises(Unavailable) as refused:
            ask()
        assert refused.value.code == "index_outdated"
    now.rebuild([said(0, "新", 1)])
    assert texts(now) == ["新"]


def test_pages_by_relevance_go_on_after_their_state_is_gone(opened) -> None:
    index = opened()
    documents = [said(place, "还款" + "嗯" * place, 1) for place in range(9)]
    index.rebuild(documents)
    query = SearchQuery(text="还款", sort=Sort.RELEVANCE, limit=5)
    first = index.search(query, ALL)
    index.rebuild(documents)
    second = index.search(SearchQuery(text="还款", sort=Sort.RELEVANCE, limit=5, cursor=first.next_cursor), ALL)
    shown = [hit.document.id for hit in first.hits + second.hits]
    assert sorted(shown) == sorted(document.id for document in documents)
    assert second.next_cursor is None


def test_a_rebuild_removes_what_a_broken_one_left(opened, name: str) -> None:
    index = opened()
    index._client.indices.create(index=f"{name}-left")
    index.rebuild([said(0, "还款", 1)])
    assert len(index._client.indices.get(index=f"{name}-*").body) == 1
    assert texts(index) == ["还款"]


def test_a_rebuild_in_the_midst_of_a_search_is_not_noticed(opened, monkeypatch: pytest.MonkeyPatch) -> None:
    index, reader = opened(), opened()
    index.rebuild([said(0, "还款", 1)])
    open_point, points = reader._open_point, []

    def opened_then_rebuilt() -> str:
        points.append(open_point())
        if len(points) < 3:
            index.rebuild([said(0, "还款", 1)])
        return points[-1]

    monkeypatch.setattr(reader, "_open_point", opened_then_rebuilt)
    assert reader.search(SearchQuery(text="还款", sort=Sort.RELEVANCE), ALL).total_hits == 1
    assert len(points) == 3


def test_a_server_that_does_not_answer_is_said_to() -> None:
    pytest.importorskip("elasticsearch", reason="the Elasticsearch client is not installed (extra `elasticsearch`)")
    from pipeline.search.elastic import ElasticIndex

    nobody = ElasticIndex("http://someone:secret@127.0.0.1:9")
    with pytest.raises(Unavailable) as refused:
        nobody.search(SearchQuery(text="还款"), ALL)
    assert refused.value.code == "elasticsearch_unreachable"
    assert "secret" not in str(refused.value)
    nobody.close()
