"""Which search engine an installation has: the same calls are found, and one process writes, whichever it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from forbear.doctor import Check, diagnose
from forbear.wiring import build_application
from pipeline.errors import ConfigError, Unavailable
from pipeline.records import Role
from pipeline.search.base import Scope, SearchQuery, UtteranceDocument
from pipeline.settings import Settings
from tests.stores import KINDS, database_url

SAID = UtteranceDocument(
    id="c:0",
    call_id="c",
    utterance=0,
    role=Role.AGENT,
    lang="zh",
    start_ms=0,
    end_ms=900,
    text="我们会起诉您",
    revision=1,
)


@pytest.fixture(params=[("embedded", "sqlite"), *(("elastic", kind) for kind in KINDS)], ids="-".join)
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    engine, kind = request.param
    url = request.getfixturevalue("elasticsearch_url") if engine == "elastic" else ""
    with database_url(kind, tmp_path) as database:
        name = f"test-engine-{kind}-{id(tmp_path)}"
        yield Settings(data=tmp_path / "data", database_url=database, elasticsearch_url=url, elasticsearch_index=name)


def index_check(settings: Settings) -> Check:
    (check,) = (c for c in diagnose(settings) if c.name == "search index")
    return check


def test_what_one_writes_others_find_and_only_one_writes(settings: Settings) -> None:
    with closing(build_application(settings)) as writing, closing(build_application(settings)) as other:
        with closing(writing.open_index()) as index:
            index.replace_call("c", [SAID])
            index.commit()
            with pytest.raises(Unavailable) as beside:
                other.open_index()
            assert beside.value.code == "index_locked"
        with closing(other.open_index()) as next_one:
            assert next_one.count() == 1
        (hit,) = other.index.search(SearchQuery(text="起诉"), Scope.everything()).hits
        assert hit.document == SAID
    engine = "Elasticsearch" if settings.elasticsearch_url else "embedded"
    assert index_check(settings).found == f"{engine}, 1 utterances, up to date"


def test_an_address_that_is_none_is_a_wrong_setting_and_is_not_repeated(tmp_path: Path) -> None:
    pytest.importorskip("elasticsearch", reason="the Elasticsearch client is not installed (extra `elasticsearch`)")
    with pytest.raises(ConfigError, match="FORBEAR_ELASTICSEARCH_URL") as caught:
        build_application(Settings(data=tmp_path / "data", elasticsearch_url="forbear:secret"))
    assert "secret" not in caught.value.message


def test_a_server_that_does_not_answer_is_told_and_stops_nothing_else(tmp_path: Path) -> None:
    pytest.importorskip("elasticsearch", reason="the Elasticsearch client is not installed (extra `elasticsearch`)")
    settings = Settings(data=tmp_path / "data", elasticsearch_url="http://127.0.0.1:9")
    build_application(settings).close()
    check = index_check(settings)
    assert not check.ok and check.found == "Elasticsearch" and "does not answer" in check.advice
