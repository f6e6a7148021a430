"""What every search engine must do alike, asked of each of them: embedded, in memory, Elasticsearch.

Scores are no part of it: only which utterances are found, and their order by an explicit sort.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import InvalidInput
from pipeline.records import Distress, Jurisdiction, Role, Severity
from pipeline.search.base import (
    Scope,
    SearchIndex,
    SearchPage,
    SearchQuery,
    SearchReader,
    Sort,
    UtteranceDocument,
)
from pipeline.search.memory import MemoryIndex

ALL = Scope.everything()
BEIJING = timezone(timedelta(hours=8))
NOON = datetime(2025, 9, 22, 12, 0, tzinfo=BEIJING)


@dataclass(frozen=True)
class Engine:
    """An empty index and a reader of it; `more` opens another reader, as another process would."""

    index: SearchIndex
    reader: SearchReader
    more: Callable[[], SearchReader]


@pytest.fixture(params=["memory", "tantivy", "elastic"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "memory":
        memory = MemoryIndex()
        yield Engine(memory, memory, lambda: memory)
        return
    if request.param == "tantivy":
        from pipeline.search.tantivy_index import TantivyIndex, TantivyReader

        opened: list[SearchReader] = [TantivyIndex(tmp_path / "index"), TantivyReader(tmp_path / "index")]

        def more() -> SearchReader:
            return TantivyReader(tmp_path / "index")
    else:
        from pipeline.search.elastic import ElasticIndex

        url = request.getfixturevalue("elasticsearch_url")
        name = f"test-{tmp_path.name.lower().replace('_', '-')}-{id(tmp_path)}"
        opened = [ElasticIndex(url, name=name, replicas=0), ElasticIndex(url, name=name, replicas=0)]

        def more() -> SearchReader:
            return ElasticIndex(url, name=name, replicas=0)

    index, reader = opened
    yield Engine(index, reader, more)  # type: ignore[arg-type]
    for one in opened:
        one.close()


def said(call: str, index: int, text: str, **changes: object) -> UtteranceDocument:
    plain = UtteranceDocument(
        id=f"{call}:{index}",
        call_id=call,
        utterance=index,
        role=Role.AGENT,
        lang="zh",
        start_ms=index * 1000,
        end_ms=index * 1000 + 900,
        text=text,
        started_at=NOON,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def fill(engine: Engine, *texts: str) -> None:
    """One call "c" of these texts, committed."""
    engine.index.replace_call("c", [said("c", place, text) for place, text in enumerate(texts)])
    engine.index.commit()


def found(engine: Engine, text: str = "", scope: Scope = ALL, **filters: object) -> set[str]:
    query = SearchQuery(text=text, limit=100, **filters)  # type: ignore[arg-type]
    return {hit.document.id for hit in engine.reader.search(query, scope).hits}


def pages(reader: SearchReader, query: SearchQuery, scope: Scope = ALL) -> Iterator[SearchPage]:
    for _ in range(200):
        page = reader.search(query, scope)
        yield page
        if page.next_cursor is None:
            return
        query = replace(query, cursor=page.next_cursor)
    pytest.fail("paging does not end")


def ids(hits: Sequence[SearchPage]) -> list[str]:
    return [hit.document.id for page in hits for hit in page.hits]


# --- words ---------------------------------------------------------------------------------------------------------


def test_a_chinese_phrase_is_an_exact_substring(engine: Engine) -> None:
    fill(engine, "我们可以谈一下还款计划", "还款的计划没有", "计划还款", "请还，款项", "还款计划书")
    assert found(engine, "还款计划") == {"c:0", "c:4"}
    assert found(engine, '"还款计划"') == {"c:0", "c:4"}
    assert found(engine, "还款") == {"c:0", "c:1", "c:2", "c:4"}
    assert found(engine, "款计") == {"c:0", "c:4"}


def test_words_are_all_needed_in_any_order(engine: Engine) -> None:
    fill(engine, "我们可以谈一下还款计划", "还款的计划没有", "计划还款", "只有计划")
    assert found(engine, "还款 计划") == {"c:0", "c:1", "c:2"}


def test_simplified_finds_traditional_and_the_reverse(engine: Engine) -> None:
    fill(engine, "請您還款，謝謝", "请您还款，谢谢", "妳等著，我們會去妳家裡")
    assert found(engine, "还款") == {"c:0", "c:1"}
    assert found(engine, "還款") == {"c:0", "c:1"}
    assert found(engine, "等着") == {"c:2"}
    assert found(engine, "你家里") == {"c:2"}


def test_one_character_is_found_wherever_it_stands(engine: Engine) -> None:
    fill(engine, "死", "死了算了", "不想活了想死", "生死有命", "活着")
    assert found(engine, "死") == {"c:0", "c:1", "c:2", "c:3"}


def test_a_phrase_may_mix_languages(engine: Engine) -> None:
    fill(engine, "我要cancel这个plan", "cancel 这是", "这个 cancel", "这个人cancel", "cancel吧，这", "cancelled 这个")
    assert found(engine, '"cancel 这个"') == {"c:0"}
    assert found(engine, '"cancel 这"') == {"c:0", "c:1"}
    assert found(engine, '"这个 cancel"') == {"c:2"}
    assert found(engine, "cancel 这个") == {"c:0", "c:2", "c:3"}


def test_an_open_end_has_no_limit_of_continuations(engine: Engine) -> None:
    texts = [f"pay {chr(0x4E00 + place)}{chr(0x4F00 + place)}" for place in range(120)]
    fill(engine, *(f"{text} 然后我{chr(0x4E00 + place)}" for place, text in enumerate(texts)))
    page = engine.reader.search(SearchQuery(text='"然后我"', limit=1), ALL)
    assert page.total_hits == 120
    assert engine.reader.search(SearchQuery(text='"我"', limit=1), ALL).total_hits == 120
    engine.index.replace_call("d", [said("d", place, f"ok 我{chr(0x4E00 + place)}") for place in range(1500)])
    engine.index.commit()
    assert engine.reader.search(SearchQuery(text='"ok 我"', limit=1), ALL).total_hits == 1500


def test_english_words_are_whole_unless_a_star_opens_them(engine: Engine) -> None:
    fill(engine, "We will sue you", "You'll be sued", "SUE them", "the issue is", "follow-up call")
    assert found(engine, "sue") == {"c:0", "c:2"}
    assert found(engine, "sue*") == {"c:0", "c:1", "c:2"}
    assert found(engine, '"will sue"') == {"c:0"}
    assert found(engine, '"be su*"') == {"c:1"}
    assert found(engine, "follow-up") == {"c:4"}
    assert found(engine, "you'll") == {"c:1"}


def test_width_case_and_accents_do_not_matter(engine: Engine) -> None:
    fill(engine, "Ｊｏｓé 欠１２００元", "josé owes", "JOSE")
    assert found(engine, "jose") == {"c:0", "c:1", "c:2"}
    assert found(engine, "1200") == {"c:0"}


def test_or_exclusion_and_groups(engine: Engine) -> None:
    fill(engine, "我们会起诉", "请律师", "起诉和协商", "协商", "律师协商还款")
    assert found(engine, "起诉 OR 律师") == {"c:0", "c:1", "c:2", "c:4"}
    assert found(engine, "起诉 OR 律师 -协商") == {"c:0", "c:1"}
    assert found(engine, "(起诉 OR (律师 还款)) 协商") == {"c:2", "c:4"}
    assert found(engine, "-协商") == {"c:0", "c:1"}
    assert found(engine, "NOT (起诉 OR 律师)") == {"c:3"}
    assert found(engine, "起诉 OR -协商") == {"c:0", "c:1", "c:2"}
    assert found(engine, "「起诉」 －协商") == {"c:0"}


def test_nothing_typed_matches_everything(engine: Engine) -> None:
    fill(engine, "一", "two", "…")
    assert found(engine) == {"c:0", "c:1", "c:2"}
    assert found(engine, "   ") == {"c:0", "c:1", "c:2"}


def test_bad_syntax_says_what_to_do(engine: Engine) -> None:
    with pytest.raises(InvalidInput, match="quotation mark is not closed") as refused:
        found(engine, '还款 "计划')
    assert refused.value.code == "bad_query"


# --- filters, counts, permission ------------------------------------------------------------------------------------


@pytest.fixture
def varied(engine: Engine) -> Engine:
    """Three calls of two teams and of none, over three days."""
    engine.index.replace_call(
        "a",
        [
            said("a", 0, "还款计划", team="north", agent_id="A1", categories=("threat.legal", "courtesy.polite")),
            said("a", 1, "我没有钱还款", team="north", agent_id="A1", role=Role.CUSTOMER, categories=("distress.job",)),
        ],
    )
    late = datetime(2025, 9, 23, 1, 30, tzinfo=BEIJING)  # still the 22nd in UTC: the call centre's own day counts
    b = {"team": "south", "agent_id": "A2", "flagged": True, "severity": Severity.HIGH, "distress": Distress.PRESENT}
    engine.index.replace_call(
        "b",
        [
            said("b", 0, "还款 now please", started_at=late, jurisdiction=Jurisdiction.TW, product="card", **b),
            said("b", 1, "ok", started_at=late, lang="en", categories=("threat.legal",), account_ref="X1", **b),
        ],
    )
    engine.index.replace_call("n", [said("n", 0, "还款", started_at=None)])
    engine.index.commit()
    return engine


def test_filters_hold_together(varied: Engine) -> None:
    assert found(varied, roles=frozenset({Role.CUSTOMER})) == {"a:1"}
    assert found(varied, categories=frozenset({"threat.legal"})) == {"a:0", "b:1"}
    assert found(varied, categories=frozenset({"threat.legal", "distress.job"})) == {"a:0", "a:1", "b:1"}
    assert found(varied, categories=frozenset({"threat.legal"}), agents=frozenset({"A2"})) == {"b:1"}
    assert found(varied, teams=frozenset({"south", "north"}), langs=frozenset({"zh"})) == {"a:0", "a:1", "b:0"}
    assert found(varied, jurisdictions=frozenset({Jurisdiction.TW})) == {"b:0"}
    assert found(varied, products=frozenset({"card"})) == {"b:0"}
    assert found(varied, accounts=frozenset({"X1"})) == {"b:1"}
    assert found(varied, calls=frozenset({"a"})) == {"a:0", "a:1"}
    assert found(varied, flagged=True) == {"b:0", "b:1"}
    assert found(varied, flagged=False) == {"a:0", "a:1", "n:0"}
    assert found(varied, severities=frozenset({Severity.HIGH})) == {"b:0", "b:1"}
    assert found(varied, distress=frozenset({Distress.PRESENT, Distress.CRITICAL})) == {"b:0", "b:1"}
    assert found(varied, "还款", flagged=True) == {"b:0"}
    assert found(varied, "-还款", flagged=True) == {"b:1"}


def test_days_are_those_of_the_call_centre_and_inclusive(varied: Engine) -> None:
    assert found(varied, date_from=date(2025, 9, 23)) == {"b:0", "b:1"}
    assert found(varied, date_to=date(2025, 9, 22)) == {"a:0", "a:1"}
    assert found(varied, date_from=date(2025, 9, 22), date_to=date(2025, 9, 22)) == {"a:0", "a:1"}
    assert found(varied, date_from=date(2025, 9, 24)) == set()


def test_counts_are_of_all_hits(varied: Engine) -> None:
    page = varied.reader.search(SearchQuery(text="还款", limit=1), ALL)
    assert len(page.hits) == 1
    assert (page.total_hits, page.total_calls) == (4, 3)
    assert page.facets["team"] == (("north", 2), ("south", 1))
    assert page.facets["categories"] == (("courtesy.polite", 1), ("distress.job", 1), ("threat.legal", 1))
    assert page.facets["flagged"] == (("false", 3), ("true", 1))
    assert page.facets["role"] == (("agent", 3), ("customer", 1))
    assert page.facets["severity"] == (("high", 1),)
    assert page.facets["jurisdiction"] == (("TW", 1),)
    assert page.histogram == ((date(2025, 9, 22), 2), (date(2025, 9, 23), 1))


def test_what_was_kept_comes_back_whole(varied: Engine) -> None:
    (hit,) = varied.reader.search(SearchQuery(text="now"), ALL).hits
    assert hit.document == said(
        "b",
        0,
        "还款 now please",
        team="south",
        agent_id="A2",
        flagged=True,
        severity=Severity.HIGH,
        distress=Distress.PRESENT,
        started_at=datetime(2025, 9, 23, 1, 30, tzinfo=BEIJING),
        jurisdiction=Jurisdiction.TW,
        product="card",
    )
    assert hit.document.text[slice(*hit.highlights[0])] == "now"


def test_no_one_finds_or_counts_another_teams_calls(varied: Engine) -> None:
    north = Scope(teams=frozenset({"north"}))
    page = varied.reader.search(SearchQuery(text="还款"), north)
    assert {hit.document.id for hit in page.hits} == {"a:0", "a:1"}
    assert (page.total_hits, page.total_calls) == (2, 1)
    assert page.facets["team"] == (("north", 2),)
    assert page.facets["agent_id"] == (("A1", 2),)
    assert page.histogram == ((date(2025, 9, 22), 2),)
    assert found(varied, scope=north, teams=frozenset({"south"})) == set()
    assert found(varied, "还款 OR -还款", scope=north) == {"a:0", "a:1"}
    assert found(varied, scope=Scope(teams=frozenset())) == set()
    assert found(varied, "还款") == {"a:0", "a:1", "b:0", "n:0"}, "a call without a team is for those who see all"


def test_a_cursor_does_not_widen_the_scope(varied: Engine) -> None:
    query = SearchQuery(limit=1)
    cursor = varied.reader.search(query, ALL).next_cursor
    with pytest.raises(InvalidInput) as refused:
        varied.reader.search(replace(query, cursor=cursor), Scope(teams=frozenset({"north"})))
    assert refused.value.code == "bad_cursor"


# --- order and pages ------------------------------------------------------------------------------------------------


def many_calls(engine: Engine, calls: int = 12, utterances: int = 7) -> list[str]:
    """Calls of which some share a second; returns all ids."""
    expected = []
    for number in range(calls):
        call = f"call-{number:02}"
        started = NOON + timedelta(minutes=number // 3)
        documents = [said(call, place, f"还款 {'钱' * (place + 1)}", started_at=started) for place in range(utterances)]
        engine.index.replace_call(call, documents)
        expected += [document.id for document in documents]
    engine.index.commit()
    return expected


@pytest.mark.parametrize("sort", list(Sort))
def test_pages_hold_every_hit_once(engine: Engine, sort: Sort) -> None:
    expected = many_calls(engine)
    for limit in (3, 7, len(expected), 200):
        read = list(pages(engine.reader, SearchQuery(text="还款", sort=sort, limit=limit)))
        assert sorted(ids(read)) == sorted(expected)
        assert all(len(page.hits) == limit for page in read[:-1])
        assert all(page.total_hits == len(expected) for page in read)


def test_pages_do_not_lose_utterances_of_equal_order(engine: Engine) -> None:
    """Beyond 16,383 utterances of a call the order key says no more which came first."""
    documents = [said("c", 20_000 + place, "还款") for place in range(10)]
    engine.index.replace_call("c", documents)
    engine.index.commit()
    read = list(pages(engine.reader, SearchQuery(limit=3)))
    assert sorted(ids(read)) == sorted(document.id for document in documents)
    assert [len(page.hits) for page in read] == [3, 3, 3, 1]


def test_newest_call_first_and_within_a_call_as_spoken(engine: Engine) -> None:
    many_calls(engine)
    engine.index.replace_call("undated", [said("undated", 0, "还款", started_at=None)])
    engine.index.commit()
    hits = [hit.document for page in pages(engine.reader, SearchQuery(limit=10)) for hit in page.hits]
    times = [document.started_at for document in hits[:-1]]
    assert times == sorted(times, reverse=True)  # type: ignore[type-var]
    assert hits[-1].call_id == "undated"
    by_call: dict[str, list[int]] = {}
    for document in hits:
        by_call.setdefault(document.call_id, []).append(document.utterance)
    assert all(places == sorted(places) for places in by_call.values())
    runs = [document.call_id for place, document in enumerate(hits) if document.call_id != hits[place - 1].call_id]
    assert len(runs) == len(by_call), "the utterances of one call stand together"


def test_pages_by_time_stay_while_calls_come_and_go(engine: Engine) -> None:
    expected = many_calls(engine)
    query = SearchQuery(text="还款", limit=10)
    read = []
    for number, page in enumerate(pages(engine.reader, query)):
        read += [hit.document.id for hit in page.hits]
        newer = f"new-{number}"
        engine.index.replace_call(newer, [said(newer, 0, "还款", started_at=NOON + timedelta(days=1))])
        engine.index.commit()
    assert sorted(read) == sorted(expected)


def test_a_cursor_of_another_search_or_of_nobody_is_refused(engine: Engine) -> None:
    many_calls(engine)
    cursor = engine.reader.search(SearchQuery(text="还款", limit=3), ALL).next_cursor
    assert cursor is not None
    other_size = engine.reader.search(SearchQuery(text="还款", limit=9, cursor=cursor), ALL)
    assert len(other_size.hits) == 9
    for wrong in (
        SearchQuery(text="钱", cursor=cursor),
        SearchQuery(text="还款", sort=Sort.RELEVANCE, cursor=cursor),
        SearchQuery(text="还款", cursor=cursor[:-3]),
        SearchQuery(text="还款", cursor="no such thing"),
        SearchQuery(text="还款", cursor="七"),
    ):
        with pytest.raises(InvalidInput) as refused:
            engine.reader.search(wrong, ALL)
        assert refused.value.code == "bad_cursor"


# --- changes --------------------------------------------------------------------------------------------------------


def test_an_index_that_was_never_written_is_empty(engine: Engine) -> None:
    assert engine.reader.count() == 0
    page = engine.reader.search(SearchQuery(text="还款"), ALL)
    assert (page.hits, page.total_hits, page.histogram, page.next_cursor) == ((), 0, (), None)


def test_changes_are_seen_by_every_reader_after_commit(engine: Engine) -> None:
    early = engine.more()
    assert early.count() == 0
    fill(engine, "还款")
    assert early.count() == engine.reader.count() == 1
    engine.index.replace_call("d", [said("d", 0, "还款")])
    assert early.count() == 1
    engine.index.commit()
    assert early.count() == engine.more().count() == 2
    assert {hit.document.id for hit in early.search(SearchQuery(text="还款"), ALL).hits} == {"c:0", "d:0"}


def test_indexing_again_changes_nothing(engine: Engine) -> None:
    for _ in range(3):
        fill(engine, "还款", "计划")
    engine.index.replace_call("c", [said("c", 0, "还款"), said("c", 1, "计划")])
    engine.index.replace_call("c", [said("c", 0, "还款"), said("c", 1, "计划")])
    engine.index.commit()
    assert engine.reader.count() == 2
    assert engine.reader.search(SearchQuery(text="还款"), ALL).total_hits == 1


def test_a_new_revision_replaces_the_whole_call(engine: Engine) -> None:
    fill(engine, "一二三", "四五六", "七八九")
    engine.index.replace_call("c", [said("c", 0, "二一三", revision=1), said("c", 1, "四五六", revision=1)])
    engine.index.commit()
    assert found(engine) == {"c:0", "c:1"}
    assert found(engine, "一二") == set()
    assert found(engine, "七八") == set()
    assert found(engine, "二一") == {"c:0"}


def test_a_call_can_be_deleted_and_come_back(engine: Engine) -> None:
    many_calls(engine, calls=3, utterances=4)
    engine.index.delete_call("call-01")
    engine.index.delete_call("never-there")
    engine.index.commit()
    assert engine.reader.count() == 8
    assert found(engine, calls=frozenset({"call-01"})) == set()
    engine.index.replace_call("call-01", [said("call-01", 0, "还款")])
    engine.index.commit()
    assert found(engine, calls=frozenset({"call-01"})) == {"call-01:0"}


def test_what_was_redacted_is_not_found(engine: Engine) -> None:
    fill(engine, "我的电话是13812345678")
    assert found(engine, "13812345678") == {"c:0"}
    fill(engine, "我的电话是[phone]")
    assert found(engine, "13812345678") == set()
    assert found(engine, "1381*") == set()
    assert found(engine, "电话") == {"c:0"}
    assert engine.reader.search(SearchQuery(text="电话"), ALL).hits[0].document.text == "我的电话是[phone]"


def test_a_rebuild_replaces_everything(engine: Engine) -> None:
    fill(engine, "旧的", "还有")
    engine.index.replace_call("dropped", [said("dropped", 0, "没有提交")])
    engine.index.rebuild([said("new", 0, "新的"), said("new", 1, "新的二"), said("other", 0, "别的")])
    assert found(engine) == {"new:0", "new:1", "other:0"}
    engine.index.commit()
    assert engine.reader.count() == 3, "what was not committed before a rebuild is dropped"
    engine.index.replace_call("other", [said("other", 0, "别的事")])
    engine.index.commit()
    assert found(engine, "别的事") == {"other:0"}
    engine.index.rebuild([])
    assert engine.reader.count() == 0


def test_a_rebuild_that_fails_leaves_the_old_index(engine: Engine) -> None:
    fill(engine, "旧的")

    def breaking() -> Iterator[UtteranceDocument]:
        yield said("new", 0, "新的")
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke"):
        engine.index.rebuild(breaking())
    assert found(engine) == {"c:0"}
    fill(engine, "旧的", "继续")
    assert found(engine) == {"c:0", "c:1"}


def test_readers_see_a_whole_index_while_it_is_rebuilt(engine: Engine) -> None:
    documents = [said(f"r{number}", 0, f"还款 {number}") for number in range(300)]
    engine.index.rebuild(documents)
    with reading(engine.more()) as seen:
        for _ in range(3):
            engine.index.rebuild(documents)
    assert seen
    assert set(seen) == {300}


@contextmanager
def reading(reader: SearchReader) -> Iterator[list[object]]:
    """Searches in another thread all the while; an error counts as what was seen."""
    seen: list[object] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            try:
                seen.append(reader.search(SearchQuery(text="还款", limit=1), ALL).total_hits)
            except Exception as error:
                seen.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


# --- engines agree --------------------------------------------------------------------------------------------------

_SMALL = st.text(alphabet="还款還计 ，ab1-", min_size=0, max_size=8)
_QUERY = st.lists(
    st.one_of(
        st.text(alphabet="还款還计ab1", min_size=1, max_size=3),
        st.text(alphabet="还款計ab 1，", min_size=1, max_size=4).map(lambda text: f'"{text}"'),
        st.text(alphabet="还款ab", min_size=1, max_size=2).map(lambda text: f"-{text}"),
        st.text(alphabet="还款ab", min_size=1, max_size=2).map(lambda text: f"{text} OR b"),
        st.text(alphabet="还a", min_size=1, max_size=2).map(lambda text: f"{text}*"),
    ),
    min_size=1,
    max_size=3,
).map(" ".join)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(_SMALL, min_size=1, max_size=12), queries=st.lists(_QUERY, min_size=1, max_size=6))
def test_any_search_finds_what_the_plain_loop_finds(engine: Engine, texts: list[str], queries: list[str]) -> None:
    plain = MemoryIndex()
    truth = Engine(plain, plain, lambda: plain)
    fill(engine, *texts)
    fill(truth, *texts)
    for query in queries:
        try:
            expected = found(truth, query)
        except InvalidInput:
            with pytest.raises(InvalidInput):
                found(engine, query)
        else:
            assert found(engine, query) == expected
